"""MIDI over RTP (RFC 6295) in sessions of AppleMIDI: network MIDI.

:mod:`packets` has the payload and :mod:`session_commands` the invitations. :mod:`journal_writer`,
:mod:`journal_reader` and :mod:`receiver_state` are the recovery journal: what it says about lost
packets, and the messages that repair them. :mod:`streams` joins them per direction, :mod:`session`
is one peer, :mod:`initiator` and :mod:`listener` make sessions, over the :mod:`sockets`.
"""

"""Time code and clock.

:mod:`timecode` and :mod:`timecode_reader` are about received time code; :mod:`commands`,
:mod:`clock_generator`, :mod:`timecode_generator` and :mod:`ticker` about sent time code and clock.
"""

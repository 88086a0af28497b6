"""The numbers of a value that took several MIDI messages, with these messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from oscbridge_midi.message_table import MidiMessages

__all__ = ["JoinedNumbers"]


class JoinedNumbers(tuple[int, ...]):
    """The arguments of a received message, e.g. ``/nrpn``.

    A route that leaves them as they are takes the messages along to another MIDI endpoint, which
    then sends them as they were received: the same order of halves, and no half that was missing.
    """

    messages: MidiMessages
    """As they were received."""
    address: str
    """The address of the OSC message that they belong to."""
    selection: MidiMessages
    """The messages that select its parameter; empty if it has none."""

    @classmethod
    def of(
        cls,
        numbers: Iterable[int],
        messages: Sequence[bytes],
        address: str,
        selection: MidiMessages = (),
    ) -> Self:
        """The numbers with their messages."""
        found = cls(numbers)
        found.messages, found.address, found.selection = tuple(messages), address, selection
        return found

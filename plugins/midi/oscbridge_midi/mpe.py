"""MPE: a channel of its own for each note, so that each can be bent and pressed by itself.

MIDI Polyphonic Expression 1.0: a zone has a master channel (1 or 16) and member channels
beside it. A note goes to a free member; pitch, pressure and controllers that belong to a
note go to its channel, all else to the master. Pure.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Annotated, Final, Literal

from pydantic import Field

import oscbridge
from oscbridge_midi.table import BY_TYPE, Parts
from oscbridge_midi.values import Refused

__all__ = ["Zone", "ZoneOptions"]

_CONFIGURATION: Final = 6
"""The registered parameter by which a zone is set up: how many member channels it has."""


class ZoneOptions(oscbridge.Options):
    """``mpe = {...}`` in a route."""

    zone: Literal["lower", "upper"] = "lower"
    """The master is channel 1 (``lower``) or 16 (``upper``)."""
    channels: Annotated[int, Field(ge=1, le=15)] = 15
    """Member channels, that is notes at once."""


class Zone:
    """The notes of one zone, and the channel of each."""

    def __init__(self, options: ZoneOptions) -> None:
        count = options.channels
        lower = options.zone == "lower"
        self.master = 0 if lower else 15
        members = range(1, count + 1) if lower else range(14, 14 - count, -1)
        self._members = count
        self._free = deque(members)
        self._channels: OrderedDict[int, int] = OrderedDict()
        """The channel of each note that sounds, the oldest first."""

    def configuration(self) -> Parts:
        """What sets the zone up at the receiver: the MPE Configuration Message."""
        return BY_TYPE["rpn"].write(self.master, _CONFIGURATION, self._members << 7)[:3]

    def place(self, parts: Parts, note: int | None = None) -> Parts:
        """Messages on the channels where they belong, whatever channel they have.

        ``note`` says to which note they belong, where they do not say so themselves. Raises
        :class:`Refused` for one that does not sound.
        """
        status = parts[0][0] & 0xF0 if parts else 0
        if status == 0x90 and parts[0][2]:
            return self._begin(parts[0])
        if status in (0x80, 0x90):
            return self._end(parts[0])
        if status == 0xA0:  # poly pressure is a note's channel pressure here
            channel = self._channel(parts[0][1])
            return (bytes((0xD0 | channel, parts[0][2])),)
        if not 0xB0 <= status < 0xF0:
            return parts
        channel = self.master if note is None else self._channel(note)
        return tuple([_on(channel, data) for data in parts])

    def forget(self) -> None:
        """All notes have ended."""
        while self._channels:
            self._free.append(self._channels.popitem(last=False)[1])

    def _channel(self, note: int) -> int:
        channel = self._channels.get(note)
        if channel is None:
            raise Refused(f"note {note} does not sound, so nothing can belong to it")
        return channel

    def _begin(self, data: bytes) -> Parts:
        note = data[1]
        ended: Parts = ()
        if note in self._channels:
            ended = (self._off(note),)
        elif not self._free:
            ended = (self._off(next(iter(self._channels))),)
        channel = self._free.popleft()
        self._channels[note] = channel
        return (*ended, _on(channel, data))

    def _off(self, note: int) -> bytes:
        channel = self._channels.pop(note)
        self._free.append(channel)
        return bytes((0x80 | channel, note, 64))

    def _end(self, data: bytes) -> Parts:
        note = data[1]
        channel = self._channels.pop(note, None)
        if channel is None:
            return ()  # its channel was needed for another note, and it was ended then
        self._free.append(channel)
        return (_on(channel, data),)


def _on(channel: int, data: bytes) -> bytes:
    return bytes((data[0] & 0xF0 | channel, *data[1:]))

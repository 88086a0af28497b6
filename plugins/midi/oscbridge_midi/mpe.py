"""MPE: a channel of its own for each note, so that each can be bent and pressed by itself.

MIDI Polyphonic Expression 1.0: a zone has a master channel (1 or 16) and member channels
beside it. A note goes to a free member; pitch, pressure and controllers that belong to a
note go to its channel, all else to the master. Pure.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection
from typing import Annotated, Final, Literal

from pydantic import Field

import oscbridge
from oscbridge_midi.codec import RELEASE, NoteOff
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_table import BY_TYPE, MidiMessages

__all__ = ["MpeZone", "MpeZoneOptions", "clash"]

_CONFIGURATION: Final = 6
"""The registered parameter by which a zone is set up: how many member channels it has."""

_MEMBERS: Final = 14
"""Channels that two zones may have together, beside their masters."""

_TIMBRE: Final = 74
"""The controller that is each note's own, beside its pitch and its pressure."""


class MpeZoneOptions(oscbridge.Options):
    """``mpe = {...}`` in a route."""

    zone: Literal["lower", "upper"] = "lower"
    """The master is channel 1 (``lower``) or 16 (``upper``)."""
    channels: Annotated[int, Field(ge=1, le=15)] = 15
    """Member channels, that is notes at once."""


def clash(zones: Collection[MpeZoneOptions]) -> str:
    """Which zones have channels in common, in words; nothing if none have."""
    for zone, master in (("lower", 1), ("upper", 16)):
        sizes = sorted(each.channels for each in zones if each.zone == zone)
        if len(sizes) > 1:
            many = " and ".join(map(str, sizes))
            return f"routes name an MPE zone at channel {master} with {many} channels"
    sizes = [each.channels for each in zones]
    if len(sizes) > 1 and sum(sizes) > _MEMBERS:
        return f"two MPE zones with {sum(sizes)} channels; together they may have {_MEMBERS}"
    return ""


class MpeZone:
    """The notes of one zone, and the channel of each."""

    def __init__(self, options: MpeZoneOptions, note_off: NoteOff = "note_off") -> None:
        self._note_off = note_off
        count = options.channels
        lower = options.zone == "lower"
        self.master = 0 if lower else 15
        members = range(1, count + 1) if lower else range(14, 14 - count, -1)
        self._members = count
        self._free = deque(members)
        self._channels: OrderedDict[int, int] = OrderedDict()
        """The channel of each note that sounds, the oldest first."""
        self._bent: dict[tuple[int, int], bytes] = {}
        """By channel and kind: what takes back what a note was given."""

    def configuration(self) -> MidiMessages:
        """What sets the zone up at the receiver: the MPE Configuration Message."""
        return BY_TYPE["rpn"].write(self.master, _CONFIGURATION, self._members << 7)[:3]

    def place(self, parts: MidiMessages, note: int | None = None) -> MidiMessages:
        """Messages on the channels where they belong, whatever channel they have.

        ``note`` says to which note they belong, where they do not say so themselves. Raises
        :class:`MidiEncodeError` for one that does not sound.
        """
        status = parts[0][0] & 0xF0 if parts else 0
        if status == 0x90 and parts[0][2]:
            return self._begin(parts[0])
        if status in (0x80, 0x90):
            return self._end(parts[0])
        if status == 0xA0:  # poly pressure is a note's channel pressure here
            channel = self._channel(parts[0][1])
            return self._give(channel, (bytes((0xD0, parts[0][2])),))
        if not 0xB0 <= status < 0xF0:
            return parts
        if note is None:
            return tuple([_on(self.master, data) for data in parts])
        return self._give(self._channel(note), parts)

    def forget(self) -> None:
        """All notes have ended."""
        while self._channels:
            self._free.append(self._channels.popitem(last=False)[1])

    def _give(self, channel: int, parts: MidiMessages) -> MidiMessages:
        """Messages for a note. The next note of the channel must not have them."""
        for data in parts:
            neutral = _neutral(channel, data)
            if neutral is not None:
                self._bent[channel, neutral[0]] = neutral
        return tuple([_on(channel, data) for data in parts])

    def _channel(self, note: int) -> int:
        channel = self._channels.get(note)
        if channel is None:
            raise MidiEncodeError(f"note {note} does not sound, so nothing can belong to it")
        return channel

    def _begin(self, data: bytes) -> MidiMessages:
        note = data[1]
        ended: MidiMessages = ()
        if note in self._channels:
            ended = (self._off(note),)
        elif not self._free:
            ended = (self._off(next(iter(self._channels))),)
        channel = self._free.popleft()
        self._channels[note] = channel
        bent = [key for key in self._bent if key[0] == channel]
        return (*ended, *(self._bent.pop(key) for key in bent), _on(channel, data))

    def _off(self, note: int) -> bytes:
        channel = self._channels.pop(note)
        self._free.append(channel)
        if self._note_off == "velocity_0":
            return bytes((0x90 | channel, note, 0))
        return bytes((0x80 | channel, note, RELEASE))

    def _end(self, data: bytes) -> MidiMessages:
        note = data[1]
        channel = self._channels.pop(note, None)
        if channel is None:
            return ()  # its channel was needed for another note, and it was ended then
        self._free.append(channel)
        return (_on(channel, data),)


def _neutral(channel: int, data: bytes) -> bytes | None:
    """What takes back a message that a note was given."""
    status = data[0] & 0xF0
    if status == 0xE0:
        return bytes((0xE0 | channel, 0, 64))
    if status == 0xD0:
        return bytes((0xD0 | channel, 0))
    if status == 0xB0 and data[1] == _TIMBRE:
        return bytes((0xB0 | channel, _TIMBRE, 64))
    return None


def _on(channel: int, data: bytes) -> bytes:
    return bytes((data[0] & 0xF0 | channel, *data[1:]))

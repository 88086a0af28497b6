"""MPE: each note gets its own channel, so that each can be resets and pressed separately. Pure.

MIDI Polyphonic Expression 1.0: a zone has a master channel (1 or 16) and member channels next to
it. A note is sent on a free member channel; pitch, pressure and controllers of a note on its
channel, everything else on the master channel.
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

__all__ = ["MpeZone", "MpeZoneOptions", "find_overlap"]

_CONFIGURATION: Final = 6
"""The registered parameter that sets up a zone: its number of member channels."""

_MEMBERS: Final = 14
"""The most member channels of two zones together."""

_TIMBRE: Final = 74
"""The controller that belongs to a note, besides pitch and pressure."""


class MpeZoneOptions(oscbridge.Options):
    """``mpe = {...}`` in a route."""

    zone: Literal["lower", "upper"] = "lower"
    """The master is channel 1 (``lower``) or 16 (``upper``)."""
    channels: Annotated[int, Field(ge=1, le=15)] = 15
    """The number of member channels, and thus of simultaneous notes."""


def find_overlap(zones: Collection[MpeZoneOptions]) -> str:
    """A description of zones that share channels; empty if none do."""
    for zone, master in (("lower", 1), ("upper", 16)):
        sizes = sorted(each.channels for each in zones if each.zone == zone)
        if len(sizes) > 1:
            many = " and ".join(map(str, sizes))
            return f"routes define the MPE zone at channel {master} with {many} channels"
    sizes = [each.channels for each in zones]
    if len(sizes) > 1 and sum(sizes) > _MEMBERS:
        return f"two MPE zones with {sum(sizes)} channels; the maximum is {_MEMBERS}"
    return ""


class MpeZone:
    """The notes of one zone and their channels."""

    def __init__(self, options: MpeZoneOptions, note_off: NoteOff = "note_off") -> None:
        self._note_off = note_off
        count = options.channels
        lower = options.zone == "lower"
        self.master = 0 if lower else 15
        members = range(1, count + 1) if lower else range(14, 14 - count, -1)
        self._members = count
        self._free = deque(members)
        self._channels: OrderedDict[int, int] = OrderedDict()
        """The channel of each sounding note, oldest first."""
        self._resets: dict[tuple[int, int], bytes] = {}
        """The messages that reset the expression of a note, by channel and status."""

    def setup(self) -> MidiMessages:
        """The messages that set up the zone at the receiver: the MPE Configuration Message."""
        return BY_TYPE["rpn"].write(self.master, _CONFIGURATION, self._members << 7)[:3]

    def place(self, messages: MidiMessages, note: int | None = None) -> MidiMessages:
        """Move messages to the channels where they belong, whatever channel they have.

        ``note`` is the note of messages that do not contain one, or None. Raises
        :class:`MidiEncodeError` if that note does not sound.
        """
        status = messages[0][0] & 0xF0 if messages else 0
        if status == 0x90 and messages[0][2]:
            return self._begin(messages[0])
        if status in (0x80, 0x90):
            return self._end(messages[0])
        if status == 0xA0:  # within a zone, this is the channel pressure of the note's channel
            channel = self._channel(messages[0][1])
            return self._send_to(channel, (bytes((0xD0, messages[0][2])),))
        if not 0xB0 <= status < 0xF0:
            return messages
        if note is None:
            return tuple([_on(self.master, data) for data in messages])
        return self._send_to(self._channel(note), messages)

    def clear(self) -> None:
        """Free all channels: all notes have ended."""
        while self._channels:
            self._free.append(self._channels.popitem(last=False)[1])

    def _send_to(self, channel: int, messages: MidiMessages) -> MidiMessages:
        """Messages for a note; they are reset before the next note on its channel."""
        for data in messages:
            reset = _reset(channel, data)
            if reset is not None:
                self._resets[channel, reset[0]] = reset
        return tuple([_on(channel, data) for data in messages])

    def _channel(self, note: int) -> int:
        channel = self._channels.get(note)
        if channel is None:
            raise MidiEncodeError(f"note {note} does not sound")
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
        resets = [key for key in self._resets if key[0] == channel]
        return (*ended, *(self._resets.pop(key) for key in resets), _on(channel, data))

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
            return ()  # it was already ended because another note needed its channel
        self._free.append(channel)
        return (_on(channel, data),)


def _reset(channel: int, data: bytes) -> bytes | None:
    """The message that resets what a message sets, or None."""
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

"""Which notes sound at a port, and what ends them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import oscbridge
from oscbridge_midi.codec import RELEASE, NoteOff

__all__ = ["SoundingNotes", "ends_notes", "panic"]

SUSTAIN: Final = 64
ALL_SOUND_OFF: Final = 120
ALL_NOTES_OFF: Final = 123
_RESET: Final = 121

Origin = oscbridge.Origin | None


class SoundingNotes:
    """Follows what is sent. There are at most 16 x 128 notes, and 16 pedals."""

    def __init__(self, note_off: NoteOff = "note_off") -> None:
        self._note_off = note_off
        self._sounding: dict[tuple[int, int], Origin] = {}
        """Channel (from 0) and note, and who began it."""
        self._sustained: dict[int, Origin] = {}
        self._played: set[int] = set()
        """Channels on which a note began."""
        self._pedalled: set[int] = set()
        """Channels on which a pedal went down."""
        self._doubtful: set[int] = set()
        """Channels on which notes may sound that have been ended."""

    def __len__(self) -> int:
        """How many notes sound."""
        return len(self._sounding)

    def follow(self, data: bytes, origin: Origin = None) -> None:
        """Take note of a message that is sent."""
        status = data[0]
        if not 0x80 <= status < 0xC0 or 0xA0 <= status < 0xB0:
            return
        channel, number, value = status & 15, data[1], data[2]
        if status < 0xA0:
            if status >= 0x90 and value:
                self._sounding[channel, number] = origin
                self._played.add(channel)
            else:
                self._sounding.pop((channel, number), None)
        elif number == SUSTAIN:
            if value >= 64:
                self._sustained[channel] = origin
                self._pedalled.add(channel)
            else:
                self._sustained.pop(channel, None)
        elif number == _RESET:
            self._sustained.pop(channel, None)
        elif number == ALL_SOUND_OFF or number >= ALL_NOTES_OFF:
            for key in [key for key in self._sounding if key[0] == channel]:
                del self._sounding[key]
            self._doubtful.discard(channel)

    def doubt(self, data: bytes) -> None:
        """Take back what was followed and then not sent: what it ends may sound."""
        status = data[0]
        if not 0x80 <= status < 0xC0 or 0xA0 <= status < 0xB0:
            return
        channel, number = status & 15, data[1]
        if status < 0xA0:
            self._sounding.setdefault((channel, number), None)
        elif number in (SUSTAIN, _RESET):
            self._sustained.setdefault(channel, None)
        elif number == ALL_SOUND_OFF or number >= ALL_NOTES_OFF:
            self._doubtful.add(channel)

    def doubt_all(self) -> None:
        """The connection broke: what was sent last may not have arrived."""
        self._doubtful |= self._played
        for channel in self._pedalled:
            self._sustained.setdefault(channel, None)
        self._played.clear()
        self._pedalled.clear()

    def rest(self) -> Iterator[bytes]:
        """What ends all that may have sounded here, for one who missed how it ended."""
        for channel in sorted(self._pedalled):
            yield _control(channel, SUSTAIN)
        for channel in sorted(self._played | self._doubtful):
            yield _control(channel, ALL_NOTES_OFF)

    def silence(self, began: Callable[[Origin], bool] | None = None) -> list[bytes]:
        """What ends all that sounds, or what somebody ``began``. To be followed when sent.

        Note Offs, then sustain off, then All SoundingNotes Off on each channel where nothing of
        somebody else sounds.
        """
        notes = [key for key, origin in self._sounding.items() if began is None or began(origin)]
        pedals = [
            channel for channel, origin in self._sustained.items() if began is None or began(origin)
        ]
        others = {key[0] for key in self._sounding.keys() - set(notes)}
        doubtful = self._doubtful if began is None else set()
        channels = sorted({channel for channel, _ in notes} | set(pedals) | doubtful)
        return [
            *(self._off(channel, note) for channel, note in notes),
            *(_control(channel, SUSTAIN) for channel in channels if channel in pedals),
            *(_control(channel, ALL_NOTES_OFF) for channel in channels if channel not in others),
        ]

    def _off(self, channel: int, note: int) -> bytes:
        if self._note_off == "velocity_0":
            return bytes((0x90 | channel, note, 0))
        return bytes((0x80 | channel, note, RELEASE))


def ends_notes(data: bytes) -> bool:
    """Whether a message is a Note Off, or lifts the sustain pedal, or ends all notes."""
    kind = data[0] & 0xF0
    if kind == 0xB0:
        number = data[1]
        if number == SUSTAIN:
            return data[2] < 64
        return number in (_RESET, ALL_SOUND_OFF) or number >= ALL_NOTES_OFF
    return kind == 0x80 or (kind == 0x90 and not data[2])


def panic() -> Iterator[bytes]:
    """What ends all sound on all channels, whoever began it."""
    for channel in range(16):
        for control in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF):
            yield _control(channel, control)


def _control(channel: int, control: int) -> bytes:
    return bytes((0xB0 | channel, control, 0))

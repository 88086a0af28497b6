"""Tracks which notes sound at a port, and creates the messages that end them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

import oscbridge
from oscbridge_midi.codec import RELEASE, NoteOff

__all__ = ["SoundingNotes", "ends_notes", "panic"]

SUSTAIN: Final = 64
RESET_CONTROLLERS: Final = 121
ALL_SOUND_OFF: Final = 120
ALL_NOTES_OFF: Final = 123
"""Controllers of MIDI 1.0; those above 123 end all notes as well."""

_MaybeOrigin: TypeAlias = oscbridge.Origin | None


class SoundingNotes:
    """Tracks sent messages: at most 16 × 128 notes and 16 sustain pedals."""

    def __init__(self, note_off: NoteOff = "note_off") -> None:
        self._note_off = note_off
        self._sounding: dict[tuple[int, int], _MaybeOrigin] = {}
        """Who started each note, by channel (from 0) and note."""
        self._sustained: dict[int, _MaybeOrigin] = {}
        """Who pressed the pedal, by channel."""
        self._played: set[int] = set()
        """Channels on which a note was started."""
        self._pedalled: set[int] = set()
        """Channels on which the pedal was pressed."""
        self._uncertain: set[int] = set()
        """Channels on which notes may sound although they were ended."""

    def __len__(self) -> int:
        """The number of notes that sound."""
        return len(self._sounding)

    def track(self, data: bytes, origin: _MaybeOrigin = None) -> None:
        """Record a message that is sent."""
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
        elif number == RESET_CONTROLLERS:
            self._sustained.pop(channel, None)
        elif number == ALL_SOUND_OFF or number >= ALL_NOTES_OFF:
            for key in [key for key in self._sounding if key[0] == channel]:
                del self._sounding[key]
            self._uncertain.discard(channel)

    def mark_unsent(self, messages: Iterable[bytes]) -> None:
        """Messages that were tracked could not be sent: what they end may still sound."""
        for data in messages:
            status = data[0]
            if not 0x80 <= status < 0xC0 or 0xA0 <= status < 0xB0:
                continue
            channel, number = status & 15, data[1]
            if status < 0xA0:
                self._sounding.setdefault((channel, number), None)
            elif number in (SUSTAIN, RESET_CONTROLLERS):
                self._sustained.setdefault(channel, None)
            elif number == ALL_SOUND_OFF or number >= ALL_NOTES_OFF:
                self._uncertain.add(channel)

    def mark_uncertain(self) -> None:
        """The connection was lost: recently sent messages may not have arrived."""
        self._uncertain |= self._played
        for channel in self._pedalled:
            self._sustained.setdefault(channel, None)
        self._played.clear()
        self._pedalled.clear()

    def release_channels(self) -> Iterator[bytes]:
        """Messages for a receiver that may have missed the end of any note sent so far."""
        for channel in sorted(self._pedalled):
            yield _control(channel, SUSTAIN)
        for channel in sorted(self._played | self._uncertain):
            yield _control(channel, ALL_NOTES_OFF)

    def release(self, began: Callable[[_MaybeOrigin], bool] | None = None) -> list[bytes]:
        """Messages that end all notes, or those whose origin ``began`` selects.

        These are Note Offs, then sustain off, then All Notes Off on each channel where no other
        note sounds. They must be tracked when they are sent.
        """
        notes = [key for key, origin in self._sounding.items() if began is None or began(origin)]
        pedals = [
            channel for channel, origin in self._sustained.items() if began is None or began(origin)
        ]
        others = {key[0] for key in self._sounding.keys() - set(notes)}
        uncertain = self._uncertain if began is None else set()
        channels = sorted({channel for channel, _ in notes} | set(pedals) | uncertain)
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
    """Whether a message is a Note Off, lifts the sustain pedal, or ends all notes."""
    kind = data[0] & 0xF0
    if kind == 0xB0:
        number = data[1]
        if number == SUSTAIN:
            return data[2] < 64
        return number in (RESET_CONTROLLERS, ALL_SOUND_OFF) or number >= ALL_NOTES_OFF
    return kind == 0x80 or (kind == 0x90 and not data[2])


def panic() -> Iterator[bytes]:
    """Messages that end all sound on all channels, whoever started it."""
    for channel in range(16):
        for control in (SUSTAIN, ALL_NOTES_OFF, ALL_SOUND_OFF):
            yield _control(channel, control)


def _control(channel: int, control: int) -> bytes:
    return bytes((0xB0 | channel, control, 0))

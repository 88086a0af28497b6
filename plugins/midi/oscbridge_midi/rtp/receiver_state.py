"""What a receiver knows about each channel, and the messages that repair it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oscbridge_midi.codec import RELEASE
from oscbridge_midi.rtp.journal_reader import ChannelJournal, RecoveryJournal
from oscbridge_midi.rtp.journal_writer import COUNTED

__all__ = ["ReceiverState"]

_SUSTAIN: Final = 64
_ENDS_NOTES: Final = frozenset((120, *range(123, 128)))
_RESET: Final = 121


class _ReceivedChannel:
    """The state of one channel after all messages that were received or repaired."""

    def __init__(self) -> None:
        self.notes: dict[int, int] = {}
        """Notes that sound, and their velocities."""
        self.controls: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.program: tuple[int, int, int] | None = None
        """The program with the halves of its bank."""
        self.pitch: bytes | None = None
        self.pressure: int | None = None

    def track(self, data: bytes) -> None:
        status = data[0] & 0xF0
        if status == 0x90 and data[2]:
            self.notes[data[1]] = data[2]
        elif status in (0x80, 0x90):
            self.notes.pop(data[1], None)
        elif status == 0xB0:
            self._track_control(data[1], data[2])
        elif status == 0xC0:
            self.program = (data[1], self.controls.get(0, 0), self.controls.get(32, 0))
        elif status == 0xD0:
            self.pressure = data[1]
        elif status == 0xE0:
            self.pitch = data[1:3]

    def _track_control(self, number: int, value: int) -> None:
        if number in COUNTED:
            self.counts[number] = (self.counts.get(number, 0) + 1) & 63
            if number in _ENDS_NOTES:
                self.notes.clear()
            elif number == _RESET:
                self.controls = {n: v for n, v in self.controls.items() if n in (0, 32)}
            return
        self.controls[number] = value

    def repairs(self, journal: ChannelJournal) -> Iterator[bytes]:
        """The messages after which the state is the sender's, in the order of the chapters."""
        yield from self._program(journal)
        for number, count in journal.counts:
            if self.counts.get(number, 0) != count:
                yield bytes((0xB0, number, 0))
                self.counts[number] = count
        for number, value in journal.controls:
            if self.controls.get(number) != value:
                yield bytes((0xB0, number, value))
        if journal.pitch is not None and journal.pitch != self.pitch:
            yield b"\xe0" + journal.pitch
        for note in journal.ended:
            if note in self.notes:
                yield bytes((0x80, note, RELEASE))
        for note, velocity, is_fresh in journal.notes:
            if note in self.notes and self.notes[note] != velocity and is_fresh:
                yield bytes((0x80, note, RELEASE))
            if note not in self.notes and is_fresh:
                yield bytes((0x90, note, velocity))
        if journal.pressure is not None and journal.pressure != self.pressure:
            yield bytes((0xD0, journal.pressure))

    def _program(self, journal: ChannelJournal) -> Iterator[bytes]:
        if journal.program is None:
            return
        bank = (0, 0) if journal.bank is None else journal.bank
        if self.program == (journal.program, *bank):
            return
        if journal.bank is not None:
            yield bytes((0xB0, 0, bank[0]))
            yield bytes((0xB0, 32, bank[1]))
        yield bytes((0xC0, journal.program))

    def ends(self) -> Iterator[bytes]:
        """The messages that end its notes and lift its pedal."""
        for note in tuple(self.notes):
            yield bytes((0x80, note, RELEASE))
        if self.controls.get(_SUSTAIN, 0) >= 64:
            yield bytes((0xB0, _SUSTAIN, 0))


class ReceiverState:
    """The state of all channels."""

    def __init__(self) -> None:
        self._channels: dict[int, _ReceivedChannel] = {}

    @property
    def sounding(self) -> int:
        """The number of notes that sound."""
        return sum(len(channel.notes) for channel in self._channels.values())

    def track(self, data: bytes) -> None:
        """Take a received message."""
        if 0x80 <= data[0] < 0xF0:
            self._channels.setdefault(data[0] & 15, _ReceivedChannel()).track(data)

    def repair(self, journal: RecoveryJournal) -> list[bytes]:
        """The messages that repair a loss, tracked already."""
        found = []
        for each in journal.channels:
            channel = self._channels.setdefault(each.channel, _ReceivedChannel())
            for message in channel.repairs(each):
                data = bytes((message[0] | each.channel, *message[1:]))
                found.append(data)
                # A counted controller was counted by the journal: only its effect is new.
                counts = dict(channel.counts)
                channel.track(data)
                channel.counts = counts
        return found

    def end_notes(self) -> list[bytes]:
        """The messages that end all notes, tracked already: their ends may be lost."""
        found = []
        for number, channel in self._channels.items():
            for message in tuple(channel.ends()):
                data = bytes((message[0] | number, *message[1:]))
                channel.track(data)
                found.append(data)
        return found

"""The recovery journal of sent messages. Pure. RFC 6295, section 5 and appendix A.

It holds what a receiver must know that has missed any packets since the checkpoint. Chapters:
P (program), C (controllers), W (pitch wheel), N (notes), T (channel pressure). Not in it are
parameter controllers (6, 38, 96 to 101), whose order matters, key pressure, sysex and system
messages. All S bits are 0: each part counts after any loss.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COUNTED", "UNRECOVERED", "JournalWriter"]

COUNTED: Final = frozenset((120, 121, *range(123, 128)))
"""Controllers that are logged by how often they were sent: each is an event, not a value."""

UNRECOVERED: Final = frozenset((6, 38, *range(96, 102)))
"""Controllers that are not logged."""

_ENDS_NOTES: Final = frozenset((120, *range(123, 128)))
_RESET: Final = 121

FRESH: Final = 1.0
"""Seconds for which a lost note is still worth to be played."""


class _SentChannel:
    """The messages sent on one channel; each with the packet that it was sent in last."""

    def __init__(self) -> None:
        self.bank: dict[int, int] = {}
        self.program: tuple[int, bytes] | None = None
        self.controls: dict[int, tuple[int, int]] = {}
        """By controller: the packet, and the value or the count."""
        self.counts: dict[int, int] = {}
        self.pitch: tuple[int, bytes] | None = None
        self.pressure: tuple[int, int] | None = None
        self.notes: dict[int, tuple[int, int, float]] = {}
        """Notes that sound: the packet, the velocity and the time."""
        self.ended: dict[int, int] = {}

    def track(self, data: bytes, sequence: int, now: float) -> None:
        status = data[0] & 0xF0
        if status in (0x80, 0x90):
            note, velocity = data[1], data[2]
            if status == 0x90 and velocity:
                self.ended.pop(note, None)
                self.notes[note] = (sequence, velocity, now)
            else:
                self.notes.pop(note, None)
                self.ended[note] = sequence
        elif status == 0xB0:
            self._track_control(data[1], data[2], sequence)
        elif status == 0xC0:
            high, low = self.bank.get(0), self.bank.get(32)
            bank = bytes((0, 0)) if high is None else bytes((0x80 | high, low or 0))
            self.program = (sequence, bytes((data[1],)) + bank)
        elif status == 0xD0:
            self.pressure = (sequence, data[1])
        elif status == 0xE0:
            self.pitch = (sequence, data[1:3])

    def _track_control(self, number: int, value: int, sequence: int) -> None:
        if number in UNRECOVERED:
            return
        if number in (0, 32):
            self.bank[number] = value
        if number in _ENDS_NOTES:
            self.ended.update(dict.fromkeys(self.notes, sequence))
            self.notes.clear()
        if number == _RESET:  # earlier settings are not valid any more
            kept = COUNTED | {0, 32}
            self.controls = {n: each for n, each in self.controls.items() if n in kept}
        if number in COUNTED:
            value = self.counts[number] = (self.counts.get(number, 0) + 1) & 63
        self.controls[number] = (sequence, value)

    def trim(self, upto: int) -> None:
        """Forget messages sent up to a packet. Notes that sound are forgotten as well."""
        self.controls = {n: each for n, each in self.controls.items() if each[0] > upto}
        self.notes = {n: each for n, each in self.notes.items() if each[0] > upto}
        self.ended = {n: each for n, each in self.ended.items() if each > upto}
        if self.program is not None and self.program[0] <= upto:
            self.program = None
        if self.pitch is not None and self.pitch[0] <= upto:
            self.pitch = None
        if self.pressure is not None and self.pressure[0] <= upto:
            self.pressure = None

    def encode(self, channel: int, now: float) -> bytes:
        """The channel's journal; empty if there is nothing to say."""
        chapters, contents = b"", 0
        if self.program is not None:
            contents |= 0x80
            chapters += self.program[1]
        if self.controls:
            contents |= 0x40
            chapters += bytes((len(self.controls) - 1,))
            for number, (_, value) in self.controls.items():
                chapters += bytes((number, 0xC0 | value if number in COUNTED else value))
        if self.pitch is not None:
            contents |= 0x10
            chapters += self.pitch[1]
        if self.notes or self.ended:
            contents |= 0x08
            chapters += self._encode_notes(now)
        if self.pressure is not None:
            contents |= 0x02
            chapters += bytes((self.pressure[1],))
        if not contents:
            return b""
        length = 3 + len(chapters)
        return bytes((channel << 3 | length >> 8, length & 255, contents)) + chapters

    def _encode_notes(self, now: float) -> bytes:
        count = len(self.notes)
        low, high = (15, 0) if count == 128 else (15, 1)
        bits = bytearray()
        if self.ended:
            low, high = min(self.ended) >> 3, max(self.ended) >> 3
            bits = bytearray(high - low + 1)
            for note in self.ended:
                bits[(note >> 3) - low] |= 0x80 >> (note & 7)
        logs = bytearray((min(count, 127), low << 4 | high))
        for note, (_, velocity, when) in self.notes.items():
            logs += bytes((note, velocity | (0x80 if now - when < FRESH else 0)))
        return bytes(logs + bits)


class JournalWriter:
    """The journal of one stream. Sequence numbers are not wrapped here."""

    def __init__(self, first: int) -> None:
        self.checkpoint = first
        """The first packet that it covers."""
        self._channels: dict[int, _SentChannel] = {}

    def track(self, messages: list[bytes], sequence: int, now: float) -> None:
        """Take the messages of a packet that is sent at a monotonic time."""
        for data in messages:
            if 0x80 <= data[0] < 0xF0:
                channel = self._channels.setdefault(data[0] & 15, _SentChannel())
                channel.track(data, sequence, now)

    def trim(self, upto: int) -> None:
        """The receiver has got all up to this packet."""
        if upto >= self.checkpoint:
            self.checkpoint = upto + 1
            for channel in self._channels.values():
                channel.trim(upto)

    def encode(self, now: float) -> bytes:
        """The journal for the next packet.

        Without anything to repair it has no channels, and says that nothing was missed.
        """
        found = [each.encode(number, now) for number, each in sorted(self._channels.items())]
        channels = [each for each in found if each]
        head = 0x20 | len(channels) - 1 if channels else 0
        return bytes((head,)) + (self.checkpoint & 0xFFFF).to_bytes(2, "big") + b"".join(channels)

"""The two directions of a session: numbers, loss, repair. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX, size
from oscbridge_midi.rtp.journal_reader import RecoveryJournal, decode_journal
from oscbridge_midi.rtp.journal_writer import JournalWriter
from oscbridge_midi.rtp.packets import RtpPacket, decode_packet, encode_packet, payloads
from oscbridge_midi.rtp.receiver_state import ReceiverState

__all__ = ["ReceiveStream", "ReceivedMidi", "SendStream"]

_HALF: Final = 1 << 15

MAX_LATE: Final = 100
"""Packets in a row that are late: then the sender counts from another number."""


class SendStream:
    """The packets to one receiver."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.sequence = secrets.randbelow(_HALF)
        """The next packet, not wrapped."""
        self._journal = JournalWriter(self.sequence)

    @property
    def is_acknowledged(self) -> bool:
        """Whether the receiver is known to have all that the journal can repair."""
        return self._journal.checkpoint >= self.sequence

    def packets(self, messages: Sequence[bytes], timestamp: int, now: float) -> Iterator[bytes]:
        """The packets for these messages, sent at a monotonic time."""
        for part in payloads(messages):
            yield self._packet(part, timestamp, now)

    def guard(self, timestamp: int, now: float) -> bytes:
        """A packet with the journal only: the receiver may have missed the last one."""
        return self._packet([], timestamp, now)

    def _packet(self, part: list[bytes], timestamp: int, now: float) -> bytes:
        journal = self._journal.encode(now)
        self._journal.track(part, self.sequence, now)
        data = encode_packet(self.sequence, timestamp, self.ssrc, part, journal)
        self.sequence += 1
        return data

    def acknowledge(self, sequence: int) -> None:
        """The receiver has got all up to this packet, which has 16 bits."""
        behind = (self.sequence - sequence) & 0xFFFF
        if 0 < behind < _HALF:
            self.forget(self.sequence - behind)

    def forget(self, upto: int) -> None:
        """Repair nothing any more up to this packet."""
        self._journal.trim(upto)


class ReceivedMidi(NamedTuple):
    """The messages of a packet, each with its time in units of 0.1 ms after the packet's."""

    timestamp: int
    messages: list[tuple[int, bytes]]
    lost: int = 0
    """Packets that are missing before it."""
    is_repaired: bool = True
    """Whether the journal has repaired the loss."""
    problem: oscbridge.DecodeError | None = None
    """The error in a part of it."""


class ReceiveStream:
    """The packets from one sender."""

    def __init__(self) -> None:
        self._expected: int | None = None
        """The number of the next packet, 16 bits."""
        self._state = ReceiverState()
        self._sysex = bytearray()
        self._late = 0
        self._problem: oscbridge.DecodeError | None = None

    @property
    def highest(self) -> int | None:
        """The last packet of which, and before which, nothing is missing any more."""
        return None if self._expected is None else self._expected - 1 & 0xFFFF

    @property
    def sounding(self) -> int:
        """The number of notes that sound."""
        return self._state.sounding

    def receive(self, data: bytes) -> ReceivedMidi | None:
        """Take a packet; None for one that is late or a duplicate.

        Raises :class:`oscbridge.DecodeError`.
        """
        packet = decode_packet(data)
        journal = decode_journal(packet.journal) if packet.journal else None
        expected = self._expected
        if expected is None:  # the first ones may be lost: those of the journal
            expected = packet.sequence if journal is None else journal.checkpoint
        lost = packet.sequence - expected & 0xFFFF
        if lost >= _HALF and self._late < MAX_LATE:
            self._late += 1
            return None
        self._late, self._problem = 0, None
        self._expected = packet.sequence + 1 & 0xFFFF
        repairs: list[bytes] = []
        is_repaired = True
        if lost:
            self._sysex.clear()
            repairs, is_repaired = self._repair(journal, expected)
        messages = [(0, each) for each in repairs]
        messages += self._messages(packet)
        return ReceivedMidi(packet.timestamp, messages, lost, is_repaired, self._problem)

    def end(self) -> list[bytes]:
        """The messages that end all notes: the sender is gone."""
        return self._state.end_notes()

    def _repair(self, journal: RecoveryJournal | None, expected: int) -> tuple[list[bytes], bool]:
        """The messages that repair the loss of all from ``expected`` on."""
        if journal is None:
            return self._state.end_notes(), False
        is_covered = (expected - journal.checkpoint) & 0xFFFF < _HALF
        ends = [] if is_covered else self._state.end_notes()
        return ends + self._state.repair(journal), is_covered

    def _messages(self, packet: RtpPacket) -> Iterator[tuple[int, bytes]]:
        for when, data in packet.commands:
            if data[0] in (0xF0, 0xF7):
                if (whole := self._joined(data)) is not None:
                    yield when, whole
            elif size(data[0]):
                self._state.track(data)
                yield when, data

    def _joined(self, segment: bytes) -> bytes | None:
        """The whole sysex, when this is its last segment. A segment without a start is left out:
        the start was lost."""
        end = segment[-1]
        if segment[0] == 0xF0:
            self._sysex[:] = segment[:-1]
        elif self._sysex:
            self._sysex += segment[1:-1]
        if len(self._sysex) >= MAX_SYSEX:
            self._sysex.clear()
            text = f"a sysex of more than {MAX_SYSEX} bytes"
            self._problem = oscbridge.DecodeError("size", text)
        if end != 0xF7 or not self._sysex:
            if end == 0xF4:
                self._sysex.clear()
            return None
        whole = bytes(self._sysex) + b"\xf7"
        self._sysex.clear()
        return whole

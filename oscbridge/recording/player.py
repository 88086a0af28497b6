"""Play records at their times.

Times are absolute: each is computed from the start of the round, so that errors do not add up.
A wait ends with a short spin, because the system wakes sleepers about 0.1 ms late.
"""

from __future__ import annotations

import math
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from oscbridge.osc import DEFAULT_LIMITS, TimeTag
from oscbridge.recording.format import Record

__all__ = [
    "FASTEST",
    "SPIN_NS",
    "TOLERANCE_NS",
    "Punctuality",
    "Schedule",
    "play",
    "shift_timetags",
]

SPIN_NS: Final = 300_000
"""Maximum nanoseconds of busy waiting before a packet."""

TICK_NS: Final = 100_000_000
"""Nanoseconds between interruptions of a wait."""

SHORTEST_ROUND_NS: Final = 10_000_000
"""Minimum nanoseconds of a round. A recording may cover a single instant."""

TOLERANCE_NS: Final = 1_000_000
"""Nanoseconds of lateness without a warning."""

FASTEST: Final = math.inf
"""The speed without any waiting."""

_BUNDLE: Final = b"#bundle\0"
_TIMETAG: Final = struct.Struct(">Q")
_SIZE: Final = struct.Struct(">i")
_LAST_TAG_NS: Final = TimeTag(0x7FFFFFFF_FFFFFFFF).unix_ns() - 1  # the next wraps to 1968


@dataclass(frozen=True)
class Schedule:
    """When the packets of one round are due."""

    recorded_unix_ns: int
    """When the recording began: Unix time."""
    start_unix_ns: int
    """When this round begins: Unix time."""
    start_ns: int
    """The same instant on the clock of ``time.monotonic_ns``."""
    speed: float = 1.0
    """Above 0; 2 is twice as fast, :data:`FASTEST` does not wait."""

    @classmethod
    def now(cls, recorded_unix_ns: int, speed: float = 1.0, at_ns: int = 0) -> Schedule:
        """A round that is now at ``at_ns`` nanoseconds of the recording."""
        passed = round(at_ns / speed)
        start_unix_ns, start_ns = time.time_ns() - passed, time.monotonic_ns() - passed
        return cls(recorded_unix_ns, start_unix_ns, start_ns, speed)

    def after(self, length_ns: int) -> Schedule:
        """The next round, if this one lasts ``length_ns`` nanoseconds of recorded time."""
        lasts = max(SHORTEST_ROUND_NS, round(length_ns / self.speed))
        return replace(
            self, start_unix_ns=self.start_unix_ns + lasts, start_ns=self.start_ns + lasts
        )

    def due_ns(self, time_ns: int) -> int:
        """When a record is due on the clock of ``time.monotonic_ns``."""
        return self.start_ns + round(time_ns / self.speed)

    def time_ns(self, now_ns: int) -> int:
        """The time of the recording at ``now_ns`` on the clock of ``time.monotonic_ns``."""
        return round((now_ns - self.start_ns) * self.speed)

    def tag(self, tag: TimeTag) -> TimeTag:
        """A recorded time tag, converted to the time of this round."""
        since = round((tag.unix_ns() - self.recorded_unix_ns) / self.speed)
        return TimeTag.from_unix_ns(min(self.start_unix_ns + since, _LAST_TAG_NS))

    def packet(self, record: Record) -> bytes:
        """A record's packet with its future time tags converted to the time of this round.

        Time tags that were in the past when the packet was recorded stay: they are late anyway.
        """
        if not record.packet.startswith(b"#"):
            return record.packet
        passed = self.recorded_unix_ns + record.time_ns

        def shift(tag: TimeTag) -> TimeTag:
            return tag if tag.immediate or tag.unix_ns() <= passed else self.tag(tag)

        return shift_timetags(record.packet, shift)


@dataclass
class Punctuality:
    """Lateness of packets, as a bounded number of counts."""

    packets: int = 0
    late: int = 0
    """Packets more than :data:`TOLERANCE_NS` late."""
    worst_ns: int = 0
    _counts: Counter[int] = field(default_factory=Counter)
    """Packets by lateness, to two digits."""

    def add(self, late_ns: int) -> None:
        """Count a packet."""
        late_ns = max(0, late_ns)
        self.packets += 1
        self.late += late_ns > TOLERANCE_NS
        self.worst_ns = max(self.worst_ns, late_ns)
        step: int = 10 ** max(0, len(str(late_ns)) - 2)
        self._counts[late_ns // step * step] += 1

    @property
    def median_ns(self) -> int:
        """Median lateness, to two digits; 0 without packets."""
        passed = 0
        for late, count in sorted(self._counts.items()):
            passed += count
            if 2 * passed >= self.packets:
                return late
        return 0


def play(
    records: Iterable[Record],
    send: Callable[[bytes], None],
    schedule: Schedule,
    punctuality: Punctuality,
    *,
    keep_timetags: bool = False,
    tick: Callable[[], None] = lambda: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Send the packets of one round, each at its time; blocks.

    Late packets are sent immediately. ``tick`` is called about ten times per second. Returns
    soon after ``stopped`` returns true, never between a packet and its count. Exceptions of
    ``records``, ``send`` and ``tick`` are passed on.
    """
    paced = schedule.speed != FASTEST
    next_tick = time.monotonic_ns() + TICK_NS
    for record in records:
        due = schedule.due_ns(record.time_ns)
        packet = record.packet if keep_timetags else schedule.packet(record)
        while True:
            if stopped():
                return
            now = time.monotonic_ns()
            if now >= next_tick:
                tick()
                next_tick = now + TICK_NS
            if not paced or now >= due - SPIN_NS:
                break
            time.sleep(min(due - SPIN_NS - now, TICK_NS) / 1e9)
        while paced and time.monotonic_ns() < due:
            pass
        send(packet)
        punctuality.add(time.monotonic_ns() - due if paced else 0)


def shift_timetags(packet: bytes, shift: Callable[[TimeTag], TimeTag]) -> bytes:
    """A packet with the time tags of its bundles replaced; all other bytes stay.

    Anything other than a well-formed bundle is left unchanged.
    """
    changed = bytearray(packet)
    for offset in _timetags(packet, 0, len(packet), DEFAULT_LIMITS.max_depth):
        (tag,) = _TIMETAG.unpack_from(packet, offset)
        _TIMETAG.pack_into(changed, offset, shift(TimeTag(tag)))
    return bytes(changed)


def _timetags(packet: bytes, start: int, end: int, depth: int) -> Iterator[int]:
    """Offsets of the time tags of a bundle and its nested bundles."""
    if not depth or end - start < 16 or not packet.startswith(_BUNDLE, start):
        return
    yield start + 8
    at = start + 16
    while at + 4 <= end:
        (size,) = _SIZE.unpack_from(packet, at)
        at += 4
        if not 0 < size <= end - at:
            return
        if packet.startswith(b"#", at):
            yield from _timetags(packet, at, at + size, depth - 1)
        at += size

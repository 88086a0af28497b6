"""What became of the messages of children, exact even if they are killed at any instant.

Each record of a child carries the child's number, and the number of the message that it was
handling. A record is delivered or not, never half, so the supervisor knows which messages have
left a child. A child that reads its own packets counts them in memory that it shares with the
worker, which reports them once the child has ended. A worker that reads packets counts them in
memory that it shares with the supervisor.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from struct import Struct
from typing import Final, NamedTuple

from oscbridge.bridge.sources.forked.ipc_protocol import ChildEnd, CountsRecord
from oscbridge.dispatch.statistics import Reporting, Statistics
from oscbridge.errors import DecodeError

__all__ = [
    "HEADER",
    "ChildHeader",
    "ChildTallies",
    "SharedStatistics",
    "WorkerStatistics",
    "add_counts",
    "add_record",
    "counts_of",
]

HEADER: Final = Struct("=QQ")
"""Precedes each record: the number of the child (0: the worker), and that of its message."""

_CELLS: Final = Struct("=QQQQ")
"""Memory of a worker: received and unmatched messages, bad packets, and whether it is reading."""


class ChildHeader(NamedTuple):
    """Which child sent a record, and which of its messages it was handling."""

    child: int = 0
    message: int = 0

    def encode(self) -> bytes:
        return HEADER.pack(*self)


class SharedStatistics(Statistics):
    """Counters of a child; those of received and unmatched messages survive its death."""

    __slots__ = ("_cells",)

    def __init__(self, memory: mmap.mmap) -> None:
        self._cells = memoryview(memory).cast("Q")
        super().__init__()

    @staticmethod
    def left_in(memory: mmap.mmap) -> tuple[int, int]:
        """Received and unmatched messages that a child has counted in this memory."""
        messages, unmatched = HEADER.unpack_from(memory)
        return messages, unmatched

    @property
    def messages(self) -> int:
        """Received messages."""
        return self._cells[0]

    @messages.setter
    def messages(self, value: int) -> None:
        self._cells[0] = value

    @property
    def unmatched(self) -> int:
        """Messages without a handler."""
        return self._cells[1]

    @unmatched.setter
    def unmatched(self, value: int) -> None:
        self._cells[1] = value


class WorkerStatistics(SharedStatistics):
    """Counters of a worker that reads packets; see :meth:`missing` for those that survive it."""

    __slots__ = ()

    @staticmethod
    def missing(memory: mmap.mmap, reported: Statistics) -> Counter[str]:
        """What an ended worker has counted in this memory and has not reported.

        A datagram that it had just read, and not decoded yet, counts as one message.
        """
        messages, unmatched, bad, reading = _CELLS.unpack_from(memory)
        counts = Counter(messages=messages, unmatched=unmatched) + Counter({"bad.worker": bad})
        known = Counter(messages=reported.messages, unmatched=reported.unmatched)
        known["bad.worker"] = reported.bad.total()
        return counts - known + Counter(messages=reading)

    def note_bad(self) -> None:
        """Count a bad packet."""
        self._cells[2] += 1
        self._cells[3] = 0

    def note_reading(self, on: bool) -> None:
        """Note that a datagram is read, and not counted yet, or that it is."""
        self._cells[3] = on


class ChildTallies:
    """In the supervisor: what the children of one worker have reported until now."""

    def __init__(self) -> None:
        self._routed: dict[int, int] = {}
        self._reported: dict[int, Counter[str]] = {}

    def settle(self, header: ChildHeader) -> int:
        """Note a record about a message. Returns how many messages it says were routed."""
        child, message = header
        new = message - self._routed.get(child, 0)
        if new > 0:
            self._routed[child] = message
        return max(0, new)

    def add(self, child: int, counts: Mapping[str, int]) -> None:
        """Note counts that a child has reported of the packets that it read."""
        self._reported.setdefault(child, Counter()).update(counts)

    def end(self, ended: ChildEnd) -> tuple[Counter[str], int]:
        """Close the tally of a child: the counts it did not report, and its lost messages."""
        routed = self._routed.pop(ended.child, 0)
        reported = self._reported.pop(ended.child, Counter())
        counts = Counter(messages=ended.messages, unmatched=ended.unmatched)
        dropped = sum(n for name, n in reported.items() if name.startswith("dropped."))
        lost = ended.given + ended.messages - ended.unmatched - dropped - routed
        return counts - reported, max(0, lost)


def counts_of(statistics: Statistics) -> Counter[str]:
    """The counters of a dispatcher, by names such as "messages" and "bad.size"."""
    counts: Counter[str] = Counter()
    for field in fields(statistics):
        value = getattr(statistics, field.name)
        if isinstance(value, Counter):
            for reason, count in value.copy().items():
                counts[f"{field.name}.{reason}"] = count
        elif value is not None:
            counts[field.name] = value
    return counts


def add_record(reporting: Reporting, record: CountsRecord) -> None:
    """Add what another process reports. Raises :class:`DecodeError` for an unknown name."""
    add_counts(reporting.statistics, record.counts)
    reporting.last_unmatched = record.last_unmatched or reporting.last_unmatched


def add_counts(statistics: Statistics, counts: Mapping[str, int]) -> None:
    """Add counts of another process. Raises :class:`DecodeError` for an unknown name."""
    known = {field.name for field in fields(statistics)}
    for key, count in counts.items():
        name, _, reason = key.partition(".")
        value = getattr(statistics, name) if name in known else None
        if isinstance(value, Counter) and reason:
            value[reason] += count
        elif isinstance(value, int) and not reason:
            setattr(statistics, name, value + count)
        else:
            raise DecodeError("record", f"not a record of a worker: count of {key!r}")

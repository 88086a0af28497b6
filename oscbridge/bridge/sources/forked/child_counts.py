"""What became of the messages of children, exact even if they are killed at any instant.

Each record of a child carries the child's number, and the number of the message that it was
handling. A record is delivered or not, never half, so the supervisor knows which messages have
left a child. What reads packets, a worker over UDP and its children over TCP, counts them in memory
that it shares with the supervisor.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from struct import Struct
from typing import Final, NamedTuple

from oscbridge.bridge.sources.forked.ipc_protocol import ChildEnd, CountsRecord
from oscbridge.dispatch.statistics import Reporting, Statistics
from oscbridge.errors import DecodeError

__all__ = [
    "CELLS",
    "HEADER",
    "ChildHeader",
    "ChildTallies",
    "SharedStatistics",
    "WorkerStatistics",
    "add_counts",
    "add_record",
    "counts_of",
    "size_of_cells",
    "unreported_children",
]

HEADER: Final = Struct("=QQ")
"""Precedes each record: the number of the child (0: the worker), and that of its message."""

CELLS: Final = Struct("=QQQQ")
"""Received and unmatched messages, and bad packets. Then, of a worker, whether it is reading; of
a child, its number. The first cells in the shared memory are those of the worker."""

_UNSENT: Final = 64
"""Ended children that a worker need not have reported before others can start."""


def size_of_cells(children: int) -> int:
    """Bytes of the memory of a worker with so many children at once."""
    return CELLS.size * (1 + children + _UNSENT)


class ChildHeader(NamedTuple):
    """Which child sent a record, and which of its messages it was handling."""

    child: int = 0
    message: int = 0

    def encode(self) -> bytes:
        return HEADER.pack(*self)


class SharedStatistics(Statistics):
    """Counters of a process that reads packets; those of messages and bad packets survive it.

    ``place``: that of its cells in the memory; 0 is the worker's.
    """

    __slots__ = ("_cells",)

    def __init__(self, memory: mmap.mmap, place: int = 0) -> None:
        start = CELLS.size * place
        self._cells = memoryview(memory)[start : start + CELLS.size].cast("Q")
        super().__init__()

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

    def note_bad(self) -> None:
        """Count a bad packet."""
        self._cells[2] += 1


class WorkerStatistics(SharedStatistics):
    """Counters of a worker that reads packets; see :meth:`missing` for those that survive it."""

    __slots__ = ()

    @staticmethod
    def missing(memory: mmap.mmap, reported: Statistics) -> Counter[str]:
        """What an ended worker has counted in this memory and has not reported.

        A datagram that it had just read, and not decoded yet, counts as one message.
        """
        messages, unmatched, bad, reading = CELLS.unpack_from(memory)
        counts = _read(messages, unmatched, bad)
        known = Counter(messages=reported.messages, unmatched=reported.unmatched)
        known["bad.worker"] = reported.bad.total()
        return counts - known + Counter(messages=reading)

    def note_bad(self) -> None:
        """Count a bad packet."""
        super().note_bad()
        self._cells[3] = 0

    def note_reading(self, on: bool) -> None:
        """Note that a datagram is read, and not counted yet, or that it is."""
        self._cells[3] = on


class ChildTallies:
    """In the supervisor: what the children of one worker have reported until now."""

    def __init__(self) -> None:
        self._routed: dict[int, int] = {}
        self._reported: dict[int, Counter[str]] = {}
        self._ended: dict[int, int] = {}
        """The last child that ended at each place of the shared memory."""

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
        if ended.place:
            self._ended[ended.place] = ended.child
        routed = self._routed.pop(ended.child, 0)
        reported = self._reported.pop(ended.child, Counter())
        reported["bad.worker"] = _total(reported, "bad.")
        counts = _read(ended.messages, ended.unmatched, ended.bad)
        dropped = _total(reported, "dropped.")
        lost = ended.given + ended.messages - ended.unmatched - dropped - routed
        return counts - reported, max(0, lost)

    def has_ended(self, ended: ChildEnd) -> bool:
        """Whether a child that counted in the shared memory is known to have ended."""
        return self._ended.get(ended.place) == ended.child


def unreported_children(memory: mmap.mmap) -> Iterator[ChildEnd]:
    """Of a worker that has ended: the children that counted in its memory last."""
    for place in range(1, len(memory) // CELLS.size):
        messages, unmatched, bad, child = CELLS.unpack_from(memory, CELLS.size * place)
        if child:
            yield ChildEnd(child, 0, messages, unmatched, bad, place)


def _read(messages: int, unmatched: int, bad: int) -> Counter[str]:
    """Counts of packets that a process has read; it did not report the reasons of bad ones."""
    return Counter({"messages": messages, "unmatched": unmatched, "bad.worker": bad})


def _total(counts: Mapping[str, int], prefix: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(prefix))


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

"""Between messages and the file of a spool, whatever the disk does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.bridge.sinks.spool.database import (
    Pack,
    SpoolDamaged,
    SpoolDatabase,
    SpoolDatabaseError,
    open_store,
    remove,
    set_aside,
)
from oscbridge.bridge.sinks.spool.index import Entry
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer, pack, unpack
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["Found", "SpoolBounds", "SpoolWriter"]

PACK: Final = 512
"""Messages in one row of the file."""

PACK_BYTES: Final = 1 << 16
"""Bytes of a row, unless one message has more."""

RETRY: Final = 5.0
"""Seconds until the disk is tried again after it has failed."""

_UNSAFE: Final = "messages are not safe until that is mended"


@dataclass(frozen=True)
class SpoolBounds:
    """Where a spool is, and how large and how old it gets."""

    path: Path
    size: int
    """Bytes."""
    age: float
    """Seconds."""


class Found(NamedTuple):
    """Messages that were read."""

    entries: Sequence[Entry]
    through: int
    """The number up to which that was."""
    unreadable: int
    """Messages up to there that nobody can read, or that are missing."""


class SpoolWriter:
    """Has messages on disk, as far as the disk can be used. For one thread.

    What fails is told, and tried again after a while. ``keeps`` says whether a message is to
    be on disk at all. ``on_forgotten`` is called when a damaged file has been set aside, with
    everything that was on disk.
    """

    def __init__(
        self,
        bounds: SpoolBounds,
        codec: SpoolSerializer,
        keeps: Callable[[Message], bool],
        reporter: RateLimitedLog,
    ) -> None:
        self.bounds = bounds
        self.store: SpoolDatabase | None = None
        self.on_file_lost: Callable[[], None] = _ignore
        """Called when a damaged file was set aside, with all messages on disk."""
        self.retry_at = 0.0
        """When the disk may be tried again, by the monotonic clock."""
        self._codec = codec
        self._keeps = keeps
        self._reporter = reporter
        self._is_unsafe = False

    @property
    def is_usable(self) -> bool:
        """Whether the file is open, and did not just fail."""
        return self.store is not None and time.monotonic() >= self.retry_at

    def open(self, after: int) -> SpoolDatabase:
        """Open the file. Raises :class:`SpoolDatabaseError`."""
        self.store, note = open_store(self.bounds.path, after)
        if note:
            self._reporter.report("damaged", note, level=logging.ERROR)
        self._safe()
        return self.store

    def failed(self, error: SpoolDatabaseError) -> None:
        """Note that the disk cannot be used."""
        if self.store is None or not isinstance(error, SpoolDamaged):
            self.retry_at = time.monotonic() + RETRY
            self._is_unsafe = True
            self._reporter.report("spool", f"{error}; {_UNSAFE}", level=logging.ERROR)
            return
        self.close()
        try:
            note = set_aside(self.bounds.path)
        except SpoolDatabaseError as worse:
            self.failed(worse)
        else:
            self._reporter.report("damaged", f"{error}; {note}", level=logging.ERROR)
        self.on_file_lost()

    def recreate(self, last: int) -> bool:
        """Make the file anew, as all up to the last of its messages is dealt with.

        On a full disk nothing else makes room: even to forget needs some.
        """
        if self.store is None or last < self.store.last:
            return False
        self.close()
        try:
            remove(self.bounds.path)
            self.open(last)
        except SpoolDatabaseError as error:
            self.failed(error)
        return True

    def close(self) -> None:
        """Close the file, if it is open."""
        store, self.store = self.store, None
        if store is not None:
            try:
                store.close()
            except SpoolDatabaseError as error:
                self._reporter.report("spool", str(error), level=logging.ERROR)

    def _safe(self) -> None:
        self.retry_at = 0.0
        if self._is_unsafe:
            self._is_unsafe = False
            text = f"{self.bounds.path}: new messages are safe again"
            self._reporter.report("safe", text, level=logging.INFO)

    # --- in ----------------------------------------------------------------------------------

    def write(
        self, messages: Sequence[Message], after: int, done: int
    ) -> tuple[Sequence[Entry], int]:
        """Write those that are to be kept, behind a number; forget all up to another.

        Returns what can be taken from now on, and how many are larger than the whole spool.
        What could not be written is not called so.
        """
        records = [(message, self._record(message)) for message in messages]
        fitting = [each for each in records if len(each[1]) <= self.bounds.size]
        kept = [record for _, record in fitting if record]
        if kept:
            written = self._append(kept, after, done)
            if not written:
                fitting = [(message, b"") for message, _ in fitting]
        entries = []
        for message, record in fitting:
            after += bool(record)
            entries.append(Entry(after, message, len(record)))
        return entries, len(records) - len(fitting)

    def _record(self, message: Message) -> bytes:
        """A message in bytes; none if it is not to be kept, or cannot be."""
        try:
            if self._keeps(message):
                return self._codec.encode(message)
        except Exception as error:  # of a plugin's own, its types, or a value that is no OSC
            text = f"a message to {message.address} cannot be kept on disk: {error}"
            self._reporter.report("unkept", text, level=logging.ERROR)
        return b""

    def _append(self, records: Sequence[bytes], after: int, done: int) -> bool:
        packs = list(_packs(records, after))
        for _ in range(2):
            if self.store is None or not self.is_usable:
                return False
            try:
                self.store.append(packs, done)
            except SpoolDatabaseError as error:
                self.failed(error)
                self._reopen(after)
            else:
                self._safe()
                return True
        return False

    def _reopen(self, after: int) -> None:
        """Begin a new file at once, when the old one was damaged."""
        if self.store is None:
            try:
                if self.open(after).last != after:
                    self.close()  # messages again: they come first
            except SpoolDatabaseError as error:
                self.failed(error)

    # --- out ---------------------------------------------------------------------------------

    def read(self, after: int) -> Found:
        """Read the next messages. Raises :class:`SpoolDatabaseError`."""
        assert self.store is not None
        found = self.store.read(after)
        if found is None:
            return Found((), self.store.last, self.store.last - after)
        first = found.last - found.messages + 1
        records = list(unpack(found.body))[: found.messages]
        entries = []
        for number, record in enumerate(records, first):
            if number > after:
                try:
                    entries.append(Entry(number, self._codec.decode(record), len(record)))
                except Exception as error:  # also a plugin's own, about the options of a route
                    text = f"{self.bounds.path}: a message cannot be read: {error}"
                    self._reporter.report("unread", text, level=logging.ERROR)
        return Found(entries, found.last, found.last - after - len(entries))


def _packs(records: Sequence[bytes], after: int) -> Iterator[Pack]:
    """Records in rows, behind a number."""
    start = size = 0
    for end, record in enumerate(records):
        size += len(record)
        if end > start and (size > PACK_BYTES or end - start >= PACK):
            yield Pack(after + end, end - start, pack(records[start:end]))
            start, size = end, len(record)
    yield Pack(after + len(records), len(records) - start, pack(records[start:]))


def _ignore() -> None:
    """Do nothing."""

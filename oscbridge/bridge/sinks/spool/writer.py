"""Between messages and the database of a spool, whatever the disk does."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.files import (
    SpoolDamaged,
    SpoolDatabaseError,
    remove_files,
    rename_damaged,
    search_file,
)
from oscbridge.bridge.sinks.spool.index import IndexedMessage
from oscbridge.bridge.sinks.spool.records import (
    RECORD_OVERHEAD,
    build_block,
    read_block_header,
    read_records,
)
from oscbridge.bridge.sinks.spool.schema import FORMAT_1, StoredBlock
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer, payloads_v1
from oscbridge.contract.delivery import Deliverable
from oscbridge.failures import failure_text, is_explained, place_of, text_of
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["OpenedSpool", "SpoolBounds", "SpoolReadResult", "SpoolWriter"]

BLOCK_MESSAGES: Final = 512
"""Messages in a block."""

BLOCK_BYTES: Final = 1 << 16
"""Bytes in a block of more than one message."""

RETRY: Final = 5.0
"""Seconds between attempts to use the disk after it failed."""

_UNSAFE: Final = "new messages are kept in memory only until this is fixed"


class OpenedSpool(NamedTuple):
    """A file that was opened."""

    store: SpoolDatabase
    lost: int
    """Messages in a damaged file that it replaces."""


class SpoolReadResult(NamedTuple):
    """Messages that were read."""

    messages: Sequence[IndexedMessage]
    through: int
    """The number up to which messages were read."""
    unreadable: int
    """Messages up to that number that are damaged or missing."""


class SpoolWriter:
    """Writes and reads messages while the disk can be used. For one thread.

    Failures are logged and retried. ``is_durable`` says whether a message is written to disk at
    all.
    """

    def __init__(
        self,
        bounds: SpoolBounds,
        serializer: SpoolSerializer,
        is_durable: Callable[[Deliverable], bool],
        log: RateLimitedLog,
    ) -> None:
        self.bounds = bounds
        self.store: SpoolDatabase | None = None
        self.on_file_lost: Callable[[], None] | None = None
        """Called when a damaged file was renamed, with all messages on disk."""
        self.retry_at = 0.0
        """When the disk may be used again, by the monotonic clock."""
        self._serializer = serializer
        self._is_durable = is_durable
        self._log = log
        self.problem = ""
        """Why new messages are not written to disk, human-readable; empty if they are."""

    @property
    def is_usable(self) -> bool:
        """Whether the file is open and has not just failed."""
        return self.store is not None and time.monotonic() >= self.retry_at

    # --- the file ----------------------------------------------------------------------------

    def open(self, after: int) -> OpenedSpool:
        """Open the file; a damaged one is replaced. Raises :class:`SpoolDatabaseError`."""
        path, lost = self.bounds.path, 0
        try:
            self.store = SpoolDatabase(path, after, self.bounds.clock)
        except SpoolDamaged as error:
            kept = self._rename(error)
            if kept is not None:
                with contextlib.suppress(OSError):  # else the number is unknown
                    done, last = search_file(kept)
                    lost = last - done
            self.store = SpoolDatabase(path, after, self.bounds.clock)
        if self.store.lost:
            text = f"{path}-wal: damaged, cut short or removed: {several(self.store.lost)} lost"
            self._log.report("damaged", f"{text}; {self.store.keep_copy()}", level=logging.ERROR)
        self._recovered()
        return OpenedSpool(self.store, lost)

    def _rename(self, error: SpoolDamaged) -> Path | None:
        """Rename a damaged file. Returns its new path, or None if there is none."""
        kept = rename_damaged(self.bounds.path)
        text = "a new file is created"
        if kept is not None:
            text = f"it is kept as {kept.name}, and {text}"
        self._log.report("damaged", f"{error}; {text}", level=logging.ERROR)
        return kept

    def failed(self, error: SpoolDatabaseError) -> None:
        """Note that the disk cannot be used."""
        if self.store is None or not isinstance(error, SpoolDamaged):
            self.retry_at = time.monotonic() + RETRY
            self.problem = f"{error}; {_UNSAFE}"
            self._log.report("spool", self.problem, level=logging.ERROR)
            return
        self.close()
        try:
            self._rename(error)
        except SpoolDatabaseError as worse:
            self.failed(worse)
        if self.on_file_lost is not None:
            self.on_file_lost()

    def ended(self, error: BaseException) -> None:
        """Note that nobody writes any more: a mistake in the bridge, or no memory."""
        self.problem = f"its thread has ended: {failure_text(error)}; {_UNSAFE}"
        self._log.report("ended", self.problem, level=logging.ERROR, error=error)

    def recreate(self, last: int) -> bool:
        """Replace the file if all up to the last of its messages is settled.

        On a full disk this is the only way to make room: even deleting rows needs some.
        """
        if self.store is None or last < self.store.last:
            return False
        self.close()
        try:
            remove_files(self.bounds.path)
            self.open(last)
        except SpoolDatabaseError as error:
            self.failed(error)
        return True

    def close(self) -> None:
        """Close the file if it is open."""
        store, self.store = self.store, None
        if store is not None:
            try:
                store.close()
            except SpoolDatabaseError as error:
                self._log.report("spool", str(error), level=logging.ERROR)

    def _recovered(self) -> None:
        self.retry_at = 0.0
        if self.problem:
            self.problem = ""
            text = f"{self.bounds.path}: new messages are safe on disk again"
            self._log.report("safe", text, level=logging.INFO)

    # --- writing -----------------------------------------------------------------------------

    def write(
        self, messages: Sequence[Deliverable], after: int, done: int
    ) -> tuple[Sequence[IndexedMessage], int]:
        """Write durable messages, numbered after ``after``; delete all up to ``done``.

        Returns the messages that can be delivered now, and how many are larger than the whole
        spool. Messages that could not be written have a size of 0.
        """
        payloads = [(message, self._payload(message)) for message in messages]
        fitting = [each for each in payloads if len(each[1]) <= self.bounds.size]
        durable = [payload for _, payload in fitting if payload]
        if durable and not self._append(durable, after, done):
            fitting = [(message, b"") for message, _ in fitting]
        indexed = []
        for message, payload in fitting:
            after += bool(payload)
            size = RECORD_OVERHEAD + len(payload) if payload else 0
            indexed.append(IndexedMessage(after, message, size))
        return indexed, len(payloads) - len(fitting)

    def _payload(self, message: Deliverable) -> bytes:
        """Return a message as bytes; none if it is not durable or cannot be encoded."""
        try:
            if self._is_durable(message):
                return self._serializer.encode(message)
        except BaseException as error:  # a plugin's own, or values that OSC does not have
            text = f"cannot keep a message to {message.address} on disk: {text_of(error)}"
            if not is_explained(error):
                text = f"{text}: {type(error).__name__} ({place_of(error)})"
            self._log.report("not_durable", text, level=logging.ERROR)
        return b""

    def _append(self, payloads: Sequence[bytes], after: int, done: int) -> bool:
        blocks = list(_blocks(payloads, after))
        for _ in range(2):
            if self.store is None or not self.is_usable:
                return False
            try:
                self.store.append(blocks, done)
            except SpoolDatabaseError as error:
                self.failed(error)
                self._reopen(after)
            else:
                self._recovered()
                return True
        return False

    def _reopen(self, after: int) -> None:
        """Create a new file at once after the old one was found damaged."""
        if self.store is None:
            try:
                if self.open(after).store.last != after:
                    self.close()  # it holds messages, which come first
            except SpoolDatabaseError as error:
                self.failed(error)

    # --- reading -----------------------------------------------------------------------------

    def read(self, after: int) -> SpoolReadResult:
        """Read the next messages. Raises :class:`SpoolDatabaseError`.

        Numbers that are missing, and records with a wrong checksum, count as unreadable; a copy
        of the file is kept.
        """
        assert self.store is not None
        block = self.store.read(after)
        found: list[IndexedMessage] = []
        through, damaged = self.store.last, self.store.last - after
        if block is not None:
            through, damaged = block.last, block.last - after
            for number, message, size in self._messages(block, after):
                damaged -= 1
                if message is not None:
                    found.append(IndexedMessage(number, message, size))
        if damaged:
            text = f"{self.bounds.path}: {several(damaged)} damaged or missing"
            text = f"{text}; {self.store.keep_copy()}"
            self._log.report("unreadable", text, level=logging.ERROR, count=damaged)
        return SpoolReadResult(found, through, through - after - len(found))

    def _messages(
        self, block: StoredBlock, after: int
    ) -> Iterator[tuple[int, Deliverable | None, int]]:
        """Yield the number, message and size of each intact record after a number.

        The message is None if it cannot be decoded although it is intact.
        """
        header = read_block_header(block.body)
        decode = self._serializer.decode
        records: Iterator[tuple[int, bytes | None]]
        if header is not None:
            if header.last != block.last:  # keys are damaged, which no checksum covers
                raise SpoolDamaged(f"{self.bounds.path}: the file is damaged")
            records = read_records(block.body, *header)
        elif block.format == FORMAT_1:
            decode = self._serializer.decode_v1
            first = block.last - block.messages + 1
            records = zip(range(first, block.last + 1), payloads_v1(block.body), strict=False)
        else:  # its records have numbers of their own
            first = max(after, block.last - BLOCK_MESSAGES) + 1
            records = read_records(block.body, first, block.last - first + 1)
        for number, payload in records:
            if number <= after or payload is None:
                continue
            message = None
            try:
                message = decode(payload)
            except BaseException as error:  # also a plugin's own, about the options of a route
                text = f"{self.bounds.path}: cannot read a message: {text_of(error)}"
                self._log.report("not_decoded", text, level=logging.ERROR)
            yield number, message, RECORD_OVERHEAD + len(payload)


def _blocks(payloads: Sequence[bytes], after: int) -> Iterator[StoredBlock]:
    """Yield payloads in blocks, numbered after a number."""
    start = size = 0
    for end, payload in enumerate(payloads):
        size += len(payload)
        if end > start and (size > BLOCK_BYTES or end - start >= BLOCK_MESSAGES):
            yield _block(payloads[start:end], after + start)
            start, size = end, len(payload)
    yield _block(payloads[start:], after + start)


def _block(payloads: Sequence[bytes], after: int) -> StoredBlock:
    body = build_block(after + 1, payloads)
    return StoredBlock(after + len(payloads), len(payloads), body)

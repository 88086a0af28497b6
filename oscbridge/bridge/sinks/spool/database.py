"""The database of a spool: blocks of messages, oldest first, in SQLite.

SQLite is used directly because one transaction takes all messages that have arrived meanwhile.
Measured on one machine: 26,000 messages per second with 100 per transaction, each safe on disk
when it returns; persist-queue 1.1, with one message per transaction, writes 3,800 and reads 700.

Messages are numbered from 1 without gaps, and a block is identified by its last number. So their
number is a difference, and opening a full file takes no longer than opening an empty one. A gap
is a loss, which the reader counts.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from oscbridge.bridge.sinks.spool.connection import SpoolConnection
from oscbridge.bridge.sinks.spool.files import (
    SpoolDamaged,
    SpoolDatabaseError,
    copy_damaged,
    create_file,
    search_wal,
)
from oscbridge.bridge.sinks.spool.progress_file import ProgressFile
from oscbridge.bridge.sinks.spool.records import (
    BLOCK_HEADER_SIZE,
    FORMAT,
    Progress,
    decode_running_time,
    encode_running_time,
    read_block_header,
)
from oscbridge.bridge.sinks.spool.running_time import RunningTime
from oscbridge.bridge.sinks.spool.schema import (
    CREATE,
    CREATE_IDENTITY,
    CREATE_RUNNING,
    FORMAT_1,
    MIGRATE,
    NEWEST,
    NEWEST_V1,
    NEWEST_WRITTEN,
    PROGRAM,
    READ,
    READ_IDENTITY,
    SURPLUS,
    USAGE,
    SpoolUsage,
    StoredBlock,
)
from oscbridge.net.os_errors import what_failed

__all__ = ["SpoolDatabase"]

SLICE: Final = 1_024
"""Blocks that are examined at once when the file is too large or messages have expired."""


_IDENTITY: Final = re.compile("[0-9a-f]{16}")


class SpoolDatabase(SpoolConnection):
    """One open file. For one thread; every method raises :class:`SpoolDatabaseError`.

    The numbers of a new file begin after ``after``. A file of an older format is migrated.
    Messages age by ``clock``, a monotonic one.
    """

    def __init__(
        self, path: Path, after: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.done = after
        """The number up to which messages are settled and deleted."""
        self.last = after
        """The number of the newest message."""
        self.lost = 0
        """Newest messages that were in a damaged or missing part of the write-ahead log. They are
        a gap."""
        self.identity = ""
        """A random name of the file, which stays the same."""
        self._is_unsure = False
        """Whether messages may be in the file although :meth:`append` raised."""
        self._copied: BinaryIO | None = None
        self._copy_note = ""
        self._file = create_file(path)
        self._progress_file = ProgressFile(path)
        # SQLite ignores a log after a damaged frame, and one that was cut short.
        committed = search_wal(path).newest(self._progress_file.read())
        super().__init__(path)
        try:
            with self._translated():
                self._prepare(after, committed)
                self.running = RunningTime(self._read_running_time(), clock)
            self._progress_file.write(Progress(self.done, self.last))
        except BaseException as error:
            self.close()
            if isinstance(error, TypeError | ValueError | LookupError):
                raise SpoolDamaged(f"{path}: the file is damaged ({error})") from error
            raise

    # --- opening -----------------------------------------------------------------------------

    def _prepare(self, after: int, committed: Progress) -> None:
        self._rows("PRAGMA locking_mode = EXCLUSIVE")
        ((program,),) = self._rows("PRAGMA application_id")
        ((tables,),) = self._rows("SELECT count(*) FROM sqlite_schema")
        if tables and program != PROGRAM:
            text = "the database of another program; set 'path' to another file"
            raise SpoolDatabaseError(f"{self.path}: {text}")
        self._rows("PRAGMA journal_mode = WAL")
        self._rows("PRAGMA journal_size_limit = 4194304")
        self._rows("PRAGMA cell_size_check = ON")
        with self._transaction(durable=True):  # from here on no other process has the file
            version = self._version() if tables else 0
            found = self._progress(version) if version else Progress(after, after)
            newest = self._newest(version, found) if version else after
            if committed.last > newest:
                self.lost = committed.last - max(newest, committed.done)
                self.keep_copy()  # before anything is written
            self.done = max(found.done, committed.done)
            self.last = max(newest, committed.last)
            if version != FORMAT:
                for statement in (MIGRATE if version else CREATE).split(";"):
                    self._rows(statement)
                self._rows("INSERT INTO progress VALUES (?)", b"")
                self._rows(f"PRAGMA application_id = {PROGRAM}")
                self._rows(f"PRAGMA user_version = {FORMAT}")
            self._rows(CREATE_RUNNING)
            self._identify()
            if version != FORMAT or self.lost or self.done != found.done:
                self._write_progress(self.done)

    def _identify(self) -> None:
        self._rows(CREATE_IDENTITY)
        found = [text for (text,) in self._rows(READ_IDENTITY) if _IDENTITY.fullmatch(text)]
        if not found:
            found = [secrets.token_hex(8)]
            self._rows("DELETE FROM identity")
            self._rows("INSERT INTO identity VALUES (?)", *found)
        self.identity = found[0]

    def _version(self) -> int:
        ((version,),) = self._rows("PRAGMA user_version")
        if FORMAT_1 <= version <= FORMAT:
            return int(version)
        text = f"written by a newer version of oscbridge (format {version}; supported: {FORMAT})"
        fix = "upgrade oscbridge, or set 'path' to another file"
        raise SpoolDatabaseError(f"{self.path}: {text}; {fix}")

    def _progress(self, version: int) -> Progress:
        if version == FORMAT_1:
            rows = self._rows("SELECT CAST(done AS INTEGER) FROM state")
            if len(rows) == 1 and isinstance(rows[0][0], int):
                return Progress(rows[0][0], rows[0][0])
            raise SpoolDamaged(f"{self.path}: the file is damaged")
        rows = self._rows("SELECT CAST(body AS BLOB) FROM progress")
        progress = Progress.decode(rows[0][0] or b"") if len(rows) == 1 else None
        if progress is None and rows:  # blocks that are settled are deleted: the others are not
            progress = self._before_oldest()
        if progress is None:
            raise SpoolDamaged(f"{self.path}: the file is damaged")
        return progress

    def _before_oldest(self) -> Progress | None:
        rows = self._rows(READ, 0)
        if not rows:
            return None
        block = StoredBlock(*rows[0])
        header = read_block_header(block.body)
        done = block.last - block.messages if header is None else header.first - 1
        return Progress(max(0, done), block.last)

    def _newest(self, version: int, progress: Progress) -> int:
        """Return the number of the newest message, which must not be a flipped bit."""
        rows = self._rows(NEWEST_V1 if version == FORMAT_1 else NEWEST, BLOCK_HEADER_SIZE)
        if not rows:
            return max(progress)
        block = StoredBlock(*rows[0])
        previous = rows[1][0] if len(rows) > 1 else progress.done
        header = read_block_header(block.body)
        if header is None:
            is_valid = block.last - block.messages <= previous
        else:
            is_valid = header.last == block.last
        if not is_valid:
            raise SpoolDamaged(f"{self.path}: the file is damaged")
        return max(block.last, *progress)

    def _read_running_time(self) -> float:
        rows = self._rows("SELECT CAST(body AS BLOB) FROM running")
        running = decode_running_time(rows[0][0] or b"") if len(rows) == 1 else None
        if running is None:  # damaged, or an older file
            ((running,),) = self._rows(NEWEST_WRITTEN) or [(None,)]
        return running or 0.0

    # --- writing -----------------------------------------------------------------------------

    def append(self, blocks: Sequence[StoredBlock], done: int = 0) -> None:
        """Add blocks, and delete all messages up to ``done``. Durable when it returns."""
        if self._is_removed():
            raise SpoolDamaged(f"{self.path}: the file was removed by another program")
        now = self.running.now()
        rows = [(each.last, each.messages, now, each.body, each.format) for each in blocks]
        with self._transaction(durable=True):
            if self._is_unsure:
                self._rows("DELETE FROM block WHERE last > ?", self.last)
            self._database.executemany("INSERT INTO block VALUES (?, ?, ?, ?, ?)", rows)
            self._forget(done)
            self._save_running_time()  # else messages could be newer than the running time
            self._is_unsure = True
        self._is_unsure = False
        self.last = blocks[-1].last
        self.done = max(self.done, done)
        self._progress_file.write(Progress(self.done, self.last))

    def forget(self, through: int) -> None:
        """Delete messages up to a number.

        A loss of power may undo this, the end of the process does not.
        """
        if through > self.done:
            with self._transaction(durable=False):
                self._forget(through)
            self.done = through
            self._progress_file.write(Progress(self.done, self.last))

    def _forget(self, through: int) -> None:
        if through > self.done:
            self._write_progress(through)
            self._rows("DELETE FROM block WHERE last <= ?", through)

    def _write_progress(self, done: int) -> None:
        self._rows("UPDATE progress SET body = ?", Progress(done, self.last).encode())

    def save_running_time(self) -> None:
        """Write the running time, unless it was written recently."""
        if self.running.is_save_due:
            with self._transaction(durable=False):
                self._save_running_time()

    def _save_running_time(self) -> None:
        if self.running.is_save_due:
            now = self.running.now()
            self._rows("DELETE FROM running")
            self._rows("INSERT INTO running VALUES (?)", encode_running_time(now))
            self.running.saved(now)

    # --- reading -----------------------------------------------------------------------------

    def read(self, after: int) -> StoredBlock | None:
        """Return the oldest block with a message after a number."""
        with self._translated():
            rows = self._rows(READ, after)
        return StoredBlock(*rows[0]) if rows and rows[0][0] <= self.last else None

    def usage(self) -> SpoolUsage:
        """Measure the file. One query, as each releases the interpreter's lock."""
        with self._translated():
            ((used, oldest),) = self._rows(USAGE, self.done)
        return SpoolUsage(used, oldest)

    def surplus(self, usage: SpoolUsage, size: int, age: float) -> tuple[int, str] | None:
        """Return up to which number messages are surplus, and why: "full" or "expired".

        ``size`` is in bytes of the file, ``age`` in seconds. More may follow.
        """
        used, oldest = usage
        limit, excess = self.running.expiry_limit(age), used - size
        if oldest is None or (excess <= 0 and oldest >= limit):
            return None
        with self._translated():
            through = 0
            for last, at, length in self._rows(SURPLUS, limit, self.done, SLICE):
                if at >= limit and excess <= 0:
                    break
                through = min(last, self.last)
                excess -= length
        return through, "expired" if oldest < limit else "full"

    # --- the file ----------------------------------------------------------------------------

    def keep_copy(self) -> str:
        """Copy the damaged file, once. Returns a text about it for the log."""
        if not self._copy_note:
            try:
                kept, self._copied = copy_damaged(self.path)
                self._copy_note = f"a copy is kept as {kept.name}"
            except OSError as error:
                self._copy_note = f"no copy could be kept: {what_failed(error)}"
        return self._copy_note

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._progress_file.close()
            if self._copied is not None:
                self._copied.close()

    def _is_removed(self) -> bool:
        """Whether the file was removed: SQLite would keep writing to the deleted file."""
        try:
            found = self.path.stat()
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != self._file

"""The file of a spool: packs of messages, oldest first, in SQLite.

SQLite directly, as one of its transactions takes all messages that have come in meanwhile.
Measured on one machine: 26,000 messages a second with 100 a transaction, each of them on the
disk when it returns; persist-queue 1.1, which has one a message, takes 3,800 in and gives
700 out.

Messages are numbered from 1 on, without a gap, and a pack is known by its last number. So
how many there are is a difference, and to open a file takes no longer when it is full.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from oscbridge.net.os_errors import what_failed

__all__ = [
    "Level",
    "Pack",
    "SpoolDamaged",
    "SpoolDatabase",
    "SpoolDatabaseError",
    "SpoolLocked",
    "open_store",
    "remove",
    "set_aside",
]

FORMAT: Final = 1
_PROGRAM: Final = int.from_bytes(b"OSCB", "big")
"""SQLite's application id: whose database it is."""

SLICE: Final = 1_024
"""Packs that are looked at, at once, when there is too much."""

MAX_DAMAGED: Final = 9
"""Damaged files that are kept; then a new one takes the place of the last."""

_SUFFIXES: Final = ("-wal", "-shm", "-journal", "")
"""Of the files that SQLite has, its own last."""

_TABLES: Final = """
CREATE TABLE pack (
    last INTEGER PRIMARY KEY, messages INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE state (done INTEGER NOT NULL);
"""


_LEVEL: Final = """
SELECT (pages.page_count - free.freelist_count) * page.page_size,
       (SELECT at FROM pack WHERE last > ? ORDER BY last LIMIT 1)
  FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS page
"""


class SpoolDatabaseError(Exception):
    """The file cannot be read or written. The text names it and says why."""


class SpoolLocked(SpoolDatabaseError):
    """Another has the file."""


class SpoolDamaged(SpoolDatabaseError):
    """What is in the file is no spool."""


class Pack(NamedTuple):
    """Messages that were written at once."""

    last: int
    """The number of the last of them."""
    messages: int
    body: bytes


class Level(NamedTuple):
    """How much a file holds."""

    used: int
    """Bytes of it that are in use."""
    oldest: float | None
    """When the oldest message was written, in seconds of Unix time."""


class SpoolDatabase:
    """One file. For one thread; every method raises :class:`SpoolDatabaseError`.

    The numbers of a new file begin behind ``after``.
    """

    def __init__(self, path: Path, after: int = 0) -> None:
        self.path = path
        self.done = after
        """The number up to which messages are dealt with, and gone."""
        self.last = after
        """The number of the newest message."""
        self._durable: bool | None = None
        self._is_unsure = False
        """Whether messages may be there that were not called written."""
        self._file = _create(path)
        with self._in_words():
            self._database = sqlite3.connect(
                path, timeout=0.0, isolation_level=None, check_same_thread=False
            )
        try:
            with self._in_words():
                self._prepare(after)
        except BaseException:
            self._database.close()
            raise

    def _prepare(self, after: int) -> None:
        self._rows("PRAGMA locking_mode = EXCLUSIVE")
        ((program,),) = self._rows("PRAGMA application_id")
        ((tables,),) = self._rows("SELECT count(*) FROM sqlite_schema")
        if tables and program != _PROGRAM:
            text = "it is the database of another program; name another file with 'path'"
            raise SpoolDatabaseError(f"{self.path}: {text}")
        self._rows("PRAGMA journal_mode = WAL")
        self._rows("PRAGMA journal_size_limit = 4194304")
        with self._transaction(durable=True):  # now nobody else has it
            if not tables:
                for statement in _TABLES.split(";"):
                    self._rows(statement)
                self._rows("INSERT INTO state VALUES (?)", after)
                self._rows(f"PRAGMA application_id = {_PROGRAM}")
                self._rows(f"PRAGMA user_version = {FORMAT}")
        ((version,),) = self._rows("PRAGMA user_version")
        if version != FORMAT:
            raise SpoolDatabaseError(f"{self.path}: another version of oscbridge has written it")
        state = self._rows("SELECT done FROM state")
        if len(state) != 1:
            raise SpoolDamaged(f"{self.path}: it is damaged")
        self.done = state[0][0]
        ((last,),) = self._rows("SELECT max(last) FROM pack")
        self.last = max(self.done, last or 0)

    def append(self, packs: Sequence[Pack], done: int = 0) -> None:
        """Add packs, and forget all up to ``done``. They are on the disk when it returns."""
        if self._is_gone():
            raise SpoolDamaged(f"{self.path}: somebody has removed it")
        now = time.time()
        rows = [(pack.last, pack.messages, now, pack.body) for pack in packs]
        with self._transaction(durable=True):
            if self._is_unsure:
                self._rows("DELETE FROM pack WHERE last > ?", self.last)
            self._database.executemany("INSERT INTO pack VALUES (?, ?, ?, ?)", rows)
            self._forget(done)
            self._is_unsure = True
        self._is_unsure = False
        self.last = packs[-1].last
        self.done = max(self.done, done)

    def forget(self, through: int) -> None:
        """Let go of messages up to a number.

        This may be undone when the machine loses its power, not by the end of the process.
        """
        if through > self.done:
            with self._transaction(durable=False):
                self._forget(through)
            self.done = through

    def _forget(self, through: int) -> None:
        if through > self.done:
            self._rows("UPDATE state SET done = ?", through)
            self._rows("DELETE FROM pack WHERE last <= ?", through)

    def read(self, after: int) -> Pack | None:
        """The oldest pack with a message behind a number."""
        query = "SELECT last, messages, body FROM pack WHERE last > ? ORDER BY last LIMIT 1"
        with self._in_words():
            rows = self._rows(query, after)
        return Pack(*rows[0]) if rows else None

    def level(self) -> Level:
        """How much there is. One query, as each lets go of the interpreter's lock."""
        with self._in_words():
            ((used, oldest),) = self._rows(_LEVEL, self.done)
        return Level(used, oldest)

    def surplus(self, level: Level, size: int, age: float) -> tuple[int, str] | None:
        """Up to which number messages are too many, and why: "full" or "expired".

        ``size`` is in bytes of the file, ``age`` in seconds. There may be more after these.
        """
        used, oldest = level
        limit, excess = time.time() - age, used - size
        if oldest is None or (excess <= 0 and oldest >= limit):
            return None
        query = "SELECT last, at, length(body) FROM pack WHERE last > ? ORDER BY last LIMIT ?"
        with self._in_words():
            through = 0
            for last, at, length in self._rows(query, self.done, SLICE):
                if at >= limit and excess <= 0:
                    break
                through = last
                excess -= length
        return through, "expired" if oldest < limit else "full"

    def close(self) -> None:
        with self._in_words():
            self._database.close()

    def _is_gone(self) -> bool:
        """Whether the file has been removed: SQLite would go on with what nobody can find."""
        try:
            found = self.path.stat()
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != self._file

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._database.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[None]:
        """All of it or nothing; if ``durable`` it outlives a loss of power."""
        with self._in_words():
            if durable is not self._durable:
                self._rows(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._rows("BEGIN IMMEDIATE")
            try:
                yield
                self._rows("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._rows("ROLLBACK")
                raise

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error


def open_store(path: Path, after: int = 0) -> tuple[SpoolDatabase, str]:
    """Open a spool; a damaged one is set aside, and a new one is begun.

    Returns what there is to say about that, or nothing. Raises :class:`SpoolDatabaseError`.
    """
    try:
        return SpoolDatabase(path, after), ""
    except SpoolDamaged as error:
        note = f"{error}; {set_aside(path)}"
        return SpoolDatabase(path, after), note


def set_aside(path: Path) -> str:
    """Give a damaged file another name, and tell which. Raises :class:`SpoolDatabaseError`."""
    if not path.exists():
        return "a new one is begun"
    names = [path.with_name(f"{path.name}.damaged-{n + 1}") for n in range(MAX_DAMAGED)]
    aside = next((each for each in names if not each.exists()), names[-1])
    for suffix in _SUFFIXES:  # or the new one would be mended with it
        try:
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _refused(path, error) from error
    return f"it is {aside.name} now, and a new one is begun"


def remove(path: Path) -> None:
    """Have nothing there any more. Raises :class:`SpoolDatabaseError`."""
    try:
        for suffix in _SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def _create(path: Path) -> tuple[int, int]:
    """Have an own file there, and tell which: its device and its number."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Its owner's alone, as it holds what goes over encrypted connections. Never opened
            # when it is there: to close it again would take SQLite's lock from it.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not path.is_file():
                raise SpoolDatabaseError(f"{path}: this is no file; name one") from None
        found = path.stat()
    except OSError as error:
        raise _refused(path, error) from error
    return found.st_dev, found.st_ino


def _refused(path: Path, error: OSError) -> SpoolDatabaseError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return SpoolDatabaseError(f"{path}: a part of the way there is a file, not a folder")
    if isinstance(error, PermissionError):
        return SpoolDatabaseError(f"{path}: the user that runs this may not write there")
    return SpoolDatabaseError(f"{path}: {what_failed(error)}")


def _explained(path: Path, error: sqlite3.Error) -> SpoolDatabaseError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = "another bridge uses it; give each its own with 'path'"
            return SpoolLocked(f"{path}: {text}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return SpoolDamaged(f"{path}: it is damaged")
        case sqlite3.SQLITE_ERROR:  # no such table or column
            return SpoolDamaged(f"{path}: it is damaged: {error}")
        case sqlite3.SQLITE_FULL:
            text = "the disk is full"
        case sqlite3.SQLITE_READONLY:
            text = "it may not be written"
        case _:
            text = str(error)
    return SpoolDatabaseError(f"{path}: {text}")

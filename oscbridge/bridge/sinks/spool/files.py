"""The files of a spool: created, removed, kept when damaged, and searched for lost messages."""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from oscbridge.bridge.sinks.spool.progress_file import PROGRESS_SUFFIX
from oscbridge.bridge.sinks.spool.records import Progress, find_blocks, find_progress
from oscbridge.net.os_errors import what_failed

__all__ = [
    "SpoolDamaged",
    "SpoolDatabaseError",
    "SpoolLocked",
    "copy_damaged",
    "create_file",
    "remove_files",
    "rename_damaged",
    "search_file",
    "search_wal",
    "translate_error",
]

MAX_DAMAGED: Final = 9
"""Damaged files that are kept; a further one replaces the last."""

SUFFIXES: Final = ("-wal", "-shm", "-journal", PROGRESS_SUFFIX, "")
"""Of the files of a spool, the database last."""

CHUNK: Final = 1 << 20
"""Bytes that are read at once."""

OVERLAP: Final = 64
"""Bytes by which consecutive chunks overlap, more than a header of ours has."""

_WAL_HEADER_SIZE: Final = 32
_FRAME_HEADER_SIZE: Final = 24
_FRAME_HEADER: Final = struct.Struct(">IIII")
"""Page number, pages of the database after a commit or 0, and two salts; checksums follow."""

_PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))
_PAGE_SIZE: Final = 4_096
"""SQLite's default, for a damaged header."""


class SpoolDatabaseError(Exception):
    """The file cannot be read or written. The text names it and the reason."""


class SpoolLocked(SpoolDatabaseError):
    """Another process or endpoint uses the file."""


class SpoolDamaged(SpoolDatabaseError):
    """The file is not a valid spool."""


def create_file(path: Path) -> tuple[int, int]:
    """Create the file if it is missing, and return its device and inode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # For its owner only: it holds messages that are sent over encrypted connections.
            # An existing file is not opened: closing it would release SQLite's lock.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not path.is_file():
                text = "not a regular file; set 'path' to a file"
                raise SpoolDatabaseError(f"{path}: {text}") from None
        found = path.stat()
    except OSError as error:
        raise _unusable(path, error) from error
    return found.st_dev, found.st_ino


def remove_files(path: Path) -> None:
    """Remove a spool. Raises :class:`SpoolDatabaseError`."""
    try:
        for suffix in SUFFIXES:
            _with(path, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error


def rename_damaged(path: Path) -> Path | None:
    """Rename a damaged spool and return its new path, or None if there is none.

    Raises :class:`SpoolDatabaseError`.
    """
    if not path.exists():
        return None
    kept = _free_name(path)
    for suffix in SUFFIXES:  # all of them: SQLite would apply an old log to a new file
        try:
            _with(path, suffix).replace(_with(kept, suffix))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unusable(path, error) from error
    return kept


def copy_damaged(path: Path) -> tuple[Path, BinaryIO]:
    """Copy an open spool. Returns the path of the copy, and the file that was read.

    Closing that file releases SQLite's lock: the caller closes it after the database. Raises
    ``OSError``.
    """
    kept = _free_name(path)
    source = path.open("rb")
    try:
        _copy(source, kept)
        wal = _with(path, "-wal")
        if wal.exists():
            with wal.open("rb") as log:
                _copy(log, _with(kept, "-wal"))
    except OSError:
        source.close()
        raise
    return kept, source


def _copy(source: BinaryIO, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as copy:
        while chunk := source.read(CHUNK):
            copy.write(chunk)


def search_file(path: Path) -> Progress:
    """Search a closed, damaged spool for its progress and its newest record, by their magic values.

    Returns zeros if there is none. Raises ``OSError``.
    """
    done = last = 0
    for name in (path, _with(path, "-wal"), _with(path, PROGRESS_SUFFIX)):
        if name.exists():
            with name.open("rb") as file:
                for chunk in _chunks(file):
                    for each in find_progress(chunk):
                        done, last = max(done, each.done), max(last, each.last)
                    last = max([last, *(each.last for each in find_blocks(chunk))])
    return Progress(done, max(done, last))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in overlapping chunks."""
    end = b""
    while chunk := file.read(CHUNK):
        yield end + chunk
        end = chunk[-OVERLAP:]


def search_wal(path: Path) -> Progress:
    """Search the write-ahead log for the newest progress and record that were committed.

    SQLite reads it up to the first damaged frame and ignores all frames after that, without an
    error. A record in those frames, up to the last commit, was safe and is lost. Frames of earlier
    generations, which have other salts, hold nothing newer than the database, and frames that no
    commit of their generation follows hold nothing that was called safe. Returns zeros without a
    log. https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    """
    committed = pending = Progress(0, 0)
    generation = (0, 0)
    try:
        with _with(path, "-wal").open("rb") as wal:
            for frame in _frames(wal):
                _, pages_after_commit, *salts = _FRAME_HEADER.unpack_from(frame)
                if salts[0] != generation[0] and salts[1] != generation[1]:
                    pending = committed  # one of both may be damaged
                generation = (salts[0], salts[1])
                done = max([pending.done, *(each.done for each in find_progress(frame))])
                last = max([pending.last, done, *(each.last for each in find_blocks(frame))])
                pending = Progress(done, last)
                if pages_after_commit:
                    committed = pending
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unusable(path, error) from error
    return committed


def _frames(wal: BinaryIO) -> Iterator[bytes]:
    header = wal.read(_WAL_HEADER_SIZE)
    page_size = int.from_bytes(header[8:12], "big")
    size = _FRAME_HEADER_SIZE + (page_size if page_size in _PAGE_SIZES else _PAGE_SIZE)
    while len(frame := wal.read(size)) == size:
        yield frame


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _free_name(path: Path) -> Path:
    names = [_with(path, f".damaged-{number + 1}") for number in range(MAX_DAMAGED)]
    return next((each for each in names if not each.exists()), names[-1])


def _unusable(path: Path, error: OSError) -> SpoolDatabaseError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return SpoolDatabaseError(f"{path}: a parent is a file, not a directory")
    if isinstance(error, PermissionError):
        return SpoolDatabaseError(f"{path}: permission denied for the user running oscbridge")
    return SpoolDatabaseError(f"{path}: {what_failed(error)}")


def translate_error(path: Path, error: sqlite3.Error) -> SpoolDatabaseError:
    """Return SQLite's error as our own."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = "used by another bridge; give each its own with 'path'"
            return SpoolLocked(f"{path}: {text}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return SpoolDamaged(f"{path}: the file is damaged")
        case sqlite3.SQLITE_ERROR:  # no such table or column
            return SpoolDamaged(f"{path}: the file is damaged: {error}")
        case sqlite3.SQLITE_FULL:
            text = "the disk is full"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if (
            not os.access(path.parent, os.W_OK)
        ):  # SQLite writes other files beside it
            text = f"the folder {path.parent} is read-only for the user running oscbridge"
        case sqlite3.SQLITE_READONLY:
            text = "the file is read-only"
        case _:
            text = str(error)
    return SpoolDatabaseError(f"{path}: {text}")

"""The progress of a spool in a file beside it: shows what a log that was cut or removed has lost.

Nothing in SQLite's own files tells that the end of its write-ahead log is missing. The file is
written after each transaction and never flushed to disk: it outlives the process. After a loss of
power it may be older, and then shows less, but never more than was lost.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from oscbridge.bridge.sinks.spool.records import Progress
from oscbridge.file_reading import open_regular

__all__ = ["PROGRESS_SUFFIX", "ProgressFile"]

PROGRESS_SUFFIX: Final = "-last"
"""Follows the name of the spool."""

MAX_SIZE: Final = 1_024
"""Bytes that are read: more than a valid file has."""


class ProgressFile:
    """The file of one open spool. Without it, e.g. on a full disk, only losses go unnoticed."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + PROGRESS_SUFFIX)
        self._file: BinaryIO | None = None
        self._written = Progress(0, 0)

    def read(self) -> Progress:
        """What the last process has written; zeros if there is nothing intact."""
        try:
            with open_regular(self._path) as file:
                return Progress.decode(file.read(MAX_SIZE)) or Progress(0, 0)
        except OSError:
            return Progress(0, 0)

    def write(self, progress: Progress) -> None:
        """Write the progress after a transaction."""
        if progress == self._written:
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
                descriptor = os.open(self._path, flags, 0o600)
                self._file = os.fdopen(descriptor, "wb", buffering=0)
            self._file.seek(0)
            self._file.write(progress.encode())
            self._written = progress
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

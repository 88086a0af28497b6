"""Reading files that somebody has named, which may be a pipe, a device or a folder as well.

Opening a pipe waits for a writer, and a device may have no end.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["open_regular", "read_limited"]

PIPE_TIMEOUT: Final = 5.0
"""Seconds within which a pipe or a device must deliver everything."""

_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it. Raises ``OSError``, for everything else as well."""
    _check_regular(path.stat(), path)  # first: opening a device may have an effect
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    try:
        _check_regular(os.fstat(file.fileno()), path)
    except OSError:
        file.close()
        raise
    return file


def read_limited(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a file, a pipe or a device.

    Raises ``OSError``: also for a folder, and for a pipe or a device that does not deliver them,
    or its end, within 5 s.
    """
    if stat.S_ISREG(path.stat().st_mode):
        with open_regular(path) as file:
            return file.read(size)
    if not hasattr(select, "poll"):
        with path.open("rb") as file:
            return file.read(size)
    descriptor = os.open(path, _FLAGS)
    try:
        _check_no_folder(os.fstat(descriptor), path)
        return _read_in_time(descriptor, size, time.monotonic() + PIPE_TIMEOUT)
    finally:
        os.close(descriptor)


def _read_in_time(descriptor: int, size: int, deadline: float) -> bytes:
    data, poll = b"", select.poll()
    poll.register(descriptor, select.POLLIN)
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1_000):
            text = f"this pipe or device has not ended within {PIPE_TIMEOUT:g} s; name a file"
            raise TimeoutError(errno.ETIMEDOUT, text)
        try:
            chunk = os.read(descriptor, size - len(data))
        except BlockingIOError:
            continue
        if not chunk:
            break
        data += chunk
    return data


def _check_regular(found: os.stat_result, path: Path) -> None:
    _check_no_folder(found, path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file; name a file", str(path))


def _check_no_folder(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))

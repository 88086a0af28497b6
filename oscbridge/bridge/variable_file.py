"""The file of the variables that persist: read with care, replaced all at once."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from oscbridge.bridge.config.file import replace_file
from oscbridge.bridge.routes.variables import Value
from oscbridge.errors import OSCBridgeError
from oscbridge.file_reading import open_regular
from oscbridge.net.os_errors import what_failed

try:
    import fcntl
except ImportError:  # Windows: there the use by two processes is not detected
    fcntl = None  # type: ignore[assignment]

__all__ = ["VariableFile"]

MAX_SIZE: Final = 16 << 20
"""Bytes of the file; a larger one is not read. The largest set of variables is smaller."""

MAX_DAMAGED: Final = 10
"""Damaged files that are kept; then the last of them is replaced."""

_log: Final = logging.getLogger("oscbridge.variables")


class VariableFile:
    """A JSON file with the values of variables by name. One process uses it at a time.

    All of its methods may wait for the disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def read(self) -> Mapping[str, object]:
        """The values, empty without a file. A damaged file is renamed.

        Raises :class:`OSCBridgeError` if it cannot be read, or the damaged file not be renamed.
        """
        try:
            with open_regular(self.path) as file:
                data = file.read(MAX_SIZE + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise OSCBridgeError(f"{self.path}: cannot be read: {what_failed(error)}") from None
        if not data:  # a kill has left it before it was written for the first time
            return {}
        why = f"larger than {MAX_SIZE} bytes"
        if len(data) <= MAX_SIZE:
            try:
                values = json.loads(data)["variables"]
                if isinstance(values, dict):
                    return values
            except (ValueError, KeyError, TypeError, RecursionError):
                pass
            why = "not a file of variables"
        self._set_aside(why)
        return {}

    def write(self, values: Mapping[str, Value]) -> None:
        """Replace the values. Raises :class:`OSCBridgeError`."""
        self.prepare()
        try:
            self.path.touch(mode=0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        replace_file(self.path, json.dumps({"variables": values}, indent=1, allow_nan=False))

    def prepare(self) -> None:
        """Raise :class:`OSCBridgeError` if it certainly cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._claim()
            mode = self.path.stat().st_mode if self.path.exists() else stat.S_IWUSR
        except OSError as error:
            raise self._unwritable(error) from None
        # Root may write anything; a file that was made read-only is left alone all the same.
        is_writable = mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        if not is_writable or (self.path.exists() and not os.access(self.path, os.W_OK)):
            raise OSCBridgeError(f"{self.path}: the file is read-only; make it writable")

    def _unwritable(self, error: OSError) -> OSCBridgeError:
        return OSCBridgeError(f"{self.path}: cannot be written: {what_failed(error)}")

    def close(self) -> None:
        """Leave it to other processes."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _claim(self) -> None:
        """Raises :class:`OSCBridgeError` if another process uses the file."""
        if self._lock is not None or fcntl is None:
            return
        lock = self.path.with_name(f"{self.path.name}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            fix = "set 'state' in [run] to another file"
            raise OSCBridgeError(f"{self.path}: another process uses it; {fix}") from None
        except OSError:  # a file system without locks
            lock.close()
            return
        self._lock = lock

    def _set_aside(self, why: str) -> None:
        names = [f"{self.path.name}.damaged-{number + 1}" for number in range(MAX_DAMAGED)]
        paths = [self.path.with_name(name) for name in names]
        new = next((path for path in paths if not path.exists()), paths[-1])
        try:
            self.path.rename(new)
        except OSError as error:
            text = f"{self.path}: {why}; cannot be renamed: {what_failed(error)}"
            raise OSCBridgeError(text) from None
        _log.error("%s: %s; kept as %s; variables have their initial values", self.path, why, new)

"""A folder of recordings, by names without path parts."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.recording.format import Recording, RecordingError, read_summary

__all__ = [
    "MAX_NAME_LENGTH",
    "MAX_RECORDINGS",
    "MAX_RECORDING_SIZE",
    "SUFFIX",
    "RecordingLibrary",
    "RecordingUpload",
    "StoredRecording",
    "checked_name",
]

SUFFIX: Final = ".oscrec"

MAX_NAME_LENGTH: Final = 80
"""Characters of a name."""

MAX_NAME_BYTES: Final = 200
"""Bytes of a name: file systems accept 255, with the suffix."""

MAX_RECORDINGS: Final = 1_000
"""Recordings in a folder."""

MAX_RECORDING_SIZE: Final = 1_000_000_000
"""Bytes of a recording in a folder."""

MIN_FREE: Final = 64_000_000
"""Bytes that stay free on the disk."""

MAX_PART_AGE: Final = 86_400.0
"""Seconds after which an upload that was not finished is removed."""

READ_SIZE: Final = 262_144
"""Bytes that are read at once."""

_NAME: Final = re.compile(r"[^\W_][\w .()+-]*")
_RESERVED: Final = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
"""Names of devices on Windows."""
_PART: Final = re.compile(r"\.upload-[0-9a-f]{16}")


class StoredRecording(NamedTuple):
    """A recording in the folder."""

    name: str
    size: int
    """Bytes."""
    start_unix_ns: int | None
    """When it began; None if it cannot be read."""
    length_ns: int | None
    """Its length; None if it has no end."""
    changed: float
    """Unix time at which it was written."""


def checked_name(name: str) -> str:
    """The name of a recording, without its suffix. Raises :class:`ConfigurationError`."""
    name = unicodedata.normalize("NFC", name.strip()).removesuffix(SUFFIX)
    if (
        not _NAME.fullmatch(name)
        or name.endswith((" ", "."))
        or len(name) > MAX_NAME_LENGTH
        or len(name.encode()) > MAX_NAME_BYTES
        or _RESERVED.fullmatch(name)
    ):
        raise ConfigurationError(
            f"{name[:MAX_NAME_LENGTH]!r}: not a valid name of a recording; it begins with a letter "
            f"or digit, then letters, digits, spaces and _ - + . ( ), at most {MAX_NAME_LENGTH}"
        )
    return name


class RecordingLibrary:
    """Lists, opens and removes the recordings of a folder. All methods may wait for the disk.

    They raise :class:`ConfigurationError` for names that are not valid, and
    :class:`OSCBridgeError` for what the system refuses.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The file of a recording, which need not exist."""
        return self.folder / f"{checked_name(name)}{SUFFIX}"

    def recordings(self) -> Sequence[StoredRecording]:
        """All recordings, the latest first."""
        found: list[StoredRecording] = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                        with suppress(OSError, ConfigurationError):
                            found.append(self._stored(Path(entry.path)))
                    if len(found) >= MAX_RECORDINGS:
                        break
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._failed(error) from None
        return sorted(found, key=lambda each: -each.changed)

    def _stored(self, path: Path) -> StoredRecording:
        name = checked_name(path.name)
        with self._opened(path) as file:
            status = os.fstat(file.fileno())
            try:
                start, length = read_summary(file)
            except RecordingError:
                return StoredRecording(name, status.st_size, None, None, status.st_mtime)
        return StoredRecording(name, status.st_size, start, length, status.st_mtime)

    def open(self, name: str) -> BinaryIO:
        """The file of a recording."""
        path = self.path(name)
        try:
            return self._opened(path)
        except FileNotFoundError:
            raise ConfigurationError(f"{name!r}: no such recording") from None
        except OSError as error:
            raise OSCBridgeError(f"{path}: {what_failed(error)}") from None

    def _opened(self, path: Path) -> BinaryIO:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb", buffering=READ_SIZE)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise FileNotFoundError
        return file

    def remove(self, name: str) -> None:
        """Remove a recording."""
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise ConfigurationError(f"{name!r}: no such recording") from None
        except OSError as error:
            raise OSCBridgeError(f"{path}: {what_failed(error)}") from None

    def new(self, name: str) -> Path:
        """The file for a new recording; the folder exists then, and has room."""
        path = self.path(name)
        if path.exists() or path.is_symlink():
            raise ConfigurationError(f"{path.stem!r}: already exists; choose another name")
        self._make_room(0)
        return path

    def upload(self, name: str, size: int) -> RecordingUpload:
        """A file for a recording of ``size`` bytes that arrives in pieces."""
        if not 0 < size <= MAX_RECORDING_SIZE:
            text = f"{size} bytes; a recording has 1 to {MAX_RECORDING_SIZE}"
            raise ConfigurationError(text)
        path = self.new(name)
        self._make_room(size)
        return RecordingUpload(path, size)

    @property
    def free(self) -> int:
        """Bytes that recordings may still take."""
        place = self.folder
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            return max(0, shutil.disk_usage(place).free - MIN_FREE)
        except OSError:
            return 0

    def _make_room(self, size: int) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = [each.name for each in self.folder.iterdir()]
            for name in names:
                if _PART.fullmatch(name):
                    self._remove_old(self.folder / name)
        except OSError as error:
            raise self._failed(error) from None
        if sum(name.endswith(SUFFIX) for name in names) >= MAX_RECORDINGS:
            text = f"there are {MAX_RECORDINGS} recordings already; remove one first"
            raise OSCBridgeError(text)
        if self.free <= size:
            raise OSCBridgeError(f"{self.folder}: the disk is full; remove a recording first")

    def _remove_old(self, path: Path) -> None:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > MAX_PART_AGE:
                path.unlink()

    def _failed(self, error: OSError) -> OSCBridgeError:
        return OSCBridgeError(f"{self.folder}: {what_failed(error)}")


class RecordingUpload:
    """A recording that arrives in pieces; it appears in the folder once it is complete and valid.

    All methods may wait for the disk. They raise :class:`OSCBridgeError`.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        """Bytes of the recording."""
        self.received = 0
        self.touched = time.monotonic()
        """When it was begun, or got its last piece."""
        self._part = path.with_name(f".upload-{secrets.token_hex(8)}")
        try:
            self._file = self._part.open("x+b", buffering=0)
        except OSError as error:
            raise self._failed(error) from None

    def write(self, data: bytes) -> None:
        """Add a piece."""
        if self._file.closed:
            raise ConfigurationError("the upload was given up; begin again")
        if self.received + len(data) > self.size:
            raise ConfigurationError(f"more than the {self.size} bytes that were announced")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._failed(error) from None
        self.received += len(data)
        self.touched = time.monotonic()

    def finish(self) -> None:
        """Check it, and put it into the folder."""
        if self.received != self.size:
            raise ConfigurationError(f"{self.received} of {self.size} bytes have arrived")
        try:
            with self._part.open("rb", buffering=READ_SIZE) as file:
                for _ in Recording(file):
                    pass
        except RecordingError as error:
            raise ConfigurationError(f"{self.path.name}: {error}") from None
        except OSError as error:
            raise self._failed(error) from None
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            if self.path.exists():
                raise FileExistsError
            self._part.rename(self.path)
        except FileExistsError:
            text = f"{self.path.stem!r}: already exists; choose another name"
            raise ConfigurationError(text) from None
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Drop it, unless it is finished."""
        self._file.close()
        with suppress(OSError):
            self._part.unlink()

    def _failed(self, error: OSError) -> OSCBridgeError:
        return OSCBridgeError(f"{self.path}: {what_failed(error)}")

"""The configuration file on disk: reading it, and replacing it atomically."""

from __future__ import annotations

import codecs
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.suggestions import did_you_mean

__all__ = ["read_file", "replace_file"]

MAX_FILE: Final = 1 << 20
"""Bytes of a configuration file, at most."""


def read_file(path: Path) -> str:
    """The text of a configuration file, without a byte order mark, with its line endings.

    Raises :class:`ConfigurationError` if it cannot be read, is too large or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*.toml")])
        raise ConfigurationError(f"{path}: no such file; {near or 'check the name'}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {what_failed(error)}") from None
    if len(raw) > MAX_FILE:
        raise ConfigurationError(
            f"{path}: larger than {MAX_FILE} bytes; expected a configuration file"
        )
    try:
        return raw.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line}: not UTF-8; save it as UTF-8") from None


def replace_file(path: Path, text: str) -> None:
    """Replace the content of a file, all at once: readers see the old text or the new one.

    Keeps its permissions, its owner and a byte order mark; of a symbolic link the target is
    replaced. Raises :class:`OSCBridgeError` if the file is read-only or cannot be written, and
    leaves it unchanged then.
    """
    temporary: Path | None = None
    try:
        target = path.resolve(strict=True)
        status = target.stat()
        # Root may write anything; a file that was made read-only is left alone all the same.
        if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(
            target, os.W_OK
        ):
            raise OSCBridgeError(f"{path}: not changed: the file is read-only; make it writable")
        with target.open("rb") as old:
            mark = codecs.BOM_UTF8 if old.read(3) == codecs.BOM_UTF8 else b""
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as new:
            new.write(mark + text.encode())
            new.flush()
            os.fsync(new.fileno())
        _copy_owner(temporary, status)
        temporary.chmod(stat.S_IMODE(status.st_mode))
        temporary.replace(target)
    except OSError as error:
        raise OSCBridgeError(f"{path}: not changed: {what_failed(error)}") from None
    finally:
        if temporary is not None:
            with suppress(OSError):  # it is gone once it has replaced the file
                temporary.unlink()


def _copy_owner(path: Path, status: os.stat_result) -> None:
    own = path.stat()
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        os.chown(path, status.st_uid, status.st_gid)

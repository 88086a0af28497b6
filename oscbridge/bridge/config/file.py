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
from oscbridge.file_reading import open_regular, read_limited
from oscbridge.net.os_errors import what_failed
from oscbridge.suggestions import did_you_mean

__all__ = ["create_file", "read_file", "replace_file", "why_not_writable"]

MAX_FILE: Final = 1 << 20
"""Bytes of a configuration file, at most."""

_ANYBODY: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
"""The permissions to write: without them root could, and does not."""


def read_file(path: Path, *, allow_pipe: bool = False) -> str:
    """The text of a configuration file, without a byte order mark, with its line endings.

    ``allow_pipe`` is for a name from the command line, as a pipe can be read only once. Raises
    :class:`ConfigurationError` if it cannot be read, is too large or is not UTF-8.
    """
    try:
        if allow_pipe:
            raw = read_limited(path, MAX_FILE + 1)
        else:
            with open_regular(path) as file:
                raw = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: no such file; {_near(path) or 'check the name'}"
        ) from None
    except IsADirectoryError as error:
        fix = _only(path)
        text = f"this is a directory; did you mean {str(fix)!r}?" if fix else what_failed(error)
        raise ConfigurationError(f"{path}: {text}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {what_failed(error)}") from None
    if len(raw) > MAX_FILE:
        raise ConfigurationError(
            f"{path}: larger than {MAX_FILE} bytes; expected a configuration file"
        )
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigurationError(f"{path}: UTF-16, as PowerShell writes it; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line}: not UTF-8; save it as UTF-8") from None


def _near(path: Path) -> str:
    """A question about the file that was meant, or an empty string."""
    names = [each.name for each in path.parent.glob("*.toml") if each.is_file()]
    whole = f"{path.name}.toml"
    return did_you_mean(whole if whole in names else path.name, names)


def _only(folder: Path) -> Path | None:
    """The configuration in a folder that has only one."""
    found = [each for each in folder.glob("*.toml") if each.is_file()]
    return found[0] if len(found) == 1 else None


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
        if not status.st_mode & _ANYBODY or not os.access(target, os.W_OK):
            raise OSCBridgeError(f"{path}: not changed: the file is read-only; make it writable")
        with open_regular(target) as old:
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


def create_file(path: Path, text: str) -> None:
    """Write a new file, and the folders above it, which only this user can enter.

    Raises :class:`OSCBridgeError` if it exists or cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSCBridgeError(f"{path}: not created: {what_failed(error)}") from None


def why_not_writable(path: Path) -> str:
    """Why a file cannot be replaced, or created; empty if it probably can."""
    try:
        target = path.resolve()
        if target.exists():
            mode = target.stat().st_mode
            if not mode & _ANYBODY or not os.access(target, os.W_OK):
                return f"{path} is read-only"
        folder = next(each for each in target.parents if each.exists())
        return "" if os.access(folder, os.W_OK | os.X_OK) else f"the folder {folder} is read-only"
    except (OSError, StopIteration) as error:
        return f"{path}: {what_failed(error) if isinstance(error, OSError) else 'not found'}"


def _copy_owner(path: Path, status: os.stat_result) -> None:
    own = path.stat()
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        os.chown(path, status.st_uid, status.st_gid)

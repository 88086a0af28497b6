"""``[run] plugins``: a folder with plugins of one file each, and whether to trust it.

Whoever can write there can run code as the user of the bridge. So neither the folder nor a file
may belong to, or be writable by, anyone but this user or root.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from oscbridge.bridge.config.environment import overlay
from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.include import include_files
from oscbridge.bridge.config.problem import show
from oscbridge.bridge.config.state_path import absolute_path, path_from
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.os_errors import what_failed

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = [
    "UntrustedFile",
    "checked_folder",
    "folder_in",
    "folder_of",
    "plugin_files",
    "read_plugin_file",
]

MAX_FILES: Final = 100
"""Plugin files in a folder, at most."""

MAX_SIZE: Final = 1 << 20
"""Bytes of a plugin file, at most."""

_FILE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\.py")

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class UntrustedFile(OSCBridgeError, ValueError):
    """A plugin file or its folder cannot be read or trusted; the text says how to fix it."""


def folder_of(file: Path) -> Path | None:
    """The folder that a configuration file names under ``plugins`` of ``[run]``.

    For use before the rest of the configuration can be checked, which needs the plugins. Other
    problems of the file are left to that. Raises :class:`ConfigurationError` if the folder cannot
    be used.
    """
    file = file.absolute()
    if not file.is_file():  # a pipe can be read only once
        return None
    try:
        text = read_file(file)
    except ConfigurationError:
        return None
    return folder_in(text, file)


def folder_in(text: str, file: Path) -> Path | None:
    """The same for the text of a configuration; it need not be in ``file``."""
    try:
        raw = include_files(text, str(file), file).raw
    except ConfigurationError:
        return None
    table: object = overlay(raw, os.environ).raw.get("run")
    value: object = table.get("plugins") if isinstance(table, Mapping) else None
    if not isinstance(value, str):
        return None
    try:
        folder = path_from(file.parent, value)
        plugin_files(folder)
    except ValueError as error:  # an UntrustedFile too
        raise ConfigurationError(f"{file}: run.plugins = {show(value)}: {error}") from None
    return folder


def checked_folder(value: object, info: ValidationInfo) -> Path:
    """The folder, for pydantic. Raises ``ValueError`` if it cannot be used."""
    from oscbridge.bridge.config.secrets import note_file

    folder = absolute_path(value, info)
    note_file(folder)  # a new file is a change as well
    for file in plugin_files(folder):
        note_file(file)
    return folder


def plugin_files(folder: Path) -> Sequence[Path]:
    """The plugin files in a folder by name, whatever their content.

    Hidden files, and those that start with ``_``, are ignored. Raises :class:`UntrustedFile` if
    the folder cannot be read or trusted.
    """
    try:
        real = folder.resolve(strict=True)
        found = real.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise UntrustedFile(f"{folder} is not a folder; name a folder")
        found_names = sorted(each.name for each in real.iterdir())
    except FileNotFoundError:
        raise UntrustedFile(f"{folder}: no such folder; create it, or remove the key") from None
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise UntrustedFile(f"{folder}: {_why(error)}") from None
    if problem := _trust_problem(found):
        raise UntrustedFile(f"{real} {problem}")
    names = [each for each in found_names if each.endswith(".py") and each[0] not in "._"]
    if len(names) > MAX_FILES:
        raise UntrustedFile(f"{folder}: {len(names)} plugin files; at most {MAX_FILES} are allowed")
    return [folder / name for name in names]


def read_plugin_file(path: Path) -> bytes:
    """The code of a plugin file. Raises :class:`UntrustedFile` if it cannot be read or trusted.

    The file that is checked is the one that is read, even if the file is replaced meanwhile.
    """
    if not _FILE_NAME.fullmatch(path.name):
        text = "use up to 64 lower-case letters, digits and '_', a letter first"
        raise UntrustedFile(f"{path}: invalid name; rename the file: {text}")
    try:
        real = path.resolve(strict=True)
        if problem := _trust_problem(real.parent.stat()):
            raise UntrustedFile(f"{real.parent} {problem}")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(real, flags), "rb") as file:  # noqa: PTH123 - a FIFO must not block it
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UntrustedFile(f"{path} is not a regular file; remove it")
            if problem := _trust_problem(found):
                raise UntrustedFile(f"{real} {problem}")
            code = file.read(MAX_SIZE + 1)
    except (OSError, RuntimeError) as error:
        raise UntrustedFile(f"{path}: {_why(error)}") from None
    if len(code) > MAX_SIZE:
        raise UntrustedFile(f"{path} is larger than {MAX_SIZE} bytes; install it as a package")
    return code


def _trust_problem(found: os.stat_result) -> str:
    """Why code from a file or a folder must not run, and how to fix it; empty if it may."""
    if not hasattr(os, "geteuid"):
        return ""  # Windows: its permissions are not in the mode
    user = os.geteuid()
    if found.st_uid not in (0, user):
        owner = f"user {user} or root" if user else "root"
        return (
            f"belongs to user {found.st_uid}, who could run code as this user; "
            f"make it belong to {owner} (chown)"
        )
    if found.st_mode & _OTHERS:
        return "is writable by other users, who could run code as this user; chmod go-w it"
    return ""


def _why(error: OSError | RuntimeError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return what_failed(error) if isinstance(error, OSError) else str(error)

"""The files that a configuration is made of, and whether their content has changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oscbridge.bridge.config.environment import overlay
from oscbridge.bridge.config.file import read_file
from oscbridge.bridge.config.found_files import matching_paths
from oscbridge.bridge.config.include import WILD, IncludedTables
from oscbridge.bridge.config.reader import Reader
from oscbridge.bridge.config.secrets import noted_files
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.file_reading import open_regular

__all__ = ["UsedFiles", "used_files"]

MAX_CONTENT: Final = 4 << 20
"""Bytes of a file that are compared, at most."""

MAX_FOLDERS: Final = 500
"""Folders that are watched, at most."""

MAX_LINKS: Final = 40
"""Symbolic links that are followed from one file, at most; Linux has the same limit."""


@dataclass(frozen=True)
class UsedFiles:
    """The files of a configuration at one moment. Equal if nothing has changed."""

    contents: Mapping[Path, bytes]
    """A digest of each file; empty if it cannot be read."""
    folders: frozenset[Path]
    """The folders where a change may concern them."""

    def changed_since(self, old: UsedFiles) -> list[Path]:
        """The files that are new, gone or have another content."""
        names = [*self.contents, *(path for path in old.contents if path not in self.contents)]
        return [path for path in names if self.contents.get(path) != old.contents.get(path)]

    def states(self) -> Sequence[object]:
        """Cheap to compare: equal if probably neither a file nor a folder has changed."""
        return [_state(path) for path in (*self.contents, *sorted(self.folders))]

    def lacks_any_of(self, old: UsedFiles) -> bool:
        """Whether a file that could be read before cannot be read now."""
        return any(each and not self.contents.get(path) for path, each in old.contents.items())


def used_files(path: Path, types: Mapping[str, type[AnyEndpoint]]) -> UsedFiles:
    """The file itself, those it includes, and the certificates and secrets that it names.

    Of an invalid configuration those that can be found. Reads them all: may block.
    """
    path = path.absolute()
    included = IncludedTables(str(path), path)
    # A plugin may raise anything. The reload, which reads the same files, reports it.
    with suppress(Exception, SystemExit), noted_files() as named:
        included.read(read_file(path))
        Reader(overlay(included.raw, os.environ).raw, types, path.parent, str(path))
    files = dict.fromkeys([path, *included.files, *sorted(named)])
    folders = {folder for file in files for folder in _folders_of(file)}
    folders |= {file for file in files if file.is_dir()}  # as of plugins, where a file may be new
    folders |= {folder for each in included.patterns for folder in _folders_of_pattern(each)}
    contents = {file: _digest(file) for file in files if not file.is_dir()}
    return UsedFiles(contents, frozenset(sorted(folders)[:MAX_FOLDERS]))


def _state(path: Path) -> object:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def _digest(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            content = file.read(MAX_CONTENT)
    except (OSError, ValueError):
        return b""
    return hashlib.blake2b(content, digest_size=16).digest()


def _folders_of(path: Path) -> Iterator[Path]:
    """The folder of a file, and of each symbolic link in its path: any of them may be switched."""
    waiting = [path]
    for _ in range(MAX_LINKS):
        if not waiting:
            return
        path = waiting.pop()
        yield _existing(path.parent)
        with suppress(OSError, ValueError):
            for each in (path, *path.parents):
                if each.is_symlink():
                    yield _existing(each.parent)
                    rest = path.relative_to(each)
                    waiting.append(each.parent / each.readlink() / rest)
                    break


def _folders_of_pattern(pattern: Path) -> Iterator[Path]:
    """The folders where a new file or folder may match."""
    parts = pattern.parts
    wild = next(index for index, part in enumerate(parts) if any(each in part for each in WILD))
    yield _existing(Path(*parts[:wild]))
    for end in range(wild + 1, len(parts)):
        matches = matching_paths(Path(), str(Path(*parts[:end])))
        yield from (each for each in matches if each.is_dir())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(each for each in (folder, *folder.parents) if each.is_dir() or each == each.parent)

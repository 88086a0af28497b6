"""The files of a folder: which one a URL names, without a way out of the folder."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from mimetypes import MimeTypes

__all__ = ["FoundFile", "IsFolder", "open_file"]

INDEX: Final = "index.html"
"""The file that is served for a folder."""

MAX_PATH: Final = 1_024
"""The longest path of a URL, in bytes."""

TYPES: Final = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""Content types by suffix; those of the system differ, and some break scripts."""

_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe would block
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@cache
def _other_types() -> MimeTypes:
    from mimetypes import MimeTypes  # reading the files of the system takes 20 ms

    return MimeTypes()


class IsFolder(Exception):
    """The URL names a folder, but does not end with a slash, as relative links need it."""


@dataclass(frozen=True)
class FoundFile:
    """An open file, as it was when it was opened."""

    descriptor: int
    size: int
    content_type: str
    etag: str
    modified: int
    """Seconds since 1970."""

    @property
    def last_modified(self) -> str:
        """``modified`` as an HTTP date."""
        return formatdate(self.modified, usegmt=True)

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes; fewer at the end of a file that has become shorter."""
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, size)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


def open_file(folder: Path, path: str) -> FoundFile | None:
    """Open the file that the path of a URL names; None if there is none to be served.

    Not served are names that start with a dot, links to anything outside the folder or to such a
    name, and everything that is not a regular file. Raises :class:`IsFolder`.
    """
    parts = _parts(path)
    if parts is None:
        return None
    try:
        root = folder.resolve(strict=True)
        found = root.joinpath(*parts).resolve(strict=True)
        if not _is_inside(root, found):
            return None
        if found.is_dir():
            if not path.endswith("/"):
                raise IsFolder
            found = (found / INDEX).resolve(strict=True)
            if not _is_inside(root, found):
                return None
        elif path.endswith("/"):
            return None
        return _open(found, "/".join(parts))
    except (OSError, RuntimeError, ValueError):  # missing, a loop of links, an impossible name
        return None


def _parts(path: str) -> list[str] | None:
    """The names in a path; None if it is not one that this server would write."""
    if not path.startswith("/") or len(path) > MAX_PATH:
        return None
    parts = []
    for each in path[1:].removesuffix("/").split("/") if path != "/" else ():
        try:
            name = unquote_to_bytes(each).decode()
        except UnicodeDecodeError:
            return None
        # ":" would be a drive or a stream on Windows.
        if not name or name[0] == "." or any(c in '/\\:"*?<>|' or c < " " for c in name):
            return None
        parts.append(name)
    return parts


def _is_inside(root: Path, found: Path) -> bool:
    """Whether a path without links is inside a folder, and not hidden there."""
    if not found.is_relative_to(root):
        return False
    return not any(name.startswith(".") for name in found.relative_to(root).parts)


def _open(path: Path, shown: str) -> FoundFile | None:
    descriptor = os.open(path, _OPEN_FLAGS)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    with suppress(OSError, AttributeError):
        os.set_blocking(descriptor, True)
    name = shown if PurePosixPath(shown).suffix else path.name
    return FoundFile(
        descriptor,
        status.st_size,
        _content_type(name),
        f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"',
        int(status.st_mtime),
    )


def _content_type(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    found = TYPES.get(suffix) or _other_types().guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found

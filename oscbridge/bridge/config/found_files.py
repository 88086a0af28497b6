"""Finds the files that names and patterns under ``include`` stand for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["is_file", "matching_paths"]


def is_file(path: Path) -> bool:
    """Whether a file exists; its name may be of any length."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def matching_paths(directory: Path, pattern: str) -> Iterator[Path]:
    """What matches a pattern in a directory, or an absolute pattern.

    As in a shell, wildcards match no name that begins with a dot: editors hide their copies so.
    """
    given = Path(pattern)
    base = Path(given.anchor) if given.anchor else directory
    parts = given.parts[1:] if given.anchor else given.parts
    if not parts:
        return
    for found in base.glob(str(Path(*parts))):
        names = found.parts[len(base.parts) :]
        if not any(_hides(name, part) for name, part in zip(names, parts, strict=False)):
            yield found


def _hides(name: str, part: str) -> bool:
    return name.startswith(".") and not part.startswith(".")

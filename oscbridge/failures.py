"""Failures in code of users and plugins, in one line: the type, the place and the text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Final

__all__ = ["failure_text", "place_of"]

_HERE: Final = str(Path(__file__).parent)
_PLUGINS_OF_OUR_OWN: Final = str(Path(__file__).parent / "endpoints")
_IMPORTING: Final = ("<frozen importlib", f"{Path('importlib', 'metadata')}")


def failure_text(error: BaseException) -> str:
    """Return ``KeyError: 'brightness' (/shows/lamp.py:12)``; never raises.

    For errors that nobody raised on purpose: those name their reason themselves.
    """
    place = place_of(error)
    try:
        text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    except BaseException:
        text = "its text cannot be shown"
    named = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{named} ({place})" if place else named


def place_of(error: BaseException) -> str:
    """Return ``FILE:LINE`` where an error was raised, in the code that the bridge called.

    That is the deepest line in the first file that does not belong to the bridge: the libraries
    that the file uses say less about the mistake. For a syntax error it is the line with the
    error. Empty if the error was not raised.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    lines = list(_lines(error.__traceback__))
    foreign = [line for line in lines if not _is_ours(line[0])]
    if not lines:
        return ""
    if not foreign:
        return f"{lines[-1][0]}:{lines[-1][1]}"
    first = foreign[0][0]
    return f"{first}:{[number for file, number in foreign if file == first][-1]}"


def _lines(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    for frame, number in walk_tb(traceback):
        yield frame.f_code.co_filename, number


def _is_ours(file: str) -> bool:
    if any(part in file for part in _IMPORTING) or file.endswith("importlib/__init__.py"):
        return True
    return file.startswith(_HERE) and not file.startswith(_PLUGINS_OF_OUR_OWN)

"""Failures in code of users and plugins, in one line: the type, the place and the text."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Final

from oscbridge.errors import OSCBridgeError

__all__ = [
    "causes_of",
    "defined_at",
    "failure_text",
    "is_explained",
    "is_foreign",
    "place_of",
    "text_of",
]

_HERE: Final = str(Path(__file__).parent)
_PLUGINS_OF_OUR_OWN: Final = str(Path(__file__).parent / "endpoints")
_CALLING: Final = (
    "<frozen importlib",
    str(Path("importlib", "metadata")),
    str(Path("importlib", "__init__.py")),
    str(Path("pluggy", "_")),
    str(Path("pydantic", "main.py")),
)


def is_explained(error: BaseException) -> bool:
    """Whether the text of an error says it all: it was raised on purpose, like all its causes."""
    return all(isinstance(each, OSCBridgeError | OSError) for each in causes_of(error))


def causes_of(error: BaseException, *, contexts: bool = False) -> Iterator[BaseException]:
    """An error, its cause, the cause of that, and so on; each once, as one may cause itself.

    With ``contexts``, where there is no cause, the error during whose handling it was raised.
    """
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (each.__context__ if contexts else None)


def text_of(error: BaseException) -> str:
    """The text of an error; never raises."""
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:
        return "its text cannot be shown"


def failure_text(error: BaseException, called: str = "") -> str:
    """Return ``KeyError: 'brightness' (/shows/lamp.py:12)``; never raises.

    For errors that nobody raised on purpose: those name their reason themselves. ``called`` is
    the place of the called function, for an error of the call itself.
    """
    place = place_of(error)
    if called and not (place and is_foreign(place)):
        place = called
    text = " ".join(text_of(error).split())
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
    foreign = [line for line in lines if is_foreign(line[0])]
    if not lines:
        return ""
    if not foreign and isinstance(error.__cause__, StopIteration):
        return place_of(error.__cause__)  # Python has replaced it: no coroutine may raise it
    if not foreign and _is_calling(lines[-1][0]):
        return ""  # the module itself is missing
    if not foreign:
        return f"{lines[-1][0]}:{lines[-1][1]}"
    first = foreign[0][0]
    return f"{first}:{[number for file, number in foreign if file == first][-1]}"


def defined_at(function: object) -> str:
    """Return ``FILE:LINE`` where a function or a class is defined; empty if that is unknown."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"  # type: ignore[arg-type]
    except (OSError, TypeError):
        return ""


def _lines(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    for frame, number in walk_tb(traceback):
        yield frame.f_code.co_filename, number


def is_foreign(file: str) -> bool:
    """Whether code in a file is a plugin's or a user's, not the bridge's or an import system's."""
    if file.startswith(_HERE):
        return file.startswith(_PLUGINS_OF_OUR_OWN)
    return not _is_calling(file)


def _is_calling(file: str) -> bool:
    return any(part in file for part in _CALLING)

"""An event of the log as a line: for people, or as JSON. Nothing in it can end the line."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from abc import ABC, abstractmethod
from typing import Final, Literal, NamedTuple

__all__ = ["Form", "JSONLines", "Lines", "TextLines", "colour_wanted", "text_of", "visible"]

Form = Literal["auto", "text", "json"]
"""``text`` is for people; ``auto`` is text as well, coloured in a terminal."""

MAX_TEXT: Final = 2_000
"""Characters of an event's text. The rest is cut off."""

MAX_ERROR: Final = 16_000
"""Characters of a traceback. Of a longer one the middle is cut out."""

# Not pathlib, which is not loaded yet.
_PACKAGE: Final = __file__.removesuffix(os.path.join("logs", "format.py"))  # noqa: PTH118

_PART: Final = re.compile(r"((?:bridge|endpoint)\.[\w-]+|route \d+): ")
"""What a text begins with that says itself which part it is about."""

_FRAME: Final = re.compile(r'^ +File "(.+)", line (\d+), in (.+)$', re.MULTILINE)

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_CYAN: Final = "\x1b[36m"
_COLOURS: Final = {
    logging.DEBUG: _DIM,
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}


class _Event(NamedTuple):
    part: str
    """``bridge.NAME``, ``endpoint.NAME``, ``route N``; for the others the logger."""
    text: str
    error: str
    """The traceback, or nothing."""


class Lines(logging.Formatter, ABC):
    """Makes one line of an event. Never raises for what an event holds.

    An event may say its part and its traceback itself, as the attributes ``part`` and
    ``detail`` of its record. Else the part is found in the logger's name or at the
    beginning of the text, and the traceback is that of the exception.
    """

    form: Form

    @abstractmethod
    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""


class TextLines(Lines):
    """Lines for people: time, level, part, text.

    What cannot be printed is escaped, so that no message from the network can colour the
    terminal or forge a line. Of a traceback the line says the place. The whole of it
    follows, indented, if the event is critical, or always with ``tracebacks``.
    """

    def __init__(
        self,
        *,
        form: Form = "text",
        colour: bool = False,
        dates: bool = False,
        tracebacks: bool = False,
    ) -> None:
        super().__init__()
        self.form = form
        self._colour = colour
        self._time = "%Y-%m-%d %H:%M:%S" if dates else "%H:%M:%S"
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        event = _event(record)
        at = time.strftime(self._time, time.localtime(record.created))
        level = f"{visible(record.levelname):7}"
        # A module of ours says nothing to people that the text does not.
        part = "" if event.part.startswith("oscbridge.") else visible(event.part)
        text = visible(event.text)
        if event.error:
            text += visible(_in_short(event.error, event.text))
        if self._colour:
            at, part = f"{_DIM}{at}{_RESET}", part and f"{_CYAN}{part}{_RESET}"
            colour = _COLOURS.get(record.levelno)
            level = f"{colour}{level}{_RESET}" if colour else level
        line = f"{at} {level} {part}: {text}" if part else f"{at} {level} {text}"
        if event.error and (self._tracebacks or record.levelno >= logging.CRITICAL):
            rest = (f"    {visible(each)}" for each in event.error.rstrip("\n").split("\n"))
            line = "\n".join((line, *rest))
        return line


class JSONLines(Lines):
    """Lines for programs: one JSON object each, in ASCII.

    ``time`` (UTC, RFC 3339, to a millisecond), ``level``, ``part``, ``event`` and, if there
    is one, the traceback as ``error``. All are strings.
    """

    form = "json"

    def format(self, record: logging.LogRecord) -> str:
        event = _event(record)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {
            "time": f"{at}.{min(int(record.msecs), 999):03d}Z",
            "level": _whole(record.levelname.lower()),
            "part": _whole(event.part),
            "event": _whole(event.text),
        }
        if event.error:
            fields["error"] = _whole(event.error)
        return json.dumps(fields)


def visible(text: str) -> str:
    """A text in which everything that cannot be printed is escaped: ``\\n``, ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def colour_wanted(*, terminal: bool) -> bool:
    """Whether to colour. Not where ``NO_COLOR`` is set (https://no-color.org)."""
    # Windows' older consoles would show the codes.
    ours = terminal and os.name == "posix"
    return ours and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _event(record: logging.LogRecord) -> _Event:
    text = text_of(record)
    part = getattr(record, "part", "") or _part(record.name)
    if part.startswith("oscbridge.") and (found := _PART.match(text)):
        part = found[1]
    text = text.removeprefix(f"{part}: ").rstrip("\n")
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]} ... (cut, {len(text)} characters)"
    error = getattr(record, "detail", "") or _traceback(record)
    if len(error) > MAX_ERROR:
        half = MAX_ERROR // 2
        error = f"{error[:half]}\n... (cut, {len(error)} characters)\n{error[-half:]}"
    return _Event(part, text, error)


def _part(logger: str) -> str:
    return logger.removeprefix("oscbridge.") if logger.startswith(_ENDPOINT) else logger


_ENDPOINT: Final = "oscbridge.endpoint."


def text_of(record: logging.LogRecord) -> str:
    """What an event says, also if its values do not fit it."""
    try:
        return record.getMessage()
    except Exception:  # a slip of who logs must not cost the event
        where = f"{record.pathname}:{record.lineno}"
        return f"{record.msg!s:.{MAX_TEXT}} (its values do not fit it, at {where})"


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    try:
        return _PLAIN.formatException(record.exc_info)
    except Exception:  # RecursionError, or an error that cannot be shown
        return f"{type(record.exc_info[1]).__name__}, which cannot be shown"


_PLAIN: Final = logging.Formatter()


def _in_short(error: str, text: str) -> str:
    """What was raised, unless the text says so, and where.

    Where is the first place outside of this package, so the function of the user, and the
    place that raised, if that is another.
    """
    last = error.rstrip("\n").rpartition("\n")[2].strip()
    name = last.partition(":")[0].rpartition(".")[2]
    what = "" if name in text else f": {last[:MAX_TEXT]}"
    frames = _FRAME.findall(error.rpartition("Traceback (most recent call last):")[2])
    outside = [each for each in frames if not each[0].startswith((_PACKAGE, "<frozen"))]
    places = outside[:1] + outside[1:][-1:] or frames[-1:]
    where = ", ".join(f"{file}:{line} in {function}" for file, line, function in places)
    return f"{what} (at {where})" if where else what


def _whole(text: str) -> str:
    """Without half characters, which strict readers of JSON refuse."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

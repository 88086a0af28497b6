"""Log events as lines of text or JSON. Nothing in an event can end its line."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from abc import ABC, abstractmethod
from typing import Final, Literal, NamedTuple

__all__ = [
    "EventText",
    "Form",
    "JSONLines",
    "Lines",
    "TextLines",
    "colour_wanted",
    "event_of",
    "text_of",
    "visible",
]

Form = Literal["auto", "text", "json"]
"""``text`` is human-readable; ``auto`` is text too, coloured in a terminal."""

MAX_TEXT: Final = 2_000
"""Characters of the text of an event. The rest is cut off."""

MAX_ERROR: Final = 16_000
"""Characters of a traceback. The middle of a longer one is cut out."""

# Not pathlib, which is slow to import.
_PACKAGE: Final = __file__.removesuffix(os.path.join("logs", "format.py"))  # noqa: PTH118

_PART: Final = re.compile(r"((?:bridge|endpoint)\.[\w-]+|route (?:\d+ \(\S+\)|[\w-]+)): ")
"""The start of a text that names its part."""

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


class EventText(NamedTuple):
    """The texts of an event."""

    part: str
    """``bridge.NAME``, ``endpoint.NAME`` or ``route NAME``; otherwise the logger."""
    text: str
    error: str
    """The traceback, or an empty string."""


class Lines(logging.Formatter, ABC):
    """Formats an event as one line. Never raises, whatever the event contains.

    The part and the traceback are the attributes ``part`` and ``detail`` of the record, if
    set. Otherwise the part is taken from the name of the logger or the start of the text, and
    the traceback from the exception.
    """

    form: Form

    @abstractmethod
    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line feed."""


class TextLines(Lines):
    """Human-readable lines: time, level, part, text.

    Unprintable characters are escaped, so that no message from the network can colour the
    terminal or forge a line. Of a traceback the line has the location. The full traceback
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
        event = event_of(record)
        at = time.strftime(self._time, time.localtime(record.created))
        level = f"{visible(record.levelname):7}"
        # The name of a module of ours adds nothing to the text.
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
    """Lines for programs: a JSON object per line, in ASCII.

    ``time`` (UTC, RFC 3339, in milliseconds), ``level``, ``part``, ``event`` and, if there is
    one, the traceback as ``error``. All are strings.
    """

    form = "json"

    def format(self, record: logging.LogRecord) -> str:
        event = event_of(record)
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
    """A text with unprintable characters escaped: ``\\n``, ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def colour_wanted(*, terminal: bool) -> bool:
    """Whether to use colours. Not if ``NO_COLOR`` is set (https://no-color.org)."""
    # Older consoles of Windows show the escape codes.
    ours = terminal and os.name == "posix"
    return ours and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def event_of(record: logging.LogRecord) -> EventText:
    """The texts of an event, cut to their greatest lengths. Never raises."""
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
    return EventText(part, text, error)


def _part(logger: str) -> str:
    if logger.startswith(_ENDPOINT):
        return logger.removeprefix("oscbridge.")
    return logger.removeprefix(_SINK)


_ENDPOINT: Final = "oscbridge.endpoint."
_SINK: Final = "oscbridge.sink."
"""Followed by ``bridge.NAME``. A logger below ``oscbridge.bridge`` would be that of a module."""


def text_of(record: logging.LogRecord) -> str:
    """The text of an event, even if its arguments do not fit its format."""
    try:
        return record.getMessage()
    except Exception:  # a mistake of the caller must not lose the event
        where = f"{record.pathname}:{record.lineno}"
        return f"{record.msg!s:.{MAX_TEXT}} (arguments do not fit the format, at {where})"


def _traceback(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    try:
        return _PLAIN.formatException(record.exc_info)
    except Exception:  # RecursionError, or an error that cannot be formatted
        return f"{type(record.exc_info[1]).__name__}, which cannot be formatted"


_PLAIN: Final = logging.Formatter()


def _in_short(error: str, text: str) -> str:
    """The exception, unless the text contains it, and its location.

    The location is the first one outside of this package, thus the user's function, and the
    one that raised, if it is another.
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
    """A text without lone surrogates, which strict JSON parsers reject."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

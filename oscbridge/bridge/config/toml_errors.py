"""Explains TOML syntax errors: the line, a caret, and the likely cause with its fix."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from typing import Final

from oscbridge.bridge.config.toml_causes import cause_of
from oscbridge.bridge.config.toml_problem import Cause, TOMLProblem

__all__ = ["explain_toml_error"]

WIDTH: Final = 78
"""Columns of a line that is shown; a longer one is cut around the caret."""

BEFORE_CARET: Final = 40
"""Columns that are shown before the caret of a cut line."""

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def explain_toml_error(text: str, error: tomllib.TOMLDecodeError) -> str:
    """A TOML error as three lines: the cause, the line of the file, and a caret."""
    text = text.replace("\r\n", "\n")
    found = _located(text, str(error))
    cause = cause_of(found) or Cause(found.position, _plain(found.message))
    return _shown(text, cause)


def _located(text: str, message: str) -> TOMLProblem:
    place = _PLACE.search(message)
    position = len(text.rstrip())
    if place and place[1]:
        lines = text.split("\n")
        before = sum(len(line) + 1 for line in lines[: int(place[1]) - 1])
        position = min(before + int(place[2]) - 1, len(text))
    message = message[: place.start()] if place else message
    if message.startswith(r"Illegal character '\n'") and text[position - 1 : position] == "\n":
        position -= 1  # it is reported at the start of the next line
    return TOMLProblem(text, position, message)


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


def _shown(text: str, cause: Cause) -> str:
    start = text.rfind("\n", 0, cause.position) + 1
    number = text.count("\n", 0, start) + 1
    line = text[start:].partition("\n")[0]
    column = min(cause.position - start, len(line))
    margin = f"  {number} | "
    width = WIDTH - len(margin)
    first = 0 if len(line) <= width else max(0, column - BEFORE_CARET)
    shown, before = (_printable(each) for each in (line[first:][:width], line[first:column]))
    caret = " " * (len(margin) - 2) + "| " + " " * _columns(before) + "^"
    what, _, fix = cause.text.partition("; ")
    lines = [f"line {number}: {what}", margin + shown.rstrip(), caret]
    if fix and _columns(caret) + len(fix) < WIDTH:
        lines[-1] += f" {fix}"
    elif fix:
        lines.append(" " * (len(margin) - 2) + f"| {fix}")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """With one visible character for each that a terminal would not show as one."""
    return "".join(" " if each == "\t" else each if each.isprintable() else "�" for each in text)


def _columns(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(bool(unicodedata.combining(each)) for each in text)

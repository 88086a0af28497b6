"""Results of tests, printed like those of pytest."""

from __future__ import annotations

import sys
from typing import Final

import click

from oscbridge.logs.format import colour_wanted

__all__ = ["NOTHING_TO_RUN", "ReportOutput"]

NOTHING_TO_RUN: Final = 5
"""The exit code if there is no test to run, as that of pytest."""

WIDEST: Final = 100
"""Columns of the output, at most."""

_PERCENT: Final = len(" [100%]")


class ReportOutput:
    """Prints lines with a result at their right end, and titles between rules."""

    def __init__(self) -> None:
        self._is_coloured = colour_wanted(terminal=sys.stdout.isatty())
        self._width = min(_width(), WIDEST)

    @property
    def room(self) -> int:
        """The columns before the percentage."""
        return self._width - _PERCENT

    def print(self, text: str = "", end: str = "\n") -> None:
        """Print text, which appears at once."""
        click.echo(text + end, nl=False, color=self._is_coloured)

    def print_title(self, text: str, character: str = "=", colour: str | None = None) -> None:
        """Print text in the middle of a rule."""
        bold = None if colour is None else True
        self.print(self.style(text.center(self._width, character), colour, bold=bold))

    def print_result(self, name: str, word: str, colour: str, percent: int) -> None:
        """Print the end of a line that begins with ``name``."""
        gap = " " * max(self.room - len(name) - len(word) + 1, 1)
        self.print(f"{self.style(word, colour)}{gap}{self.style(f'[{percent:3}%]', 'cyan')}")

    def print_summary(self, word: str, colour: str, name: str, reason: str) -> None:
        """Print a line about a result, as long as the output is wide."""
        room = max(self._width - len(f"{word} {name} - "), 20)
        if len(reason) > room:
            reason = f"{reason[: room - 1]}…"
        self.print(f"{self.style(word, colour)} {self.style(name, bold=True)} - {reason}")

    def style(self, text: str, colour: str | None = None, *, bold: bool | None = None) -> str:
        """Text in a colour, if the output has colours."""
        return click.style(text, fg=colour, bold=bold)


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns

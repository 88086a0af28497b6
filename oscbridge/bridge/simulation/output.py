"""What the bridge logs and what functions of routes print while a test runs."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final

from oscbridge.logs.format import text_of

__all__ = ["MAX_LINES", "Output", "captured"]

MAX_LINES: Final = 20
"""Warnings of the bridge that are kept."""


class Output(logging.Handler):
    """Warnings of the bridge, and everything else that is logged or printed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.log: list[str] = []
        """The first warnings and errors of the bridge."""
        self.printed = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep an event."""
        if not record.name.startswith("oscbridge."):
            self.printed.write(f"{record.levelname} {record.name}: {text_of(record)}\n")
        elif len(self.log) < MAX_LINES:
            self.log.append(text_of(record))


@contextmanager
def captured() -> Iterator[Output]:
    """Keep logged and printed lines, instead of showing them."""
    output, root = Output(), logging.getLogger()
    root.addHandler(output)
    try:
        with redirect_stdout(output.printed):
            yield output
    finally:
        root.removeHandler(output)

"""The log of the programs: one line an event, with the part that it is about."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from oscbridge.logs.format import (
    MAX_TEXT,
    Form,
    JSONLines,
    Lines,
    TextLines,
    colour_wanted,
    text_of,
)
from oscbridge.logs.rate_limited import RateLimitedLog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["Form", "configure_log", "flush_log", "log_form"]

MAX_LOGGERS: Final = 64
"""Loggers of libraries that are told apart; the events of others are not summarised."""

_log: Final = logging.getLogger("oscbridge")


def configure_log(level: int = logging.INFO, form: Form = "auto") -> None:
    """Write what happens, from a level on, to the standard error stream.

    For programs, not for who uses the library. What nobody caught, and warnings of Python,
    are events as well. A second call takes the place of the first. No event blocks or ends
    the program, and it starts no thread.
    """
    root = logging.getLogger()
    for handler in _ours():
        root.removeHandler(handler)
        handler.close()
    handler = _handler(sys.stderr)
    handler.addFilter(_Others())
    handler.setFormatter(_lines(level, form, sys.stderr))
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


def log_form() -> Form:
    """The form that :func:`configure_log` was given: what a process started here needs."""
    for handler in _ours():
        if isinstance(handler.formatter, Lines):
            return handler.formatter.form
    return "auto"


def flush_log() -> None:
    """Tell what libraries repeated, and write lines that wait for a slow reader, if it reads.

    To be called about once a second: else they wait for the next event, or for the end.
    """
    for handler in _ours():
        for each in handler.filters:
            if isinstance(each, _Others):
                each.flush()
        handler.flush()


def _ours() -> list[logging.Handler]:
    handlers = logging.getLogger().handlers
    return [each for each in handlers if isinstance(each.formatter, Lines)]


def _lines(level: int, form: Form, stream: TextIO | None) -> Lines:
    if form == "json":
        return JSONLines()
    terminal = stream is not None and not stream.closed and stream.isatty()
    return TextLines(
        form=form,
        colour=form == "auto" and colour_wanted(terminal=terminal),
        dates=not terminal,  # a file may be read weeks later
        tracebacks=level <= logging.DEBUG,
    )


def _handler(stream: TextIO | None) -> logging.Handler:
    """Where lines go: nowhere, if the program was started without such a stream."""
    if stream is None or stream.closed:
        return logging.NullHandler()
    if os.name == "posix":
        from oscbridge.logs.stderr import StandardError

        try:
            return StandardError(stream.fileno(), stream.encoding or "utf-8")
        except (OSError, io.UnsupportedOperation):  # something that only has write()
            pass
    return _Stream(stream)


class _Others(logging.Filter):
    """Has repeated warnings and errors of libraries summarised; ours see to that themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._reporters: dict[str, RateLimitedLog] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == _log.name or record.name.startswith(f"{_log.name}.")
        if ours or record.levelno < logging.WARNING or hasattr(record, "detail"):
            return True  # the last is what a reporter tells
        reporter = self._reporters.get(record.name)
        if reporter is None:
            if len(self._reporters) >= MAX_LOGGERS:
                return True
            reporter = self._reporters[record.name] = RateLimitedLog(logging.getLogger(record.name))
        error = record.exc_info[1] if record.exc_info else None
        kind = (record.levelno, str(record.msg)[:MAX_TEXT])
        reporter.report(kind, text_of(record), level=record.levelno, error=error)
        return False

    def flush(self) -> None:
        for reporter in tuple(self._reporters.values()):
            reporter.flush()


class _Stream(logging.StreamHandler[TextIO]):
    """Where nothing is known about the stream. It may block."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: there is nowhere to tell it."""


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, Exception):  # Ctrl-C
        sys.__excepthook__(kind, error, traceback)
        return
    _log.critical("the program ends with %r", error, exc_info=(kind, error, traceback))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = "a thread" if args.thread is None else f"thread {args.thread.name}"
    info = (args.exc_type, args.exc_value, args.exc_traceback)
    _log.critical("%s ended with %r", name, args.exc_value, exc_info=info)


def _unraisable(args: UnraisableHookArgs) -> None:
    if args.exc_value is None:
        return
    info = (args.exc_type, args.exc_value, args.exc_traceback)
    text = args.err_msg or "nobody could be told of this error"
    _log.error("%s: %r", text, args.exc_value, exc_info=info)

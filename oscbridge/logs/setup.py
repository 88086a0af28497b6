"""The log of the programs: one line per event, with the part that it concerns."""

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
from oscbridge.logs.guard import LogGuard
from oscbridge.logs.rate_limited import RateLimitedLog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["Form", "configure_log", "flush_log", "log_form"]

MAX_LOGGERS: Final = 64
"""Loggers of libraries whose repeated events are summarised."""

_log: Final = logging.getLogger("oscbridge")


def configure_log(level: int = logging.INFO, form: Form = "auto") -> LogGuard:
    """Write events of a level, and above, to the standard error stream.

    For programs, not for users of the library. Uncaught exceptions and Python's warnings are
    logged too. A second call replaces the first. Logging never blocks or ends the program, and
    starts no thread. Returns what restores it.
    """
    root = logging.getLogger()
    for each in _ours():
        root.removeHandler(each)
        each.close()
    stream = sys.stderr

    def make_handler() -> logging.Handler:
        handler = _handler(stream)
        handler.addFilter(_LibraryFilter())
        handler.setFormatter(_lines(level, form, stream))
        return handler

    guard = LogGuard(make_handler, level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread
    return guard


def log_form() -> Form:
    """The form passed to :func:`configure_log`, for child processes."""
    for handler in _ours():
        if isinstance(handler.formatter, Lines):
            return handler.formatter.form
    return "auto"


def flush_log() -> None:
    """Log summaries of libraries, and write waiting lines if a slow reader takes them.

    To be called about once per second: otherwise they wait for the next event, or the end.
    """
    for handler in _ours():
        for each in handler.filters:
            if isinstance(each, _LibraryFilter):
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
    """The handler of lines. It discards them if the program has no such stream."""
    if stream is None or stream.closed:
        return logging.NullHandler()
    if os.name == "posix":
        from oscbridge.logs.stderr import StandardError

        try:
            return StandardError(stream.fileno(), stream.encoding or "utf-8")
        except (OSError, io.UnsupportedOperation):  # an object that only has write()
            pass
    return _Stream(stream)


class _LibraryFilter(logging.Filter):
    """Summarises repeated warnings and errors of libraries; our own modules do so themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[str, RateLimitedLog] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == _log.name or record.name.startswith(f"{_log.name}.")
        if ours or record.levelno < logging.WARNING or hasattr(record, "detail"):
            return True  # the last condition: already rate-limited
        log = self._logs.get(record.name)
        if log is None:
            if len(self._logs) >= MAX_LOGGERS:
                return True
            log = self._logs[record.name] = RateLimitedLog(logging.getLogger(record.name))
        error = record.exc_info[1] if record.exc_info else None
        kind = (record.levelno, str(record.msg)[:MAX_TEXT])
        log.report(kind, text_of(record), level=record.levelno, error=error)
        return False

    def flush(self) -> None:
        for log in tuple(self._logs.values()):
            log.flush()


class _Stream(logging.StreamHandler[TextIO]):
    """Writes to any other stream. May block."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: there is nowhere to log it."""


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, Exception):  # Ctrl-C
        sys.__excepthook__(kind, error, traceback)
        return
    _log.critical("exiting on uncaught %r", error, exc_info=(kind, error, traceback))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = "a thread" if args.thread is None else f"thread {args.thread.name}"
    info = (args.exc_type, args.exc_value, args.exc_traceback)
    _log.critical("%s ended by uncaught %r", name, args.exc_value, exc_info=info)


def _unraisable(args: UnraisableHookArgs) -> None:
    if args.exc_value is None:
        return
    info = (args.exc_type, args.exc_value, args.exc_traceback)
    text = args.err_msg or "exception ignored"
    _log.error("%s: %r", text, args.exc_value, exc_info=info)

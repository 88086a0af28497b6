"""Keeps the log of a program from plugins that break or silence it through the module ``logging``.

Plugins and their libraries share that module. ``logging.config.dictConfig`` disables all loggers
that exist, by default; ``basicConfig(force=True)`` removes all handlers; and a handler that raises
an exception raises it wherever something is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from oscbridge.logs.rate_limited import RateLimitedLog

if TYPE_CHECKING:
    from logging import _FilterType

__all__ = ["LogGuard"]

_OURS: Final = "oscbridge"

_log: Final = logging.getLogger("oscbridge.logs")

_make_record: Final = logging.Logger.makeRecord


class LogGuard:
    """Installs the handler of a program's log, and restores it.

    From then on, an exception of another handler, of a filter or of a record factory is logged
    where it would otherwise end whatever wrote a line: its cause is removed.
    """

    def __init__(self, make_handler: Callable[[], logging.Handler], level: int) -> None:
        self._make_handler = make_handler
        self._level = level
        self._root = logging.getLogger()
        self._handler = make_handler()
        self._kept = _settings(self._handler)
        self._reporter = RateLimitedLog(_log)
        self._root.addHandler(self._handler)
        self._root.setLevel(level)
        self._loggers: list[logging.Logger] = []
        """The loggers of the bridge, found again when something has changed."""
        self._count = 0
        for name, method in _CONTAINED.items():
            setattr(logging.Logger, name, method)

    def restore(self) -> None:
        """Undo what has changed since, and log it; to be called every few seconds."""
        if changes := ", ".join(self._changes()):
            text = f"a plugin has changed the logging of the whole process ({changes})"
            self._reporter.report(changes, f"{text}, which is restored", level=logging.ERROR)
        self._reporter.flush()

    def _changes(self) -> Iterator[str]:
        """Undo each change. Its name, human-readable."""
        root = self._root
        if root.manager.disable:
            logging.disable(logging.NOTSET)
            yield "logging.disable"
        if root.level != self._level:
            root.setLevel(self._level)
            yield "the level"
        if getattr(self._handler, "_closed", False):
            root.removeHandler(self._handler)
            self._handler = self._make_handler()
            self._kept = _settings(self._handler)
        if self._handler not in root.handlers or _settings(self._handler) != self._kept:
            level, self._handler.formatter, filters = self._kept
            self._handler.setLevel(level)
            self._handler.filters = [*filters]
            root.removeHandler(self._handler)
            root.handlers.insert(0, self._handler)
            yield "the handlers"
        is_same = len(root.manager.loggerDict) == self._count
        if not (is_same and all(map(_is_whole, self._loggers))):
            self._loggers = _our_loggers()
            self._count = len(root.manager.loggerDict)
            if sum(map(_repair, self._loggers)):
                yield "its loggers"


def _settings(
    handler: logging.Handler,
) -> tuple[int, logging.Formatter | None, list[_FilterType]]:
    """What plugins may change of a handler: level, formatter and filters."""
    return handler.level, handler.formatter, [*handler.filters]


def _our_loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.items())
    found = (each for name, each in known if _is_ours(name))
    return [each for each in found if isinstance(each, logging.Logger)]


def _is_ours(name: str) -> bool:
    """Whether a logger is one of the bridge.

    Those below the logger of an endpoint are its plugin's, which may set their levels.
    """
    parts = name.split(".")
    return parts[0] == _OURS and not (parts[1:2] == ["endpoint"] and len(parts) > 3)


def _is_whole(logger: logging.Logger) -> bool:
    """Whether a logger passes its events on, at every level."""
    return logger.propagate and not (logger.disabled or logger.level or logger.filters)


def _repair(logger: logging.Logger) -> bool:
    """Let a logger pass its events on. Whether it did not."""
    is_whole = _is_whole(logger)
    if not is_whole:
        logger.propagate, logger.disabled = True, False
        logger.filters.clear()
        logger.setLevel(logging.NOTSET)
    return not is_whole


# --- in place of methods of logging.Logger -------------------------------------------------------


def _call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
    """As ``Logger.callHandlers``; a handler that fails is removed."""
    logger: logging.Logger | None = self
    while logger is not None:
        for handler in tuple(logger.handlers):
            if record.levelno < handler.level:
                continue
            try:
                handler.handle(record)
            except (RecursionError, MemoryError):
                pass  # of the caller: any handler would fail
            except BaseException as error:
                logger.removeHandler(handler)
                _report(f"log handler {type(handler).__name__}", error)
        logger = logger.parent if logger.propagate else None


def _handle_contained(self: logging.Logger, record: logging.LogRecord) -> None:
    """As ``Logger.handle``; filters that fail are removed.

    A filter or handler may log as well: newer versions of Python drop what is logged meanwhile.
    """
    try:
        _handle(self, record)
    except BaseException as error:
        self.filters.clear()
        _report(f"filter of the logger {self.name}", error)
        _handle(self, record)


def _handle(logger: logging.Logger, record: logging.LogRecord) -> None:
    if logger.disabled:
        return
    kept: object = logger.filter(record)  # CPython 3.12: a filter may return another record
    if kept:
        logger.callHandlers(kept if isinstance(kept, logging.LogRecord) else record)


def _make_record_contained(self: logging.Logger, *args: Any, **keys: Any) -> logging.LogRecord:
    """As ``Logger.makeRecord``; a factory that fails is removed."""
    try:
        return _make_record(self, *args, **keys)
    except BaseException as error:
        logging.setLogRecordFactory(logging.LogRecord)
        _report("factory of log records", error)
        return _make_record(self, *args, **keys)


def _report(what: str, error: BaseException) -> None:
    text = type(error).__name__
    with suppress(BaseException):  # its text may fail as well
        text = f"{text}: {error}"
    _log.error("%s failed and is removed: %s", what, text, exc_info=error)


_CONTAINED: Final[dict[str, Callable[..., object]]] = {
    "callHandlers": _call_handlers,
    "handle": _handle_contained,
    "makeRecord": _make_record_contained,
}

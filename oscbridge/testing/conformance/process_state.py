"""What all parts of a process share, and a plugin must leave as it is."""

from __future__ import annotations

import asyncio
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["WholeProcess"]


class _Shared(NamedTuple):
    """Something that is shared, at one moment."""

    value: object
    restore: Callable[[], object]
    """Sets it to that value again."""


def _signal_handlers() -> _Shared:
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def restore() -> None:
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)

    return _Shared(handlers, restore)


def _folder() -> _Shared:
    folder = Path.cwd()
    return _Shared(folder, lambda: os.chdir(folder))


def _environment() -> _Shared:
    before = dict(os.environ)

    def restore() -> None:
        os.environ.clear()
        os.environ.update(before)

    return _Shared(before, restore)


def _mode_of_files() -> _Shared:
    mask = os.umask(0o077)  # it can only be read by setting it
    os.umask(mask)
    return _Shared(mask, lambda: os.umask(mask))


def _socket_timeout() -> _Shared:
    timeout = socket.getdefaulttimeout()
    return _Shared(timeout, lambda: socket.setdefaulttimeout(timeout))


def _logging() -> _Shared:
    root = logging.getLogger()
    level, handlers, disabled = root.level, tuple(root.handlers), logging.root.manager.disable

    def restore() -> None:
        root.setLevel(level)
        root.handlers[:] = handlers
        logging.disable(disabled)

    return _Shared((level, handlers, disabled), restore)


def _loop() -> _Shared:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _Shared(None, lambda: None)
    settings = loop.get_exception_handler(), loop.get_debug(), loop.get_task_factory()
    return _Shared(settings, lambda: None)  # each rule has its own loop


def _streams() -> _Shared:
    out, err = streams = sys.stdout, sys.stderr

    def restore() -> None:
        sys.stdout, sys.stderr = out, err

    return _Shared(streams, restore)


def _hooks() -> _Shared:
    main, threads = hooks = sys.excepthook, threading.excepthook

    def restore() -> None:
        sys.excepthook, threading.excepthook = main, threads

    return _Shared(hooks, restore)


def _locale() -> _Shared:
    name = locale.setlocale(locale.LC_ALL)
    return _Shared(name, lambda: locale.setlocale(locale.LC_ALL, name))


def _recursion() -> _Shared:
    limit = sys.getrecursionlimit()
    return _Shared(limit, lambda: sys.setrecursionlimit(limit))


def _collection() -> _Shared:
    is_enabled, threshold = gc.isenabled(), gc.get_threshold()

    def restore() -> None:
        (gc.enable if is_enabled else gc.disable)()
        gc.set_threshold(*threshold)

    return _Shared((is_enabled, threshold), restore)


_SHARED: Final[Mapping[str, Callable[[], _Shared]]] = {
    "the handlers of signals (signal.signal)": _signal_handlers,
    "the current folder (os.chdir)": _folder,
    "the environment (os.environ)": _environment,
    "the mode of new files (os.umask)": _mode_of_files,
    "the time-out of all sockets (socket.setdefaulttimeout)": _socket_timeout,
    "the logging of the whole process (logging.basicConfig)": _logging,
    "the settings of the event loop": _loop,
    "sys.stdout or sys.stderr": _streams,
    "sys.excepthook or threading.excepthook": _hooks,
    "the locale (locale.setlocale)": _locale,
    "the limit of recursion (sys.setrecursionlimit)": _recursion,
    "the garbage collection (gc.disable)": _collection,
}
"""Shared state by its name, with how to change it."""


class WholeProcess:
    """The state at the time at which this is made. With that of the loop, if one is running."""

    def __init__(self) -> None:
        self._before = {name: read() for name, read in _SHARED.items()}

    def changes(self) -> list[str]:
        """The names of the parts that have changed since then."""
        return [name for name, read in _SHARED.items() if read().value != self._before[name].value]

    def restore(self) -> None:
        """Undo these changes, as far as that is possible."""
        for name in self.changes():
            with suppress(OSError, ValueError):
                self._before[name].restore()

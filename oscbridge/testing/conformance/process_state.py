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
from typing import Final

__all__ = ["changed_state", "process_state"]


def _signal_handlers() -> object:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _root_logger() -> object:
    root = logging.getLogger()
    return root.level, tuple(root.handlers), logging.root.manager.disable


def _loop() -> object:
    loop = asyncio.get_running_loop()
    return loop.get_exception_handler(), loop.get_debug(), loop.get_task_factory()


_SHARED: Final[Mapping[str, Callable[[], object]]] = {
    "the handlers of signals (signal.signal)": _signal_handlers,
    "the current folder (os.chdir)": os.getcwd,
    "the environment (os.environ)": lambda: dict(os.environ),
    "the time-out of all sockets (socket.setdefaulttimeout)": socket.getdefaulttimeout,
    "the logging of the whole process (logging.basicConfig)": _root_logger,
    "the settings of the event loop": _loop,
    "sys.stdout or sys.stderr": lambda: (sys.stdout, sys.stderr),
    "sys.excepthook or threading.excepthook": lambda: (sys.excepthook, threading.excepthook),
    "the locale (locale.setlocale)": lambda: locale.setlocale(locale.LC_ALL),
    "the limit of recursion (sys.setrecursionlimit)": sys.getrecursionlimit,
    "the garbage collection (gc.disable)": lambda: (gc.isenabled(), gc.get_threshold()),
}
"""Shared state by its name, with how to change it."""


def process_state() -> Mapping[str, object]:
    """The current state. On an event loop."""
    return {name: read() for name, read in _SHARED.items()}


def changed_state(before: Mapping[str, object]) -> list[str]:
    """The names of the changes since then."""
    now = process_state()
    return [name for name, value in before.items() if now[name] != value]

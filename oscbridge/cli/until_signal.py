"""Waits for Ctrl-C or SIGTERM, and handles SIGHUP meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.logs.setup import flush_log

__all__ = ["StopSignal", "exit_at_signals", "hold_hangup", "until_signal"]

_log: Final = logging.getLogger(__name__)

_exit = os._exit
"""The function itself: while plugins are loaded, the module has one that refuses."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


def hold_hangup() -> None:
    """Defer SIGHUP until :func:`until_signal`: it would kill a process that is starting."""
    if _HANGUP is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (_HANGUP,))


def exit_at_signals() -> None:
    """Let SIGINT and SIGTERM exit the process until :func:`until_signal`: nothing is open yet.

    An exception, Python's default for SIGINT, would look like a failure of the plugin that is just
    being loaded; and the first process of a container ignores signals without a handler.
    """

    def caught(number: int, _frame: object) -> None:
        try:
            flush_log()
        finally:
            _exit(128 + number)

    for number in _SIGNALS:
        signal.signal(number, caught)


@contextmanager
def _deferred_signals() -> Iterator[None]:
    """Let signals wait while handlers are replaced: none meets one that does nothing."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class StopSignal(asyncio.Event):
    """The event that SIGINT and SIGTERM set."""

    def __init__(self, on_hangup: Callable[[], None] | None) -> None:
        super().__init__()
        self._on_hangup = on_hangup
        self._handlers: Mapping[signal.Signals, Any] = {}
        self._reporter = RateLimitedLog(_log)

    def note_handlers(self) -> None:
        """The handlers that are installed now are the right ones."""
        self._handlers = {n: signal.getsignal(n) for n in (*_SIGNALS, _HANGUP) if n}

    def restore_handlers(self) -> None:
        """Install handlers again that a plugin has replaced: nothing else ends the program.

        On the event loop.
        """
        self._reporter.flush()
        for number, handler in self._handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)
                if number == _HANGUP and self._on_hangup is not None:
                    asyncio.get_running_loop().add_signal_handler(number, self._on_hangup)
                name = signal.Signals(number).name
                text = f"a plugin has replaced the handler of {name}, which is restored"
                self._reporter.report(name, text, level=logging.ERROR)


@contextmanager
def until_signal(
    on_hangup: Callable[[], None] | None = None, on_stop: Callable[[], None] | None = None
) -> Iterator[StopSignal]:
    """An event that SIGINT and SIGTERM set; a second signal exits the process at once.

    ``on_hangup`` is called on the loop for SIGHUP, where the system has it; afterwards SIGHUP
    is ignored. ``on_stop`` is called in the handler of the first SIGINT or SIGTERM, even while
    the loop is blocked. The previous handlers are restored at the end.
    """
    stop = StopSignal(on_hangup)
    loop = asyncio.get_running_loop()
    stopping = False

    def caught(number: int, _frame: object) -> None:
        nonlocal stopping
        if stopping:
            _exit(128 + number)
        stopping = True
        if on_stop is not None:
            on_stop()
        loop.call_soon_threadsafe(stop.set)

    if on_hangup is not None and _HANGUP is not None:
        loop.add_signal_handler(_HANGUP, on_hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (_HANGUP,))
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    with _deferred_signals():
        for number in _SIGNALS:
            # The loop's own handler wakes it without a race, where it has one. But it would wait
            # for a callback that blocks the loop; a second Ctrl-C must not.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, lambda: None)
            signal.signal(number, caught)
    stop.note_handlers()
    try:
        yield stop
    finally:
        if on_hangup is not None and _HANGUP is not None:
            loop.remove_signal_handler(_HANGUP)
            signal.signal(_HANGUP, signal.SIG_IGN)  # the default would kill the process
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)

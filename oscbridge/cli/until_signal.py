"""Waits for Ctrl-C or SIGTERM, and handles SIGHUP meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["hold_hangup", "until_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


def hold_hangup() -> None:
    """Defer SIGHUP until :func:`until_signal`: it would kill a process that is starting."""
    if _HANGUP is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (_HANGUP,))


@contextmanager
def until_signal(
    on_hangup: Callable[[], None] | None = None, on_stop: Callable[[], None] | None = None
) -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; a second signal exits the process at once.

    ``on_hangup`` is called on the loop for SIGHUP, where the system has it; afterwards SIGHUP
    is ignored. ``on_stop`` is called in the handler of the first SIGINT or SIGTERM, even while
    the loop is blocked. The previous handlers are restored at the end.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    stopping = False

    def caught(number: int, _frame: object) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + number)
        stopping = True
        if on_stop is not None:
            on_stop()
        loop.call_soon_threadsafe(stop.set)

    if on_hangup is not None and _HANGUP is not None:
        loop.add_signal_handler(_HANGUP, on_hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (_HANGUP,))
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        # The loop's own handler wakes it without a race, where it has one. But it would wait for
        # a callback that blocks the loop; a second Ctrl-C must not.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, lambda: None)
        signal.signal(number, caught)
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

"""Waiting for Ctrl-C or SIGTERM, and heeding SIGHUP meanwhile."""

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
    """Have a SIGHUP wait for :func:`until_signal`, where it would end a process that starts."""
    if _HANGUP is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (_HANGUP,))


@contextmanager
def until_signal(
    on_hangup: Callable[[], None] | None = None, on_stop: Callable[[], None] | None = None
) -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process at once.

    ``on_hangup`` is called on the loop for SIGHUP, where there is one; after that SIGHUP does
    nothing. ``on_stop`` is called at the first of the other signals, in its handler: whatever
    the loop is doing. The handlers that were there before are put back.
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
        # The loop's own way wakes it without a race, where there is one. It would wait for a
        # callback that holds the loop up, though; a second Ctrl-C must not.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, lambda: None)
        signal.signal(number, caught)
    try:
        yield stop
    finally:
        if on_hangup is not None and _HANGUP is not None:
            loop.remove_signal_handler(_HANGUP)
            signal.signal(_HANGUP, signal.SIG_IGN)  # not the default: it would end the process
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)

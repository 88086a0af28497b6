"""Waiting for Ctrl-C or SIGTERM, and heeding SIGHUP meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["until_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


@contextmanager
def until_signal(on_hangup: Callable[[], None] | None = None) -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process at once.

    ``on_hangup`` is called on the loop for SIGHUP, where there is one. The handlers that
    were there before are put back.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def caught(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        loop.call_soon_threadsafe(stop.set)

    if on_hangup is not None and _HANGUP is not None:
        loop.add_signal_handler(_HANGUP, on_hangup)
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
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)

"""Waiting for Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["until_signal"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def until_signal() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process at once.

    The handlers that were there before are put back.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def caught(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        loop.call_soon_threadsafe(stop.set)

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
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)

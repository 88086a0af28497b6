"""Functions that may block for long, on a thread that nothing waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from oscbridge.failures import failure_text

__all__ = ["in_daemon_thread"]

_T = TypeVar("_T")


async def in_daemon_thread(function: Callable[[], _T], name: str) -> _T:
    """Run ``function`` on a new daemon thread. Returns what it returns, raises what it raises.

    Not ``asyncio.to_thread``: plugins may have occupied its few threads, and the end of the
    process waits for all of them. If this coroutine is cancelled, the thread keeps running and
    its result is lost.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: Exception | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: _T | None = None
        problem: Exception | None = None
        try:
            result = function()
        except Exception as error:
            problem = error
        except BaseException as error:  # the loop would take it for its own end
            problem = RuntimeError(failure_text(error))
            problem.__cause__ = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, problem)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        return await outcome
    finally:
        if outcome.done() and not outcome.cancelled():
            thread.join()  # it is about to end

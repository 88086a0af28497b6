"""Work that ends early when something else happens, and work that a plugin can cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from oscbridge.bridge.cancellation import is_ending
from oscbridge.errors import OSCBridgeError

__all__ = ["STOPPING", "result_of", "run_until"]

STOPPING: Final = "the bridge stops"
"""The message of a cancellation by the bridge itself."""

_T = TypeVar("_T")


async def run_until(
    work: Awaitable[object], *stops: Awaitable[object], timeout: float | None = None
) -> bool:
    """Run ``work`` until it finishes, one of ``stops`` does, or ``timeout`` seconds are over.

    Then cancels the others and waits for them, so that nothing is left running. Returns whether
    the work finished. Raises what it raises, also after it was cancelled.
    """
    working = asyncio.ensure_future(work)
    futures = [working, *map(asyncio.ensure_future, stops)]
    try:
        await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
    if working.cancelled():
        return False
    working.result()
    return True


async def result_of(task: asyncio.Future[_T], name: str) -> _T:
    """Wait for a task that calls plugins. Returns what it returns, raises what it raises.

    Raises :class:`OSCBridgeError` if a plugin has cancelled it.
    """
    try:
        return await task
    except asyncio.CancelledError as error:
        if is_ending(error) or error.args == (STOPPING,):
            raise
        raise OSCBridgeError(f"a plugin has cancelled {name}") from error

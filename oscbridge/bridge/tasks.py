"""Work that ends early when something else happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

__all__ = ["run_until"]


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

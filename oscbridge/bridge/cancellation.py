"""Whether a cancellation is meant for the task that sees it."""

from __future__ import annotations

import asyncio

__all__ = ["is_ending"]


def is_ending(error: BaseException) -> bool:
    """Whether an error ends the running task itself, because it is cancelled or closed.

    Otherwise an endpoint has raised it, or it comes from an object that the endpoint awaits.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:  # a coroutine that is closed without its loop
        return True
    return isinstance(error, asyncio.CancelledError) and task.cancelling() > 0

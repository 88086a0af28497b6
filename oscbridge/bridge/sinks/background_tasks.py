"""The tasks that an endpoint runs beside its calls, under the host's supervision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from oscbridge.errors import EndpointError
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["BackgroundTasks"]


class BackgroundTasks:
    """Starts tasks, and reports those that die: ``on_death`` is called with an error about each.

    A task that returns has finished its work. All are cancelled when the connection closes.
    """

    def __init__(
        self, name: str, log: RateLimitedLog, on_death: Callable[[EndpointError], None]
    ) -> None:
        self.died = 0
        """Tasks that ended with an exception."""
        self._name = name
        self._log = log
        self._on_death = on_death
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine. On the event loop."""
        name = getattr(coroutine, "__qualname__", type(coroutine).__name__)
        task = asyncio.get_running_loop().create_task(
            _contained(coroutine), name=f"{self._name}: {name}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Cancel all tasks; their ends are not reported."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if task not in self._tasks or error is None:
            self._tasks.discard(task)
            return
        self._tasks.discard(task)
        self.died += 1
        cause = error.__cause__ if isinstance(error, _TaskDied) and error.__cause__ else error
        text = f"task {task.get_name().partition(': ')[2]} died: {failure_text(cause)}"
        self._log.report("task", text, level=logging.ERROR, error=cause)
        self._on_death(EndpointError(text))


class _TaskDied(Exception):
    """Wraps an exception other than ``Exception``, which would end the event loop."""


async def _contained(coroutine: Coroutine[object, object, None]) -> None:
    try:
        await coroutine
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise _TaskDied from error

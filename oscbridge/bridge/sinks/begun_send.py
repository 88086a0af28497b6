"""A send that has begun outside its task: done at once, or to be continued by the task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from types import CoroutineType, TracebackType
from typing import Any, cast

__all__ = ["BegunSend", "FailedSend", "begin_send"]


def begin_send(
    send: Awaitable[None], task: asyncio.Task[None], context: Context
) -> Awaitable[None] | None:
    """Run a send as ``task`` would, up to where it waits. Raises what the send raises.

    Returns None if it is done, otherwise what the task must await. To be called by a callback of
    the event loop: no task is running.
    """
    if not isinstance(send, CoroutineType):
        return send  # a future, for example
    loop = task.get_loop()
    asyncio._enter_task(loop, task)  # for asyncio.timeout and asyncio.current_task
    try:
        return BegunSend(send, context.run(send.send, None))
    except StopIteration:
        return None
    finally:
        asyncio._leave_task(loop, task)


class FailedSend(Awaitable[None]):
    """A send that raised an error, for the task that handles it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __await__(self) -> Generator[Any, Any, None]:
        return self._fail().__await__()

    async def _fail(self) -> None:
        raise self._error


class BegunSend(Coroutine[Any, Any, None]):
    """A coroutine that waits for something, for a task that awaits it for the first time."""

    cr_frame = None

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: object) -> None:
        self.cr_await = coroutine
        """The name that a coroutine has for what it awaits: the place of a wait is looked up."""
        self._waits_for = waits_for
        self._mark(False)
        self._is_resumed = False
        self._error: BaseException | None = None

    def _mark(self, on: bool) -> None:
        """Set the mark of `await` in a future, which a task resets when it takes the future.

        No other task can await a future with the mark.
        """
        if asyncio.isfuture(self._waits_for):
            self._waits_for._asyncio_future_blocking = on

    def cancel(self, error: asyncio.CancelledError) -> None:
        """Raise an error where it waits, as soon as the task resumes it."""
        self._error = error

    def send(self, value: object) -> object:
        if self._is_resumed:
            return self.cr_await.send(value)
        self._is_resumed = True
        if self._error is not None:
            return self.cr_await.throw(self._error)
        self._mark(True)
        return self._waits_for

    def throw(
        self,
        typ: Any,
        val: Any = None,
        tb: TracebackType | None = None,
    ) -> object:
        return self.cr_await.throw(typ if val is None else val)

    def close(self) -> None:
        self.cr_await.close()

    def __next__(self) -> object:
        return self.send(None)

    def __iter__(self) -> BegunSend:
        return self

    def __await__(self) -> Generator[Any, Any, None]:
        return cast(Generator[Any, Any, None], self)  # it has the methods of a generator

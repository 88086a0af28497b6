"""Tasks that ``asyncio.all_tasks()`` does not list: a plugin can cancel all that it lists."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar
from weakref import WeakSet

__all__ = ["HiddenTasks", "list_task"]

_T = TypeVar("_T")


class HiddenTasks:
    """The task factory of an event loop. Its tasks are not listed, and work like any other."""

    def __init__(self) -> None:
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Generator[Any, None, _T] | Coroutine[Any, Any, _T],  # the types of asyncio
        /,
        **options: Any,
    ) -> asyncio.Task[_T]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        asyncio._unregister_task(task)
        self._tasks.add(task)
        return task

    def list_all(self) -> None:
        """List the tasks that are left, so that asyncio ends them with the loop."""
        for task in tuple(self._tasks):
            if not task.done():
                list_task(task)


def list_task(task: asyncio.Task[Any]) -> None:
    """List a task that continues when it is cancelled: so such a plugin is noticed, and logged."""
    asyncio._register_task(task)

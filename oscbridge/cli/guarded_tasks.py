"""Keeps a task factory that a plugin sets on the event loop from failing for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol, TypeVar

from oscbridge.failures import failure_text

__all__ = ["guard_task_factories"]

_T = TypeVar("_T")


class TaskFactory(Protocol):
    """As asyncio calls it."""

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        /,
        **options: Any,
    ) -> asyncio.Future[_T]:
        """Make a task."""


class _GuardedFactory:
    """The factory of a plugin, until it fails; then the one before it."""

    def __init__(
        self, factory: Callable[..., object], own: TaskFactory, on_failure: Callable[[str], None]
    ) -> None:
        self._factory: Final = factory
        self._own: Final = own
        self._on_failure: Final = on_failure

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        /,
        **options: Any,
    ) -> asyncio.Future[_T]:
        try:
            task = self._factory(loop, coroutine, **options)
            if asyncio.isfuture(task):
                return task
            problem = f"it returned {task!r}"
        except BaseException as error:
            problem = failure_text(error)
        loop.set_task_factory(None)
        self._on_failure(f"a plugin's task factory failed, and is no longer used: {problem}")
        return self._own(loop, coroutine, **options)


def guard_task_factories(
    loop: asyncio.AbstractEventLoop, own: TaskFactory, on_failure: Callable[[str], None]
) -> None:
    """Use ``own`` as the task factory of a loop, also after any that is set later has failed.

    That one is then removed, and ``on_failure`` called with a line about it.
    """
    set_factory = loop.set_task_factory

    def set_guarded(factory: Callable[..., object] | None) -> None:
        guarded = own if factory is None else _GuardedFactory(factory, own, on_failure)
        set_factory(guarded)

    loop.set_task_factory = set_guarded  # type: ignore[method-assign]
    loop.set_task_factory(None)

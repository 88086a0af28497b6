"""Runs a coroutine, and does something to it when it waits for the n-th time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from oscbridge.testing.conformance.places import waiting_place

__all__ = ["Suspensions"]


class Suspensions:
    """Awaits a coroutine, counts how often it waits, and interferes when it waits for the
    ``at``-th time.

    It calls ``act``, and with ``error`` the coroutine gets that in place of what it waits for.
    ``prefix`` is the package of the plugin.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        at: int,
        prefix: str,
        *,
        act: Callable[[], object],
        error: BaseException | None = None,
    ) -> None:
        self.count = 0
        """How often it has waited."""
        self.place = ""
        """Where it waited for the ``at``-th time."""
        self._coroutine = coroutine
        self._at = at
        self._prefix = prefix
        self._act = act
        self._error = error

    @property
    def has_interfered(self) -> bool:
        """Whether it has waited ``at`` times."""
        return self.count >= self._at

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[Any], Any] = self._coroutine.send
        value: Any = None
        while True:
            try:
                waits_for = step(value)
            except StopIteration as end:
                return end.value
            self.count += 1
            if self.count == self._at:
                self.place = waiting_place(self._coroutine, self._prefix)
                self._act()
            try:
                if self.count == self._at and self._error is not None:
                    value = yield from self._replaced(waits_for, self._error)
                    step = self._coroutine.throw
                else:
                    value = yield waits_for
                    step = self._coroutine.send
            except BaseException as error:
                step, value = self._coroutine.throw, error

    def _replaced(self, waits_for: Any, error: BaseException) -> Generator[Any, Any, BaseException]:
        """Cancel what it waits for, wait for that, and return the error in its place."""
        if isinstance(waits_for, asyncio.Future):
            waits_for.cancel()
        try:
            yield waits_for
        except GeneratorExit:
            raise
        except BaseException:  # the cancellation
            pass
        return error

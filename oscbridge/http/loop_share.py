"""A limit for the share of the event loop's time that responses use."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["LoopShare"]

_T = TypeVar("_T")


class LoopShare:
    """Computes one response after the other, with pauses in which others have the loop."""

    def __init__(self, share: float) -> None:
        """``share``: of the loop's time, above 0 and up to 1."""
        self._factor: Final = 1 / share
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False
        """Whether somebody has the turn, or a pause follows it."""

    async def run(self, compute: Callable[[], _T]) -> _T:
        """The result of ``compute``, which is called as soon as it is this caller's turn."""
        loop = asyncio.get_running_loop()
        if self._is_taken:
            await self._wait_for_turn(loop.create_future())
        self._is_taken = True
        started = loop.time()
        try:
            return compute()
        finally:
            now = loop.time()
            loop.call_at(now + (now - started) * self._factor, self._give_turn)

    async def _wait_for_turn(self, turn: asyncio.Future[None]) -> None:
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given just before
                self._give_turn()
            raise

    def _give_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # otherwise cancelled: its client disconnected
                turn.set_result(None)
                return
        self._is_taken = False

"""An endpoint that records what it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import oscbridge
from oscbridge.testing.waiting import POLL_INTERVAL

__all__ = ["RecordingEndpoint"]


class RecordingEndpoint(oscbridge.Endpoint):
    """Records messages and the calls of its life cycle. Its type is ``recording``."""

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.messages: list[oscbridge.Message] = []
        """The messages that it was sent, in order."""
        self.events: list[str] = []
        """``connect`` and ``close``, in order."""
        self._has_arrived = asyncio.Event()

    async def connect(self) -> None:
        self.events.append("connect")

    async def close(self) -> None:
        self.events.append("close")

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        self.messages += messages
        self._has_arrived.set()

    async def arrived(self, count: int, seconds: float = 10.0) -> list[oscbridge.Message]:
        """All messages, once there are ``count`` or more.

        Raises ``AssertionError`` that lists those that are there after ``seconds``.
        """
        try:
            async with asyncio.timeout(seconds):
                while len(self.messages) < count:
                    self._has_arrived.clear()
                    await self._has_arrived.wait()
        except TimeoutError:
            raise AssertionError(self._missing(count)) from None
        return self.messages

    def wait(self, count: int, seconds: float = 10.0) -> list[oscbridge.Message]:
        """All messages, once there are ``count`` or more; for a test on another thread.

        Raises ``AssertionError`` that lists those that are there after ``seconds``.
        """
        until = time.monotonic() + seconds
        while len(self.messages) < count:
            if time.monotonic() > until:
                raise AssertionError(self._missing(count))
            time.sleep(POLL_INTERVAL)
        return self.messages

    def _missing(self, count: int) -> str:
        return f"{len(self.messages)} of {count} messages arrived: {self.messages[-10:]}"

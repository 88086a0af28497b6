"""The bounded queue before a sink."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from oscbridge.osc import Message

__all__ = ["Outbox"]


class Outbox:
    """Messages on their way to one endpoint, oldest first.

    Any thread may put messages in; one task on ``loop`` takes them out. ``on_drop`` is
    called, from any thread, with a reason and a count: ``full`` when the oldest message made
    room for a new one, ``closed`` for what came after :meth:`close`.

    The loop is woken only when the queue turns from empty to non-empty: a wake-up a message
    would itself be an unbounded queue.
    """

    def __init__(
        self, size: int, loop: asyncio.AbstractEventLoop, on_drop: Callable[[str, int], None]
    ) -> None:
        self.size = size
        self._loop = loop
        self._thread = threading.get_ident()
        self._on_drop = on_drop
        self._queue: deque[Message] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._filled = asyncio.Event()
        self._done = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, message: Message) -> None:
        """Add a message. From any thread; never blocks."""
        queue = self._queue
        reason = ""
        with self._lock:
            wake = not queue
            if self._closed:
                reason = "closed"
            else:
                if len(queue) >= self.size:
                    queue.popleft()
                    reason = "full"
                queue.append(message)
        if reason:
            self._on_drop(reason, 1)
        elif wake:
            self._wake()

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._filled.set()
            return
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:
            self._on_drop("closed", self.close())  # the loop is: nobody will come for it

    async def take(self) -> list[Message]:
        """Wait until there is something, then take all of it.

        To call it again says that what was taken before is dealt with.
        """
        while not self._queue:
            self._done.set()
            self._filled.clear()
            if not self._queue:
                await self._filled.wait()
        self._done.clear()
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
        return taken

    async def join(self) -> None:
        """Wait until all that is in it now is taken and dealt with."""
        if self._queue:
            self._done.clear()
        await self._done.wait()

    def close(self) -> int:
        """Throw away what is left and take nothing more. Returns how many messages that was."""
        with self._lock:
            self._closed = True
            left = len(self._queue)
            self._queue.clear()
        return left

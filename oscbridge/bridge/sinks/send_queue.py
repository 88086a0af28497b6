"""The contract of a send queue, the bounded queue before a sink, and the events it consists of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from oscbridge.contract.delivery import Deliverable

__all__ = ["QueueEvents", "SendQueue"]


class SendQueue(Protocol):
    """Messages waiting for delivery to one endpoint.

    Any thread puts messages in; one task on the event loop takes them out.
    """

    @property
    def offered(self) -> int:
        """Messages put in, including those dropped."""

    @property
    def lock(self) -> threading.Lock:
        """Held while messages enter, leave or are dropped, and counted: whoever holds it reads
        counters that agree."""

    @property
    def problem(self) -> str:
        """Why messages are not kept as the policy promises, human-readable; empty if they are."""

    def __len__(self) -> int:
        """Return the number of waiting messages."""

    def unsafe_of(self, pending: int) -> int:
        """Return how many messages are in memory alone, of those that wait or are taken.

        ``pending`` are taken, and not settled.
        """

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        """Return what identifies the records of taken messages on disk; empty without one."""

    def put(self, message: Deliverable) -> None:
        """Add a message. From any thread; only the policy ``block`` waits, off the loop."""

    async def take(self, count: int) -> list[Deliverable]:
        """Wait for messages, then remove up to ``count``; none if interrupted.

        The next call confirms that the messages taken before are settled.
        """

    def expire(self) -> None:
        """Drop messages that waited for too long. On the event loop, about once per second."""

    def expired(self, messages: Sequence[Deliverable]) -> Sequence[int]:
        """Return the indexes of those messages, taken last, that waited for too long by now."""

    def clear(self, reason: str) -> None:
        """Drop the waiting messages, except those on disk. On the event loop."""

    def interrupt(self) -> None:
        """Make :meth:`take` return. On the event loop."""

    def hurry(self) -> None:
        """Let the task take messages that wait for a :class:`Paced` endpoint. On the event loop."""

    async def join(self) -> None:
        """Wait until all messages are taken and settled."""

    def release(self) -> None:
        """Stop sources from waiting for room, as the queue is about to be closed."""

    async def opened(self) -> None:
        """Wait until the queue is open. Raises :class:`EndpointError` if it cannot be opened."""

    def close(self, pending: int = 0) -> int:
        """Accept no more messages and discard those in memory. Returns how many were lost.

        The last ``pending`` messages taken are not settled; they are included.
        """

    async def finish(self) -> int:
        """Wait for background work after :meth:`close`. Returns how many more were lost."""


class QueueEvents:
    """Wakes the task that takes from a queue, and the tasks that wait for its last message.

    Use it on the event loop, except :meth:`wake`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        is_ready: Callable[[], bool],
        is_empty: Callable[[], bool],
    ) -> None:
        self.is_interrupted = False
        self._loop = loop
        self._thread = threading.get_ident()
        self._is_ready = is_ready
        self._is_empty = is_empty
        self._filled = asyncio.Event()
        self._settled = asyncio.Event()

    def is_on_loop(self) -> bool:
        """Whether the calling thread runs the event loop."""
        return threading.get_ident() == self._thread

    def wake(self) -> bool:
        """Wake the task that takes. From any thread. Returns False if the loop is closed."""
        if threading.get_ident() == self._thread:
            self._filled.set()
            return True
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:
            return False
        return True

    async def wait(self) -> None:
        """Wait until a message can be taken or :meth:`interrupt` was called."""
        while not self._is_ready() and not self.is_interrupted:
            if self._is_empty():
                self._settled.set()
            self._filled.clear()
            if not self._is_ready():
                await self._filled.wait()

    def begin(self) -> None:
        """Note that messages are being taken, which are not settled yet."""
        self.is_interrupted = False
        self._settled.clear()

    def interrupt(self) -> None:
        """Make :meth:`wait` return."""
        self.is_interrupted = True
        self._filled.set()

    async def join(self) -> None:
        """Wait until the queue is empty and all messages taken from it are settled."""
        if not self._is_empty():
            self._settled.clear()
        await self._settled.wait()

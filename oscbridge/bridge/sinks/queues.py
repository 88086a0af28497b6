"""The bounded queues before a sink, one class a policy for when it is full."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from typing import Final

from oscbridge.dispatch.dispatcher import MAX_ROUTE_CALLS
from oscbridge.endpoint import Policy
from oscbridge.osc import Message

__all__ = [
    "BLOCK_TIMEOUT",
    "MAX_ESSENTIAL",
    "SEND_QUEUES",
    "SLACK",
    "BlockingQueue",
    "DropOldestQueue",
    "LatestQueue",
    "SendQueue",
]

BLOCK_TIMEOUT: Final = 5.0
"""Seconds that a source on a thread waits for room under the policy ``block``."""

SLACK: Final = MAX_ROUTE_CALLS
"""Messages beyond the size that ``block`` takes: the rest of the packet that a source on the
loop was at when it was paused."""


MAX_ESSENTIAL: Final = 4_096
"""Messages beyond the size that are kept because the endpoint cannot do without them."""


class SendQueue(ABC):
    """Messages on their way to one endpoint.

    Any thread may put messages in; one task on ``loop`` takes them out. ``on_drop`` is
    called, from any thread, with a reason and a count: ``full`` for what found no room,
    ``replaced`` for what a later value took the place of, ``closed`` for what came after
    :meth:`close`. ``on_backpressure`` is called on the loop with True when sources should
    pause, and with False when they may go on.

    The loop is woken only when the queue turns from empty to non-empty: a wake-up a message
    would itself be an unbounded queue.
    """

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        on_drop: Callable[[str, int], None],
        on_backpressure: Callable[[bool], None] = lambda _on: None,
        key: Callable[[Message], Hashable] = lambda message: message.address,
        essential: Callable[[Message], Hashable] = lambda message: None,
    ) -> None:
        self.size = size
        self.offered = 0
        """Messages that were put in, those included that were dropped for it."""
        self.has_backpressure = False
        """Whether sources should pause, as ``on_backpressure`` was told; for the loop's thread."""
        self.sampled = 0.0
        """When a message of those that were taken last was put in, by the loop's clock; 0 if
        none of them was sampled. One at a time is, from its way in until it is taken."""
        self._place = 0
        """How many must be out for the message to be out that is sampled; 0 while none is."""
        self._since = 0.0
        self._out = 0
        self._loop = loop
        self._thread = threading.get_ident()
        self._on_drop = on_drop
        self._on_pressure = on_backpressure
        self._key = key
        self._essential = essential
        self._kept: OrderedDict[Hashable, Message] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False
        self._released = False
        self._interrupted = False
        self._filled = asyncio.Event()
        self._done = asyncio.Event()
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what the messages are kept in."""

    @abstractmethod
    def __len__(self) -> int:
        """How many wait."""

    @abstractmethod
    def _add(self, message: Message) -> str:
        """Add a message, under the lock. The reason to drop one, or nothing."""

    @abstractmethod
    def _remove(self, count: int) -> list[Message]:
        """Remove and return the oldest messages, at most ``count``, under the lock."""

    def put(self, message: Message) -> None:
        """Add a message. From any thread; only the policy ``block`` waits, off the loop."""
        with self._lock:
            wake = not len(self)
            self.offered += 1
            reason = "closed" if self._closed else self._add(message)
            if not self._place:
                self._since = self._loop.time()
                self._place = self._out + len(self)
        if reason:
            self._on_drop(reason, 1)
        if wake and not self._closed:
            self._wake()

    def _is_ready(self) -> bool:
        """Whether something can be taken."""
        return len(self) > 0

    def _wake(self) -> None:
        if threading.get_ident() == self._thread:
            self._filled.set()
            return
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:
            self._on_drop("closed", self.close())  # the loop is: nobody will come for it

    async def take(self, count: int) -> list[Message]:
        """Wait until there is something, then take up to ``count``; nothing if interrupted.

        To call it again says that what was taken before is dealt with.
        """
        while not self._is_ready() and not self._interrupted:
            if not len(self):
                self._done.set()
            self._filled.clear()
            if not self._is_ready():
                await self._filled.wait()
        self._interrupted = False
        self._done.clear()
        with self._lock:
            taken = self._take(count)
            self._out += len(taken)
            self.sampled = 0.0
            if 0 < self._place <= self._out:
                self.sampled, self._place = self._since, 0
            return taken

    def _take(self, count: int) -> list[Message]:
        """Remove and return what waits, at most ``count``, under the lock."""
        kept = self._kept
        if not kept:
            return self._remove(count)
        first = [kept.popitem(last=False)[1] for _ in range(min(count, len(kept)))]
        return first + self._remove(count - len(first))

    def _drop(self, oldest: Message) -> str:
        """Drop the oldest message, which was removed to make room, under the lock.

        Returns the reason; nothing if it is kept, before all others, as the endpoint cannot do
        without it. Of those with one key the last is kept.
        """
        kept = self._kept
        try:
            key = self._essential(oldest)
            known = key in kept
        except Exception:  # a plugin's; who puts a message in must not suffer
            key, known = None, False
        if key is not None and (known or len(kept) < MAX_ESSENTIAL):
            kept[key] = oldest
            kept.move_to_end(key)
            if not known:
                return ""
        self._dropped_oldest()
        return "full"

    def _dropped_oldest(self, count: int = 1) -> None:
        """To be called when messages were removed that nobody took, under the lock."""
        self._out += count
        if self._place <= self._out:
            self._place = 0

    def interrupt(self) -> None:
        """Have :meth:`take` return, on the loop."""
        self._interrupted = True
        self._filled.set()

    async def join(self) -> None:
        """Wait until all that is in it is taken and dealt with."""
        if len(self):
            self._done.clear()
        await self._done.wait()

    def release(self) -> None:
        """Let no source wait for room any more: it is about to be closed."""
        self._released = True

    async def opened(self) -> None:
        """Wait until it can be used. Raises :class:`EndpointError` if it cannot as it should."""
        return

    def close(self, pending: int = 0) -> int:
        """Throw away what is left and take nothing more. Returns how many messages are lost.

        ``pending`` of those that were taken last are not dealt with; they count too.
        """
        with self._lock:
            self._closed = True
            return len(self._take(len(self))) + pending

    async def finish(self) -> int:
        """Wait for what goes on after :meth:`close`. Returns how many messages are lost by it."""
        return 0


class DropOldestQueue(SendQueue):
    """``drop_oldest``: in order of arrival; when it is full, the oldest makes room."""

    def _prepare(self) -> None:
        self._queue: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._queue) + len(self._kept)

    def _add(self, message: Message) -> str:
        self._queue.append(message)
        if len(self._queue) <= self.size:
            return ""
        return self._drop(self._queue.popleft())

    def _remove(self, count: int) -> list[Message]:
        queue = self._queue
        if count < len(queue):
            return [queue.popleft() for _ in range(count)]
        taken = list(queue)
        queue.clear()
        return taken


class LatestQueue(SendQueue):
    """``latest``: one value a key, the latest, in the order in which keys came.

    The key is the address, unless the endpoint says otherwise. What has none stays.
    """

    def _prepare(self) -> None:
        self._values: OrderedDict[object, Message] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values) + len(self._kept)

    def _add(self, message: Message) -> str:
        values = self._values
        try:
            key = self._key(message)
            hash(key)
        except Exception:  # a plugin's; who puts a message in must not suffer
            key = message.address
        if key is None:
            key = object()
        replaced = key in values
        values[key] = message
        if replaced:
            return "replaced"
        if len(values) <= self.size:
            return ""
        return self._drop(values.popitem(last=False)[1])

    def _remove(self, count: int) -> list[Message]:
        values = self._values
        if count < len(values):
            return [values.popitem(last=False)[1] for _ in range(count)]
        taken = list(values.values())
        values.clear()
        return taken


class BlockingQueue(DropOldestQueue):
    """``block``: sources wait while it is full.

    A source on a thread waits in :meth:`put`. One on the loop is paused, as the loop must
    not wait. Only what finds no room all the same is dropped: the newest.
    """

    def _prepare(self) -> None:
        super()._prepare()
        self._room = threading.Condition(self._lock)
        self._pressing = False

    def put(self, message: Message) -> None:
        on_loop = threading.get_ident() == self._thread
        if not on_loop:
            with self._room:
                self._room.wait_for(self._has_room, BLOCK_TIMEOUT)
        super().put(message)
        if on_loop and self._pressing:
            self._tell()  # now: what comes next must find the source paused

    def _has_room(self) -> bool:
        return self._closed or self._released or len(self._queue) < self.size

    def _add(self, message: Message) -> str:
        if len(self._queue) >= self.size + SLACK:
            return "full"
        self._queue.append(message)
        if len(self._queue) >= self.size and not self._pressing:
            self._press(True)
        return ""

    def _remove(self, count: int) -> list[Message]:
        taken = super()._remove(count)
        if len(self._queue) < self.size:
            self._room.notify_all()
        if self._pressing and len(self._queue) <= self.size // 2:
            self._press(False)
        return taken

    def release(self) -> None:
        with self._room:
            super().release()
            self._room.notify_all()

    def _press(self, on: bool) -> None:
        # Under the lock, so that the last to say something knows how it is. Told outside of
        # it: sources that may go on put messages in at once.
        self._pressing = on
        try:
            self._loop.call_soon_threadsafe(self._tell)
        except RuntimeError:
            pass  # the loop is closed: nobody is there to pause

    def _tell(self) -> None:
        if self.has_backpressure is not self._pressing:
            self.has_backpressure = self._pressing
            self._on_pressure(self.has_backpressure)


SEND_QUEUES: Final[Mapping[Policy, type[SendQueue]]] = {
    "drop_oldest": DropOldestQueue,
    "latest": LatestQueue,
    "block": BlockingQueue,
}
"""Those in memory, by their policies."""

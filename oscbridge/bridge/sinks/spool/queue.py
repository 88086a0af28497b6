"""The policy ``spool``: messages wait on disk until the endpoint has dealt with them.

A thread of its own writes what has come in since it wrote last, all of it in one
transaction. From the moment that this is on the disk a message is safe: it is delivered, in
order and at least once, whatever is killed. It is given to the endpoint only then. Until
then, which takes as long as the disk, it is in memory alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from oscbridge.bridge.sinks.queues import SendQueue
from oscbridge.bridge.sinks.spool.database import SpoolDamaged, SpoolDatabaseError, SpoolLocked
from oscbridge.bridge.sinks.spool.index import SpoolIndex
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer
from oscbridge.bridge.sinks.spool.writer import SpoolBounds, SpoolWriter
from oscbridge.errors import EndpointError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["SpoolQueue"]

TURN: Final = 0.003
"""Seconds from one transaction to the next, unless much has come in: each costs as much as many
messages do. A message that comes after a pause is written at once."""

MUCH: Final = 512
"""Messages that are written without waiting, if the outbox has room for twice as many."""

LOOK: Final = 60.0
"""Seconds after which it is looked for messages that are too old, at the latest."""

LOCKED_TIMEOUT: Final = 3.0
"""Seconds that a start waits for a file that another has: it may be about to end."""

LOCKED_LOOK: Final = 0.02
"""Seconds between tries meanwhile."""

FINISH_TIMEOUT: Final = 1.0
"""Seconds that the disk is given at the end to take what has come in."""


class SpoolQueue(SendQueue):
    """An outbox on disk.

    ``size`` bounds what waits to be written, and what is in memory because it is not to be
    kept or cannot be; ``bounds`` what is on disk. Until the file is open, or cannot be had,
    messages only come in.
    """

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        on_drop: Callable[[str, int], None],
        bounds: SpoolBounds,
        codec: SpoolSerializer,
        keeps: Callable[[Message], bool],
        reporter: RateLimitedLog,
    ) -> None:
        super().__init__(size, loop, on_drop)
        self._keeper = SpoolWriter(bounds, codec, keeps, reporter, self._forgotten)
        self._opened: asyncio.Future[None] = loop.create_future()
        self._holding = True
        """Whether messages wait for the file to be opened for the first time."""
        self._look_at: float | None = None
        self._turn_at = 0.0
        self._much = min(MUCH, size // 2 + 1)
        self._lost = 0
        self._problem = ""
        self._ended = asyncio.Event()
        # A disk that hangs must not hold up the end of the process.
        name = f"spool {bounds.path.name}"
        self._writer = threading.Thread(target=self._run, name=name, daemon=True)
        self._writer.start()

    def _prepare(self) -> None:
        self._changed = threading.Condition(self._lock)
        self._backlog = SpoolIndex(self.size)

    # --- who puts in, and who takes out ------------------------------------------------------

    def __len__(self) -> int:
        return len(self._backlog)

    @property
    def unsafe(self) -> int:
        """Messages in memory alone: not yet written, not to be kept, or not to be had on disk."""
        return self._backlog.unsafe

    def _add(self, message: Message) -> str:
        fresh = self._backlog.fresh
        if not fresh or len(fresh) == self._much:
            self._changed.notify()
        fresh.append(message)
        if len(fresh) <= self.size:
            return ""
        fresh.popleft()
        self._dropped_oldest()
        return "full"

    def _wake(self) -> None:
        """Nothing can be taken before it is written."""

    def _is_ready(self) -> bool:
        return self._backlog.is_ready

    def _remove(self, count: int) -> list[Message]:
        return self._backlog.take(count)

    async def take(self, count: int) -> list[Message]:
        with self._lock:
            self._backlog.settle()
            self._changed.notify()
        return await super().take(count)

    async def opened(self) -> None:
        try:
            async with asyncio.timeout(LOCKED_TIMEOUT):
                await asyncio.shield(self._opened)
        except TimeoutError:
            with self._lock:
                self._holding = False
                self._changed.notify()
            path = self._keeper.bounds.path
            raise EndpointError(self._problem or f"{path}: it cannot be opened in time") from None

    def close(self, pending: int = 0) -> int:
        with self._lock:
            self._closed = True
            self._changed.notify()
            return self._backlog.close(pending)

    async def finish(self) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_TIMEOUT):
                await self._ended.wait()
                self._writer.join()  # it is at its last line
        with self._lock:
            backlog = self._backlog
            lost = self._lost + len(backlog.fresh) + backlog.writing
            backlog.fresh.clear()
            backlog.writing = self._lost = 0
            return lost

    # --- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._keeper.close()
            self._on_loop(self._ended.set)

    def _turn(self) -> bool:
        """Wait until there is something to do, and do it. False at the end."""
        keeper = self._keeper
        with self._changed:
            self._changed.wait_for(self._is_due, self._patience())
            self._changed.wait_for(self._is_urgent, self._turn_at - time.monotonic())
            closed = self._closed
        self._turn_at = time.monotonic() + TURN
        if closed:
            keeper.retry_at = 0.0  # once more
        if keeper.store is None and time.monotonic() >= keeper.retry_at:
            self._open()
        done = self._write(closed)
        try:
            if keeper.is_usable:
                self._tidy(done)
        except SpoolDatabaseError as error:
            if isinstance(error, SpoolDamaged) or not keeper.empty(done):
                keeper.failed(error)
        return not closed

    def _is_due(self) -> bool:
        keeper, backlog = self._keeper, self._backlog
        if self._closed or (backlog.fresh and not self._holding):
            return True
        if keeper.store is None or not keeper.is_usable:
            return False
        return backlog.done > keeper.store.done or backlog.is_low

    def _is_urgent(self) -> bool:
        """Whether what there is to do is not to wait for more."""
        backlog = self._backlog
        return self._closed or len(backlog.fresh) > self._much or backlog.is_low

    def _patience(self) -> float | None:
        """Seconds until there is something to do at the latest; None for no such thing."""
        now = time.monotonic()
        if not self._keeper.is_usable:
            return max(0.0, self._keeper.retry_at - now)
        return None if self._look_at is None else max(0.0, self._look_at - now)

    def _open(self) -> None:
        keeper = self._keeper
        try:
            store = keeper.open(self._backlog.stored)
        except SpoolDatabaseError as error:
            if isinstance(error, SpoolLocked) and self._holding:
                keeper.retry_at = time.monotonic() + LOCKED_LOOK
                self._problem = str(error)
                return
            keeper.failed(error)
            self._holding = False
            self._tell_opened(EndpointError(str(error)))
            return
        with self._lock:
            found = self._backlog.found(store.done, store.last)
            self.offered += found
            if self._place:
                self._place += found
            self._holding = False
        self._tell_opened(None)

    def _tell_opened(self, error: EndpointError | None) -> None:
        def tell() -> None:
            if self._opened.done():
                return
            if error is None:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(error)
                self._opened.exception()  # or it is a warning, when nobody waits for it

        self._on_loop(tell)

    def _write(self, closed: bool) -> int:
        """Write what has come in, and have it taken. Returns up to which number all is done."""
        backlog = self._backlog
        with self._lock:
            stored, done = backlog.stored, backlog.done
            messages = backlog.write() if closed or not self._holding else ()
        if not messages:
            return done
        entries, too_large = self._keeper.write(messages, stored, done)
        with self._lock:
            if self._closed:
                self._lost += sum(not entry.size for entry in entries)
                entries = [entry for entry in entries if entry.size]
            was_ready = backlog.is_ready
            dropped = backlog.arrived(entries)
            self._dropped_oldest(too_large + dropped)
        self._tell(was_ready, "full", too_large + dropped)
        return done

    def _tidy(self, done: int) -> None:
        """Forget what is dealt with, and what is too much; read on."""
        backlog, keeper = self._backlog, self._keeper
        store, bounds = keeper.store, keeper.bounds
        assert store is not None
        store.forget(done)
        level = store.level()
        while not self._closed and (surplus := store.surplus(level, bounds.size, bounds.age)):
            through, reason = surplus
            with self._lock:
                was_ready = backlog.is_ready
                dropped = backlog.drop(through)
                self._dropped_oldest(dropped)
            self._tell(was_ready, reason, dropped)
            store.forget(through)
            level = store.level()
        if level.oldest is None:
            self._look_at = None
        else:
            left = level.oldest + bounds.age - time.time()
            self._look_at = time.monotonic() + min(max(left, 0.0), LOOK)
        while backlog.is_low:
            found = keeper.read(backlog.loaded)
            with self._lock:
                if self._closed:
                    break  # or what was left on disk would seem to be dealt with
                was_ready = backlog.is_ready
                backlog.read(found.entries, found.through)
                self._dropped_oldest(found.unreadable)
            self._tell(was_ready, "unreadable", found.unreadable)

    def _forgotten(self) -> None:
        with self._lock:
            was_ready = self._backlog.is_ready
            lost = self._backlog.forget()
            self._dropped_oldest(lost)
        self._tell(was_ready, "unreadable", lost)

    def _tell(self, was_ready: bool, reason: str, dropped: int) -> None:
        """Have it known what has changed."""
        if dropped:
            self._on_drop(reason, dropped)
        # After a drop there may be nothing left, for which a join waits.
        if dropped or (self._backlog.is_ready and not was_ready):
            self._on_loop(self._filled.set)

    def _on_loop(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass  # the loop is closed: nobody waits

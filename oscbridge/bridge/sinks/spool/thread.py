"""The thread of a spool: it writes new messages, deletes settled ones, and reads more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.files import SpoolDamaged, SpoolDatabaseError, SpoolLocked
from oscbridge.bridge.sinks.spool.index import SpoolIndex
from oscbridge.bridge.sinks.spool.running_time import EXPIRY_GRACE
from oscbridge.bridge.sinks.spool.writer import SpoolReadResult, SpoolWriter
from oscbridge.errors import EndpointError

__all__ = ["QueueCallbacks", "SpoolThread"]

WRITE_INTERVAL: Final = 0.003
"""Seconds between transactions, unless many messages have arrived: each transaction costs as much
as many messages do. A message that arrives after a pause is written at once."""

WRITE_AT_ONCE: Final = 512
"""Messages that are written without waiting, if the queue has room for twice as many."""

CHECK_INTERVAL: Final = 60.0
"""Longest time in seconds between checks for expired messages."""

LOCKED_TIMEOUT: Final = 3.0
"""Seconds for which a start waits for a file that another process uses and may be closing."""

LOCKED_RETRY: Final = 0.02
"""Seconds between attempts meanwhile."""

FINISH_TIMEOUT: Final = 1.0
"""Seconds that a stop allows the disk for writing the last messages."""


class QueueCallbacks(Protocol):
    """What the thread reports to its queue."""

    def found(self, count: int) -> None:
        """Note messages that a file held when it was opened. Under the lock."""

    def has_room(self) -> None:
        """Note that all new messages are being written. Under the lock."""

    def removed(self, reason: str, count: int) -> None:
        """Count the oldest messages as dropped. Under the lock."""

    def dropped(self, reason: str, count: int) -> None:
        """Log messages that :meth:`removed` has counted. Without the lock."""

    def changed(self) -> None:
        """Wake the sender, as messages became available or the queue empty. Without the lock."""


class SpoolThread:
    """Runs until :meth:`close`.

    Everything that it shares with other threads is guarded by :attr:`lock`; :attr:`changed` is
    notified when there is work. Until the file is open, or turned out to be unusable, messages
    are accepted and not delivered.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        index: SpoolIndex,
        writer: SpoolWriter,
        queue: QueueCallbacks,
    ) -> None:
        self.index = index
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.is_closed = False
        self.many = min(WRITE_AT_ONCE, index.size // 2 + 1)
        """New messages that are written without waiting for more."""
        self._loop = loop
        self._writer = writer
        self._queue = queue
        writer.on_file_lost = self._file_lost
        self._opened: asyncio.Future[None] = loop.create_future()
        self._is_opening = True
        """Whether messages wait for the file to be opened for the first time."""
        self._is_first = True
        """Whether no file was opened yet."""
        self._outdated = 0
        """The number up to which messages of an earlier start are still to be dropped."""
        self._check_at: float | None = None
        self._write_at = 0.0
        self._lost = 0
        self._problem = ""
        self._ended = asyncio.Event()
        # A daemon: a disk that hangs must not keep the process from exiting.
        name = f"spool {writer.bounds.path.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    # --- on the event loop -------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def opened(self) -> None:
        """Wait until the file is open. Raises :class:`EndpointError` if it cannot be opened."""
        try:
            async with asyncio.timeout(LOCKED_TIMEOUT):
                await asyncio.shield(self._opened)
        except TimeoutError:
            with self.changed:
                self._is_opening = False
                self.changed.notify()
            path = self._writer.bounds.path
            raise EndpointError(self._problem or f"{path}: not opened in time") from None

    def close(self, pending: int) -> int:
        """Write the last messages and end. Returns how many in memory alone are lost."""
        with self.changed:
            self.is_closed = True
            self.changed.notify()
            return self.index.close(pending)

    async def finish(self) -> int:
        """Wait for the end. Returns how many messages could not be written in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_TIMEOUT):
                await self._ended.wait()
                self._thread.join()  # it has reached its last line
        with self.changed:
            lost = self._lost + self.index.abandon()
            self._lost = 0
            return lost

    # --- on the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._cycle():
                pass
        except BaseException as error:
            self._writer.ended(error)
        finally:
            self._writer.close()
            self._call_on_loop(self._ended.set)

    def _cycle(self) -> bool:
        """Wait for work and do it. Returns False at the end."""
        writer = self._writer
        with self.changed:
            self.changed.wait_for(self._has_work, self._wait_limit())
            self.changed.wait_for(self._is_urgent, self._write_at - time.monotonic())
            closed = self.is_closed
        self._write_at = time.monotonic() + WRITE_INTERVAL
        if closed:
            writer.retry_at = 0.0  # a last attempt
        if writer.store is None and time.monotonic() >= writer.retry_at:
            self._open()
        done = self._write(closed)
        try:
            if writer.store is not None and writer.is_usable:
                self._tidy(writer.store, done)
        except SpoolDatabaseError as error:
            if isinstance(error, SpoolDamaged) or not writer.recreate(done):
                writer.failed(error)
        return not closed

    def _has_work(self) -> bool:
        writer, index = self._writer, self.index
        if self.is_closed or (index.fresh and not self._is_opening):
            return True
        if writer.store is None or not writer.is_usable:
            return False
        return index.done > writer.store.done or index.is_low

    def _is_urgent(self) -> bool:
        """Whether the thread should not wait for more messages."""
        index = self.index
        return self.is_closed or len(index.fresh) > self.many or index.is_low

    def _wait_limit(self) -> float | None:
        """Return the seconds until there is work at the latest; None for no limit."""
        now = time.monotonic()
        if not self._writer.is_usable:
            return max(0.0, self._writer.retry_at - now)
        return None if self._check_at is None else max(0.0, self._check_at - now)

    def _open(self) -> None:
        writer = self._writer
        try:
            store, lost = writer.open(self.index.stored)
        except SpoolDatabaseError as error:
            if isinstance(error, SpoolLocked) and self._is_opening:
                writer.retry_at = time.monotonic() + LOCKED_RETRY
                self._problem = str(error)
                return
            writer.failed(error)
            self._is_opening = False
            self._finish_opening(EndpointError(str(error)))
            return
        with self.changed:
            found = self.index.found(store.done, store.last)
            self._queue.found(lost + found)
            self._queue.removed("unreadable", lost)
            self._is_opening = False
        self._notify(True, "unreadable", lost)
        first, self._is_first = self._is_first, False
        if first and writer.bounds.age < EXPIRY_GRACE:  # later ones are of this start
            self._outdated = store.last
        if not self.index.spares:  # else the file is read, which can take longer than a start may
            self._drop_outdated()
        self._finish_opening(None)

    def _drop_outdated(self) -> None:
        """Drop the messages of an earlier start, as they expire soon."""
        if self._outdated:
            self._drop(self._outdated, "expired")
            self._outdated = 0

    def _drop(self, through: int, reason: str) -> bool:
        """Drop messages up to a number, except those that must be delivered.

        Returns False if the spool was closed meanwhile.
        """
        index, end = self.index, 0
        while end < through:
            result = SpoolReadResult((), through, 0)
            if index.spares and index.loaded < through:
                result = self._writer.read(index.loaded)
            end = min(through, result.through)
            with self.changed:
                if self.is_closed:
                    return False  # else messages left on disk would count as settled
                was_ready = index.is_ready
                dropped = index.drop(end, [each for each in result.messages if each.number <= end])
                self._queue.removed(reason, dropped)
            self._notify(was_ready, reason, dropped)
        return True

    def _finish_opening(self, error: EndpointError | None) -> None:
        def finish() -> None:
            if self._opened.done():
                return
            if error is None:
                self._opened.set_result(None)
            else:
                self._opened.set_exception(error)
                self._opened.exception()  # else asyncio warns when no task waits for it

        self._call_on_loop(finish)

    def _write(self, closed: bool) -> int:
        """Write new messages. Returns the number up to which all messages are settled."""
        index = self.index
        with self.changed:
            stored, done = index.stored, index.done
            messages = index.write() if closed or not self._is_opening else ()
            self._queue.has_room()
        if not messages:
            return done
        written, too_large = self._writer.write(messages, stored, done)
        with self.changed:
            if self.is_closed:
                self._lost += sum(not each.size for each in written)
                written = [each for each in written if each.size]
            was_ready = index.is_ready
            dropped = too_large + index.arrived(written)
            self._queue.removed("full", dropped)
        self._notify(was_ready, "full", dropped)
        return done

    def _tidy(self, store: SpoolDatabase, done: int) -> None:
        """Delete settled, surplus and expired messages; read more."""
        index, bounds = self.index, self._writer.bounds
        store.forget(done)
        self._drop_outdated()
        usage = store.usage()
        while surplus := store.surplus(usage, bounds.size, bounds.age):
            through, reason = surplus
            if not self._drop(through, reason):
                return
            store.forget(through)
            usage = store.usage()
        if usage.oldest is None:
            self._check_at = None
        else:
            store.save_running_time()
            left = store.running.seconds_until_expiry(usage.oldest, bounds.age)
            self._check_at = time.monotonic() + min(left, CHECK_INTERVAL)
        while index.is_low:
            result = self._writer.read(index.loaded)
            with self.changed:
                if self.is_closed:
                    break  # else messages left on disk would count as settled
                was_ready = index.is_ready
                index.read(result.messages, result.through)
                self._queue.removed("unreadable", result.unreadable)
            self._notify(was_ready, "unreadable", result.unreadable)

    def _file_lost(self) -> None:
        """Count the messages that were on disk alone when a damaged file was set aside."""
        with self.changed:
            was_ready = self.index.is_ready
            lost = self.index.forget()
            self._queue.removed("unreadable", lost)
        self._notify(was_ready, "unreadable", lost)

    def _notify(self, was_ready: bool, reason: str, dropped: int) -> None:
        """Report dropped messages, and wake the sender if its view has changed."""
        if dropped:
            self._queue.dropped(reason, dropped)
        # After a drop the queue may be empty, for which a join waits.
        if dropped or (self.index.is_ready and not was_ready):
            self._queue.changed()

    def _call_on_loop(self, function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: no task waits
            self._loop.call_soon_threadsafe(function)

"""The messages of a spool as far as they are known in memory: where each is, and their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from oscbridge.bridge.sinks.must_deliver import MustDeliverBuffer, no_key
from oscbridge.contract.delivery import Deliverable

__all__ = ["WINDOW", "WINDOW_BYTES", "IndexedMessage", "SpoolIndex"]

WINDOW: Final = 4_096
"""Messages that are in memory as well as on disk, so that they need not be read again."""

WINDOW_BYTES: Final = 8 << 20
"""Approximate limit of the bytes that those have on disk, as blocks are read whole."""


class IndexedMessage(NamedTuple):
    """A message that can be taken."""

    number: int
    """Its number on disk, or that of the last message before it on disk."""
    message: Deliverable
    size: int
    """Bytes on disk; 0 for a volatile message, which is in memory only."""


class SpoolIndex:
    """The order of waiting messages, on disk or not: first in, first out. Not thread-safe.

    Messages are ``fresh`` until the disk has processed them. Then the oldest are in a window in
    memory, and the others on disk only. Volatile messages, which are not on disk, are in memory,
    at most ``size``. Those that must be delivered although the file drops them are in memory, too.
    """

    def __init__(
        self, size: int, must_deliver_key: Callable[[Deliverable], Hashable] = no_key
    ) -> None:
        self.size = size
        self.spares = must_deliver_key is not no_key
        """Whether some messages must be delivered."""
        self.fresh: deque[Deliverable] = deque()
        self.writing = 0
        """Messages being written."""
        self.loaded = 0
        """The number up to which messages were loaded into the window."""
        self.stored = 0
        """The number of the newest message on disk."""
        self._window: deque[IndexedMessage] = deque()
        self._window_bytes = 0
        self._volatile: deque[IndexedMessage] = deque()
        self._must_deliver = MustDeliverBuffer(must_deliver_key)
        self._taken: list[IndexedMessage] = []
        self._gaps: deque[range] = deque()
        """Numbers after :attr:`done` that were counted as unreadable."""
        self._missing = 0
        """Those that count as on disk after :meth:`close`."""

    def __len__(self) -> int:
        spared = len(self._must_deliver.messages)
        return self.unwritten + spared + len(self._volatile) + len(self._window) + self.unloaded

    @property
    def in_memory(self) -> int:
        """Messages on disk that are loaded as well."""
        return len(self._window)

    @property
    def unloaded(self) -> int:
        """Messages that are on disk only."""
        return self.stored - self.loaded - self._missing

    @property
    def unsafe(self) -> int:
        """Messages that are in memory only, including taken ones."""
        taken = sum(not each.size for each in self._taken)
        return self.unwritten + len(self._must_deliver.messages) + len(self._volatile) + taken

    @property
    def unwritten(self) -> int:
        """Messages that the disk has not processed."""
        return len(self.fresh) + self.writing

    @property
    def has_room(self) -> bool:
        """Whether the window has room."""
        return len(self._window) < WINDOW and self._window_bytes < WINDOW_BYTES

    @property
    def is_low(self) -> bool:
        """Whether more messages should be read from disk."""
        low = len(self._window) < WINDOW // 2 and self._window_bytes < WINDOW_BYTES // 2
        return low and self.unloaded > 0

    @property
    def is_ready(self) -> bool:
        """Whether a message can be taken."""
        return bool(self._window or self._must_deliver.messages) or self._volatile_is_next()

    @property
    def done(self) -> int:
        """The number up to which all messages are settled."""
        for messages in (self._taken, self._window):
            for each in messages:
                if each.size:
                    return each.number - 1
        return self.loaded

    def _volatile_is_next(self) -> bool:
        if not self._volatile:
            return False
        number = self._volatile[0].number
        return number <= self.loaded and not (self._window and self._window[0].number <= number)

    def write(self) -> list[Deliverable]:
        """Return the messages to be written now."""
        messages = list(self.fresh)
        self.writing = len(messages)  # first: a reader without the lock must miss none
        self.fresh.clear()
        return messages

    def arrived(self, messages: Iterable[IndexedMessage]) -> int:
        """Add messages that were written, in order. Returns how many were dropped for them."""
        self.writing = 0
        dropped = 0
        for each in messages:
            if not each.size:
                self._volatile.append(each)
                if len(self._volatile) > self.size:
                    self._volatile.popleft()
                    dropped += 1
                continue
            if self.loaded == each.number - 1 and self.has_room:
                self._load(each)
            self.stored = each.number
        return dropped

    def read(self, messages: Iterable[IndexedMessage], through: int) -> None:
        """Add messages that were read: all that are readable, up to a number."""
        while self._gaps and self._gaps[0].stop <= self.done:
            self._gaps.popleft()
        for each in messages:
            if each.number > self.loaded:  # else it was dropped meanwhile
                self._note_gap(each.number)
                self._load(each)
        self._note_gap(through + 1)
        self.loaded = max(self.loaded, through)

    def _note_gap(self, end: int) -> None:
        if end > self.loaded + 1:
            self._gaps.append(range(self.loaded + 1, end))

    def _load(self, message: IndexedMessage) -> None:
        self._window.append(message)
        self._window_bytes += message.size
        self.loaded = message.number

    def take(self, count: int) -> list[Deliverable]:
        """Return the oldest messages, at most ``count``; :meth:`settle` removes them."""
        first = self._must_deliver.remove(count - len(self._taken))
        self._taken += [IndexedMessage(self.done, each, 0) for each in first]
        while len(self._taken) < count:
            if self._volatile_is_next():
                self._taken.append(self._volatile.popleft())
            elif self._window:
                self._taken.append(self._unload())
            else:
                break
        return [each.message for each in self._taken]

    def _unload(self) -> IndexedMessage:
        message = self._window.popleft()
        self._window_bytes -= message.size
        return message

    def numbers_of_taken(self) -> Mapping[int, int]:
        """Return the numbers on disk of the messages taken, by the ``id`` of the message."""
        return {id(each.message): each.number for each in self._taken if each.size}

    def settle(self, pending: int = 0) -> None:
        """Note that the messages taken are settled, except the last ``pending``."""
        del self._taken[: max(0, len(self._taken) - pending)]

    def abandon(self) -> int:
        """Discard messages that were not written in time. Returns how many."""
        count = self.unwritten
        self.fresh.clear()
        self.writing = 0
        return count

    def found(self, done: int, last: int) -> int:
        """Add the messages of a file that was opened. Returns how many."""
        self.loaded, self.stored = done, last
        self._volatile = deque(each._replace(number=done) for each in self._volatile)
        return self.unloaded

    def drop(self, through: int, read: Iterable[IndexedMessage] = ()) -> int:
        """Drop messages on disk up to a number. Returns how many.

        Those that must be delivered stay, in memory. ``read`` are messages that were not loaded.
        Taken ones are being delivered; they become volatile.
        """
        keep, count = self._must_deliver.keep, 0
        while self._window and self._window[0].number <= through:
            count += not keep(self._unload().message)
        if through > self.loaded:
            count += through - self.loaded - sum(keep(each.message) for each in read)
            self.loaded = through
        self._taken = [
            each._replace(size=0) if each.number <= through else each for each in self._taken
        ]
        return count

    def may_drop(self, message: Deliverable) -> bool:
        """Whether a message need not be delivered."""
        return self._must_deliver.may_drop(message)

    def forget(self) -> int:
        """Make all messages volatile, as the file is lost. Returns how many are lost with it."""
        lost, self.loaded = self.unloaded, self.stored
        self._gaps.clear()
        taken, self._taken = self._taken, []
        self.take(len(self._window) + len(self._volatile))
        self._volatile.extend(IndexedMessage(self.stored, each.message, 0) for each in self._taken)
        self._taken = [each._replace(size=0) for each in taken]
        while len(self._volatile) > self.size:
            self._volatile.popleft()
            lost += 1
        return lost

    def close(self, pending: int) -> int:
        """Leave messages on disk where they are. Returns how many volatile ones are lost."""
        self.settle(pending)
        spared = len(self._must_deliver.messages)
        lost = spared + len(self._volatile) + sum(not each.size for each in self._taken)
        self.loaded = done = self.done
        self._missing = sum(len(gap[max(0, done + 1 - gap.start) :]) for gap in self._gaps)
        self._must_deliver.clear()
        self._taken.clear()
        self._window.clear()
        self._volatile.clear()
        self._window_bytes = 0
        return lost

"""What waits in a spool, as far as it is known in memory: what is where, and in which order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from oscbridge.osc import Message

__all__ = ["WINDOW", "WINDOW_BYTES", "Entry", "SpoolIndex"]

WINDOW: Final = 4_096
"""Messages that are in memory as well as on disk, so that they need not be read again."""

WINDOW_BYTES: Final = 8 << 20
"""Bytes that those have on disk, together; about, as packs are read whole."""


class Entry(NamedTuple):
    """A message that can be taken."""

    number: int
    """Its own on disk, or that of the last one before it that is there."""
    message: Message
    size: int
    """Bytes on disk; 0 for one that is not there, a loose one."""


class SpoolIndex:
    """The order of what waits: first what came first, on disk or not. Not thread-safe.

    Messages are ``fresh`` until the disk is done with them. After that the oldest are in a
    window in memory, and the others, "behind" it, on disk alone. Those that are not on disk
    are in memory, at most ``size``.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.fresh: deque[Message] = deque()
        self.writing = 0
        """Messages that the disk is at."""
        self.loaded = 0
        """The number up to which messages were read, or kept in memory."""
        self.stored = 0
        """The number of the newest on disk."""
        self._window: deque[Entry] = deque()
        self._window_bytes = 0
        self._loose: deque[Entry] = deque()
        self._taken: list[Entry] = []

    def __len__(self) -> int:
        return self.unwritten + len(self._loose) + len(self._window) + self.behind

    @property
    def behind(self) -> int:
        """Messages that are on disk alone."""
        return self.stored - self.loaded

    @property
    def unsafe(self) -> int:
        """Messages that are in memory alone, those included that were taken."""
        taken = sum(not entry.size for entry in self._taken)
        return self.unwritten + len(self._loose) + taken

    @property
    def unwritten(self) -> int:
        return len(self.fresh) + self.writing

    @property
    def has_room(self) -> bool:
        """Whether more may be in memory."""
        return len(self._window) < WINDOW and self._window_bytes < WINDOW_BYTES

    @property
    def is_low(self) -> bool:
        """Whether it is time to read on."""
        low = len(self._window) < WINDOW // 2 and self._window_bytes < WINDOW_BYTES // 2
        return low and self.behind > 0

    @property
    def is_ready(self) -> bool:
        """Whether something can be taken."""
        return bool(self._window) or self._loose_is_next()

    @property
    def done(self) -> int:
        """The number up to which all is dealt with."""
        for entries in (self._taken, self._window):
            for entry in entries:
                if entry.size:
                    return entry.number - 1
        return self.loaded

    def _loose_is_next(self) -> bool:
        if not self._loose:
            return False
        number = self._loose[0].number
        return number <= self.loaded and not (self._window and self._window[0].number <= number)

    def write(self) -> list[Message]:
        """What is to be written now."""
        messages = list(self.fresh)
        self.writing = len(messages)  # first: who counts without the lock must miss none
        self.fresh.clear()
        return messages

    def arrived(self, entries: Iterable[Entry]) -> int:
        """What was written, in order, can be taken. Returns how many found no room."""
        self.writing = 0
        dropped = 0
        for entry in entries:
            if not entry.size:
                self._loose.append(entry)
                if len(self._loose) > self.size:
                    self._loose.popleft()
                    dropped += 1
                continue
            if self.loaded == entry.number - 1 and self.has_room:
                self._load(entry)
            self.stored = entry.number
        return dropped

    def read(self, entries: Iterable[Entry], through: int) -> None:
        """What was read: all that can be, up to a number."""
        for entry in entries:
            if entry.number > self.loaded:  # or it was dropped meanwhile
                self._load(entry)
        self.loaded = max(self.loaded, through)

    def _load(self, entry: Entry) -> None:
        self._window.append(entry)
        self._window_bytes += entry.size
        self.loaded = entry.number

    def take(self, count: int) -> list[Message]:
        """The oldest, at most so many; to be settled."""
        while len(self._taken) < count:
            if self._loose_is_next():
                self._taken.append(self._loose.popleft())
            elif self._window:
                self._taken.append(self._unload())
            else:
                break
        return [entry.message for entry in self._taken]

    def _unload(self) -> Entry:
        entry = self._window.popleft()
        self._window_bytes -= entry.size
        return entry

    def settle(self, pending: int = 0) -> None:
        """Those that were taken are dealt with, but for the last few."""
        del self._taken[: max(0, len(self._taken) - pending)]

    def abandon(self) -> int:
        """Discard messages that were not written in time. Returns how many."""
        count = self.unwritten
        self.fresh.clear()
        self.writing = 0
        return count

    def found(self, done: int, last: int) -> int:
        """What a file holds that was opened. Returns how many messages."""
        self.loaded, self.stored = done, last
        self._loose = deque(each._replace(number=done) for each in self._loose)
        return self.behind

    def drop(self, through: int) -> int:
        """Drop what is on disk up to a number, and not taken. Returns how many that were."""
        count = 0
        while self._window and self._window[0].number <= through:
            self._unload()
            count += 1
        if through > self.loaded:
            count += through - self.loaded
            self.loaded = through
        return count

    def forget(self) -> int:
        """The disk has lost everything. Returns how many messages are lost by that."""
        lost, self.loaded = self.behind, self.stored
        taken, self._taken = self._taken, []
        self.take(len(self._window) + len(self._loose))
        self._loose.extend(Entry(self.stored, each.message, 0) for each in self._taken)
        self._taken = [each._replace(size=0) for each in taken]
        while len(self._loose) > self.size:
            self._loose.popleft()
            lost += 1
        return lost

    def close(self, pending: int) -> int:
        """Leave on disk what is there. Returns how many are lost, as they are nowhere else."""
        self.settle(pending)
        lost = len(self._loose) + sum(not entry.size for entry in self._taken)
        self.loaded = self.done
        self._taken.clear()
        self._window.clear()
        self._loose.clear()
        self._window_bytes = 0
        return lost

"""Where the children of a worker count the packets that they read: in memory that outlives all."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

from oscbridge.bridge.sources.forked.child_counts import CELLS, SharedStatistics
from oscbridge.bridge.sources.forked.ipc_protocol import ChildEnd

__all__ = ["ChildCells"]


class ChildCells:
    """Gives each child a place in the memory that its worker shares with the supervisor.

    The supervisor counts what it finds there when the worker and its children were killed. So a
    place is used again only after the end of its child is reported.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._free = list(range(len(memory) // CELLS.size - 1, 0, -1))
        self._places: dict[int, int] = {}  # by number of the child

    @property
    def is_full(self) -> bool:
        """Whether the ends of children must be reported before another one can start."""
        return not self._free

    def add(self, child: int) -> None:
        """Give a new child a place."""
        self._places[child] = place = self._free.pop()
        CELLS.pack_into(self._memory, CELLS.size * place, 0, 0, 0, child)

    def statistics(self, child: int) -> SharedStatistics:
        """The counters of a child."""
        return SharedStatistics(self._memory, self._places[child])

    def end(self, child: int) -> ChildEnd:
        """What a child that has ended has counted."""
        place = self._places.pop(child)
        messages, unmatched, bad, _ = CELLS.unpack_from(self._memory, CELLS.size * place)
        return ChildEnd(child, 0, messages, unmatched, bad, place)

    def release(self, ended: Iterable[ChildEnd]) -> None:
        """Note that the ends of children are reported."""
        self._free += [each.place for each in ended if each.place]

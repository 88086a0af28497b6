"""Gives packets to children that handle many each, and starts and ends these children."""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from oscbridge.net.socket_address import ClientAddress
from oscbridge.server.children import Children, Uninterrupted
from oscbridge.server.pooled_child import ChildPacket, PooledChild

__all__ = ["ChildPool"]

WINDOW: Final = 16
"""Packets that one child has at once: the one it handles, and those that wait in its socket."""

RESERVE: Final = 4
"""The same for a child that makes no progress, while no child is idle or may be started: a handler
that computes need not wait for the parent between two packets."""

STALL: Final = 0.001
"""Seconds for one packet after which those that wait for the same child go to other children."""

SATURATION: Final = 0.005
"""Seconds without an idle child after which another one is started."""

POLL: Final = 0.05
"""Seconds within which the end of a child is noticed."""

FORK_RETRY: Final = 0.1
"""Seconds until the next attempt after the system has refused a process."""


class ChildPool:
    """Children that handle packets, at most ``children.limit``, each for ``max_messages``.

    A packet goes to an idle child, or into the socket of one that makes progress. If none does,
    or none has been idle for a while, another one is started. Those idle for ``idle_timeout``
    seconds end. ``handle`` runs in a child for each packet, after one call of ``enter``.
    """

    def __init__(
        self,
        children: Children,
        enter: Callable[[], None],
        handle: Callable[[bytes, ClientAddress], None],
    ) -> None:
        self.max_messages = 1
        self.idle_timeout = 10.0
        self._children = children
        self._enter = enter
        self._handle = handle
        self._members: dict[int, PooledChild] = {}
        self._backlog: deque[ChildPacket] = deque()
        """Packets that were taken back from children."""
        self._selector = selectors.DefaultSelector()
        self._blocked: Iterable[int] = ()
        """Signals that the program blocks itself."""
        self._had_idle = 0.0
        self._fork_after = self._reap_at = 0.0
        children.settle = self._settle

    def fileno(self) -> int:
        """A descriptor that is readable when a child has become idle."""
        return self._selector.fileno()

    @property
    def pause(self) -> float | None:
        """Seconds until :meth:`tend` is to be called again; None if all children are idle."""
        children = self._members.values()
        if not self._backlog and all(each.is_open and not each.waiting for each in children):
            return None
        now = time.monotonic()
        may_stall = any(len(each.waiting) > 1 and now - each.progress < STALL for each in children)
        return STALL if may_stall else POLL

    def give(self, data: bytes, client: ClientAddress, messages: int) -> bool:
        """Give a packet to a child. Returns False if none can take it now.

        Raises ``OSError`` if there is no child and the system refuses to start one.
        """
        with Uninterrupted() as self._blocked:
            return not self._backlog and self._give(ChildPacket(data, client, messages))

    def _give(self, packet: ChildPacket) -> bool:
        now = time.monotonic()
        while (child := self._choose(now)) is not None:
            if child.give(packet, now):
                if child.given >= self.max_messages:
                    child.retire()
                return True
            if child.is_open:
                return False  # its socket is full of large packets
        return False

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until a child can take a packet. Whether one can."""
        deadline = time.monotonic() + timeout
        while True:
            self.tend()
            if not self._backlog and self._has_room():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._selector.select(min(left, self._nap()))

    def _nap(self) -> float:
        """Seconds for which no child runs out of packets, as far as that can be foreseen.

        Each look at the children takes time that handlers on the same core lack.
        """
        open_ones = [child for child in self._members.values() if child.is_open]
        ahead = min(((len(each.waiting) - 1) * each.pace for each in open_ones), default=0.0)
        return min(POLL, max(STALL, ahead))

    def tend(self) -> None:
        """Count handled messages, move packets that wait for a stalled child, end idle ones."""
        with Uninterrupted() as self._blocked:
            self._tend()

    def _tend(self) -> None:
        for key, _ in self._selector.select(0):
            key.data.clear_wakes()
        now = time.monotonic()
        stalled = []
        is_late = now >= self._reap_at
        for child in self._members.values():
            self._collect(child, now)
            idle_for = now - child.progress
            if child.waiting and idle_for > STALL:
                is_late = True  # it may be dead
                if len(child.waiting) > 1:
                    stalled.append(child)
            elif child.is_open and not child.waiting and idle_for > self.idle_timeout:
                child.retire()
        if is_late:
            self._reap_at = now + POLL
            self._children.reap()
        for child in stalled:
            if child.pid in self._members and self._has_idle():
                self._backlog += child.take_back()
                self._flush()
        self._flush()

    def _flush(self) -> None:
        """Give packets that were taken back to children, as far as possible."""
        while self._backlog and self._give_back():
            pass

    def finish(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for all packets to be handled; then end the children."""
        deadline = time.monotonic() + timeout
        while self._backlog or any(child.waiting for child in self._members.values()):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._selector.select(min(left, STALL))
            self.tend()
            self._children.reap()
        for child in self._members.values():
            child.retire()

    def close(self) -> int:
        """Release everything after the children have ended. Messages that none has handled."""
        self._selector.close()
        return sum(packet.messages for packet in self._backlog)

    def _collect(self, child: PooledChild, now: float) -> None:
        if messages := child.collect(now):
            self._children.complete(child.pid, messages)

    def _choose(self, now: float) -> PooledChild | None:
        """The child for the next packet; it may be a new one. None if no child can take it."""
        best = reserve = None
        for child in self._members.values():
            if not child.is_open:
                continue
            self._collect(child, now)
            load = len(child.waiting)
            if not load:
                self._had_idle = now
                return child
            if _is_moving(child, now) and (best is None or load < len(best.waiting)):
                best = child
            if load < RESERVE and (reserve is None or load < len(reserve.waiting)):
                reserve = child
        if best is not None and now - self._had_idle < SATURATION:
            return best
        if self._may_fork(now):
            started = self._start(now)
            if started is not None:
                return started
        return reserve if best is None else best

    def _has_room(self) -> bool:
        now = time.monotonic()
        return any(
            child.is_open and (len(child.waiting) < RESERVE or _is_moving(child, now))
            for child in self._members.values()
        ) or self._may_fork(now)

    def _has_idle(self) -> bool:
        """Whether a packet that is taken back would be handled at once."""
        idle = any(child.is_open and not child.waiting for child in self._members.values())
        return idle or self._may_fork(time.monotonic())

    def _may_fork(self, now: float) -> bool:
        if now < self._fork_after:
            return False
        if len(self._children) >= self._children.limit:
            self._children.reap()
        return len(self._children) < self._children.limit

    def _start(self, now: float) -> PooledChild | None:
        """A new child. None if the system refuses it while there are others."""
        child = None
        try:
            child = PooledChild()
            child.pid = self._children.fork(partial(self._run_child, child), 0)
        except OSError:
            if child is not None:
                child.close()
            if not self._members:
                raise
            self._fork_after = now + FORK_RETRY
            return None
        self._had_idle = now
        self._members[child.pid] = child
        self._selector.register(child.near, selectors.EVENT_READ, child)
        return child

    def _run_child(self, child: PooledChild) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        self._selector.close()
        for other in self._members.values():
            other.close_sockets()
        self._enter()
        child.run(self._handle)

    def _settle(self, pid: int) -> None:
        """Take back what a child that has ended had not read."""
        child = self._members.pop(pid, None)
        if child is None:
            return
        self._selector.unregister(child.near)
        self._collect(child, time.monotonic())
        self._backlog += child.take_back() + child.take_unbegun()
        self._children.set_units(pid, sum(each.messages for each in child.waiting.values()))
        child.close()

    def _give_back(self) -> bool:
        """Give the oldest packet that was taken back to another child."""
        packet = self._backlog.popleft()
        try:
            if self._give(packet):
                return True
        except OSError:
            self._fork_after = time.monotonic() + FORK_RETRY
        self._backlog.appendleft(packet)
        return False


def _is_moving(child: PooledChild, now: float) -> bool:
    """Whether another packet would soon be handled by a busy child."""
    return len(child.waiting) < WINDOW and now - child.progress < STALL

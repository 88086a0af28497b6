"""One turn of the event loop, in which a source reads packets and routes their messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Turn"]


class Turn:
    """Lets sinks deliver in the turn in which a source has read their messages.

    So messages that arrive together are delivered together, without another turn of the loop.
    All methods are for the event loop. A source calls :meth:`begin` and :meth:`end` in a callback
    of the loop, never in a task.
    """

    def __init__(self) -> None:
        self.has_one = False
        """Whether a single message is being routed: sinks need not wait for others."""
        self.is_open = False
        """Whether messages are being routed. A sink that delivers meanwhile resets both, so that
        what the delivery itself routes is left to the next turn of the loop."""
        self.waiting = 0
        """Sinks that have left messages for later, as they send at intervals."""
        self._due: list[Callable[[], None]] = []

    def begin(self, *, has_one: bool = False) -> None:
        """Note that messages are being routed; ``has_one``: only one was read."""
        self.is_open, self.has_one = True, has_one

    def defer(self, deliver: Callable[[], None]) -> bool:
        """Call ``deliver``, which must not raise, at the end. Returns False outside a turn."""
        if self.is_open:
            self._due.append(deliver)
        return self.is_open

    @contextmanager
    def around(self) -> Iterator[None]:
        """Begin and end, unless it is open, or a task runs, in which nothing can be delivered."""
        from asyncio import current_task  # a server without an event loop needs none

        if self.is_open or current_task() is not None:
            yield
            return
        self.begin()
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Deliver. What a delivery itself routes is left to the next turn of the loop."""
        self.is_open = self.has_one = False
        if self._due:
            due, self._due = self._due, []
            for deliver in due:
                deliver()

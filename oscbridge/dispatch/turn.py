"""One turn of the event loop, in which a source reads packets and routes their messages."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Turn"]


class Turn:
    """Lets sinks deliver at the end of the turn in which a source has read their messages.

    So messages that arrive together are delivered together, without another turn of the loop.
    All methods are for the event loop. A source calls :meth:`begin` and :meth:`end` in a callback
    of the loop, never in a task.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._due: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Note that messages are being routed."""
        self._is_open = True

    def defer(self, deliver: Callable[[], None]) -> bool:
        """Call ``deliver``, which must not raise, at the end. Returns False outside a turn."""
        if self._is_open:
            self._due.append(deliver)
        return self._is_open

    def end(self) -> None:
        """Deliver. What a delivery itself routes is left to the next turn of the loop."""
        self._is_open = False
        if self._due:
            due, self._due = self._due, []
            for deliver in due:
                deliver()

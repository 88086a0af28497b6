"""Wakes a thread that waits in a selector."""

from __future__ import annotations

import selectors
import socket

__all__ = ["Waker"]


class Waker:
    """A socket pair that becomes readable after :meth:`wake`."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def register(self, selector: selectors.BaseSelector) -> None:
        """Add it to a selector."""
        selector.register(self._near, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the current wait, or the next one. From any thread; never blocks, never raises."""
        try:
            self._far.send(b"\0")
        except OSError:
            pass  # full, so the wait ends anyway; or closed, so nothing waits

    def clear(self) -> None:
        """Reset, so that the next wait blocks."""
        try:
            while self._near.recv(4096):
                pass
        except OSError:
            pass

    def close(self) -> None:
        """Close both ends."""
        self._near.close()
        self._far.close()

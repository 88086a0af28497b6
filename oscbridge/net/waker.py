"""Waking a thread that waits in a selector."""

from __future__ import annotations

import selectors
import socket

__all__ = ["Waker"]


class Waker:
    """One end of a socket pair that becomes readable when :meth:`wake` was called."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def register(self, selector: selectors.BaseSelector) -> None:
        """Have a selector wait for it as well."""
        selector.register(self._near, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the wait, or the next one. From any thread; never blocks, never raises."""
        try:
            self._far.send(b"\0")
        except OSError:
            pass  # it is full, so the wait ends anyway; or closed, so nobody waits

    def clear(self) -> None:
        """Forget what woke."""
        try:
            while self._near.recv(4096):
                pass
        except OSError:
            pass

    def close(self) -> None:
        """Close both ends."""
        self._near.close()
        self._far.close()

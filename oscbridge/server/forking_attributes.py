"""The attributes of forking servers that programs read."""

from __future__ import annotations

import socketserver

from oscbridge.server.children import Children

__all__ = ["ForkingAttributes"]


class ForkingAttributes(socketserver.ForkingMixIn):
    """Those of :class:`socketserver.ForkingMixIn`. The server sets ``children``."""

    children: Children

    @property
    def active_children(self) -> set[int]:  # type: ignore[override]
        """The process IDs of the children, as a new set."""
        return self.children.ids

    def collect_children(self, *, blocking: bool = False) -> None:
        """Reap the children that have ended; with ``blocking``, wait until one may be started."""
        self.children.reap()
        while blocking and not self._wait_for_child(1.0):
            pass

    def _wait_for_child(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until a child may be given work. Whether one may."""
        return self.children.wait_below_limit(timeout)

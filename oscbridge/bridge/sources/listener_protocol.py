"""A running server of a bridge, whatever its mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.routes.route import Route
from oscbridge.net.url import OSCURL

__all__ = ["Listener"]


class Listener(Protocol):
    """A running server. All of its methods are for the event loop."""

    @property
    def address(self) -> OSCURL:
        """Its address, with the port that the system chose for port 0."""

    @property
    def problem(self) -> str:
        """Why it cannot receive, in words; empty if it can."""

    @property
    def connections(self) -> int:
        """TCP clients that are connected now; 0 over UDP."""

    @property
    def threads(self) -> int:
        """Threads that it runs now."""

    @property
    def children(self) -> int:
        """Processes that handle packets or connections now, up to a tenth of a second old.

        The worker of a forking bridge is not counted.
        """

    @property
    def clients(self) -> ClientLink | None:
        """Its clients, as a sink sends to them; None if that is not possible."""

    def pause(self, on: bool) -> None:
        """Stop receiving for now, or resume."""

    def watch(self, on: bool) -> None:
        """Show packets that other processes handle to the dispatcher's watcher, or stop that.

        Does nothing if packets are handled in this process: they pass the dispatcher anyway.
        """

    def update_counts(self) -> None:
        """Read the counters that the kernel keeps for its socket into the statistics."""

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log the summaries of suppressed lines that are due, or with ``everything`` all."""

    async def reroute(self, routes: Sequence[Route]) -> None:
        """Use these routes for all further messages, without losing any meanwhile.

        Only for mode forking, whose routes run in another process; raises ``OSError`` if that
        fails, and then the old ones stay active. In the other modes it does nothing.
        """

    async def stop(self) -> bool:
        """Stop receiving. Returns False if handlers did not return in time."""

"""The base of listeners whose handlers run in the bridge process."""

from __future__ import annotations

from collections.abc import Sequence

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.kernel_drops import KernelDrops

__all__ = ["LocalListener"]


class LocalListener:
    """What most of these listeners have in common."""

    problem = ""
    children = 0
    clients: ClientLink | None = None
    drops: KernelDrops | None = None
    """Over UDP."""

    @property
    def connections(self) -> int:
        return 0

    @property
    def threads(self) -> int:
        return 0

    def watch(self, on: bool) -> None:
        pass

    def update_counts(self) -> None:
        if self.drops is not None:
            self.drops.update()

    def flush_reports(self, *, everything: bool = False) -> None:
        if self.drops is not None:
            self.drops.flush_reports(everything=everything)

    async def reroute(self, routes: Sequence[Route]) -> None:
        pass

    def stop_sending(self) -> None:
        """Send nothing more to clients."""
        if self.clients is not None:
            self.clients.close()

"""A server of leases inside the test, and the endpoint type of a bridge that is connected to it."""

from __future__ import annotations

import time

import oscbridge
from oscbridge import Lease, NotConnected

__all__ = ["LeaseServer", "Lessor", "lessor_type"]


class LeaseServer:
    """Grants leases as a cluster would."""

    def __init__(self) -> None:
        self.leases: dict[str, tuple[str, float]] = {}
        """Who holds each lease, and until when, on the monotonic clock."""

    def acquire(self, key: str, holder: str, seconds: float) -> Lease:
        now = time.monotonic()
        current, until = self.leases.get(key, ("", 0.0))
        if current not in ("", holder) and now < until:
            return Lease(current, until - now)
        self.leases[key] = holder, now + seconds
        return Lease(holder, seconds)

    def find(self, key: str) -> Lease:
        current, until = self.leases.get(key, ("", 0.0))
        return Lease(current if time.monotonic() < until else "")

    def release(self, key: str, holder: str) -> None:
        if self.leases.get(key, ("", 0.0))[0] == holder:
            del self.leases[key]


class Lessor(oscbridge.Endpoint, oscbridge.GrantsLeases[oscbridge.Options]):
    """The endpoint of one bridge."""

    server: LeaseServer
    is_cut = False
    """Whether the bridge does not reach the server."""
    is_undecided = False
    """Whether the server does not say who holds the lease."""
    undecided = 0
    """Requests that were answered so."""

    async def acquire_lease(self, key: str, holder: str, seconds: float) -> Lease:
        self._look()
        if self.is_undecided:
            type(self).undecided += 1
            return Lease("")
        return self.server.acquire(key, holder, seconds)

    async def find_lease(self, key: str) -> Lease:
        self._look()
        return self.server.find(key)

    async def release_lease(self, key: str, holder: str) -> None:
        self._look()
        self.server.release(key, holder)

    def _look(self) -> None:
        if self.is_cut:
            raise NotConnected("the server cannot be reached")


def lessor_type(of: LeaseServer) -> type[Lessor]:
    """The endpoint type of one bridge: its settings concern this bridge alone."""

    class OneLessor(Lessor):
        server = of

    return OneLessor

"""The ability of endpoints that grant leases, of which one bridge is the holder at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple

from oscbridge.contract.options import OptionsT

__all__ = ["GrantsLeases", "Lease"]


class Lease(NamedTuple):
    """A lease, as the endpoint knows it."""

    holder: str
    """The name of its holder; empty if it has none."""
    seconds: float = 0.0
    """Seconds until another holder may be granted it, unless it is renewed; 0 if unknown."""


class GrantsLeases(ABC, Generic[OptionsT]):
    """Grants leases, each to one bridge at a time, e.g. by a quorum of servers: ``[run] leader``.

    The bridge calls it a few times per second while the endpoint is connected, and cancels a call
    that takes too long; the request may have succeeded nevertheless. A lease outlives the
    connection. An exception means that nothing is known about the lease.
    """

    @abstractmethod
    async def acquire_lease(self, key: str, holder: str, seconds: float, /) -> Lease:
        """Grant a lease to ``holder``, or renew it; unless another one has it.

        Another holder must not be granted the lease before ``seconds`` have passed since the
        last renewal was recorded. The bridge counts from before its call. ``holder`` is unique
        for each start of a bridge, and human-readable.
        """

    @abstractmethod
    async def find_lease(self, key: str, /) -> Lease:
        """Find the holder of a lease, without asking for the lease."""

    @abstractmethod
    async def release_lease(self, key: str, holder: str, /) -> None:
        """End a lease if ``holder`` has it: another one may be granted it at once."""

    @classmethod
    def lease_problem(cls, options: OptionsT, /) -> str:
        """Why an endpoint with these options can grant no lease, and how to fix it; empty if it
        can. ``check`` reports it.
        """
        return ""

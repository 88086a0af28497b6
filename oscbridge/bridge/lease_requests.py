"""Requests about a lease to the endpoint that grants it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from oscbridge.bridge.config.process_models import LeaderOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.lease import GrantsLeases, Lease
from oscbridge.errors import EndpointError, NotConnected

__all__ = ["LeaseRequests", "RunningEndpoints"]

REQUEST_SHARE: Final = 0.4
"""Share of a lease after which a request without an answer is given up."""

_T = TypeVar("_T")


class RunningEndpoints(Protocol):
    """The running system, as far as leases are about it."""

    endpoints: dict[str, EndpointRunner]


class LeaseRequests:
    """Asks the endpoint that a configuration names.

    All methods raise what it raises, and ``TimeoutError``.
    """

    def __init__(self, app: RunningEndpoints) -> None:
        self._app = app

    async def acquire(self, options: LeaderOptions, holder: str) -> Lease:
        """Ask for a lease, or renew it."""
        key, ttl = options.key, options.ttl
        return await self._ask(options, lambda lessor: lessor.acquire_lease(key, holder, ttl))

    async def find(self, options: LeaderOptions) -> Lease:
        """Find the holder of a lease."""
        return await self._ask(options, lambda lessor: lessor.find_lease(options.key))

    async def release(self, options: LeaderOptions, holder: str) -> None:
        """End a lease of a holder."""
        await self._ask(options, lambda lessor: lessor.release_lease(options.key, holder))

    async def _ask(
        self, options: LeaderOptions, ask: Callable[[GrantsLeases[Any]], Awaitable[_T]]
    ) -> _T:
        runner = self._app.endpoints.get(options.endpoint)
        if runner is None or not isinstance(runner.endpoint, GrantsLeases):
            raise EndpointError("it grants no leases")  # its plugin is broken
        if not runner.is_open:
            raise NotConnected(runner.problem or "not connected yet")
        async with asyncio.timeout(options.ttl * REQUEST_SHARE):
            return await ask(runner.endpoint)

"""Stands in for an endpoint of a bridge with a backup: nothing is sent without the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, Final

from oscbridge.bridge.sinks.drops import STANDBY
from oscbridge.bridge.sinks.role import LEASE_CLOCK, Role
from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint, Endpoint
from oscbridge.contract.options import Options
from oscbridge.errors import BadMessage

__all__ = ["PatientGate", "RoleGate", "StandsBy"]

LOOK_INTERVAL: Final = 0.1
"""Seconds until a spool looks again whether its messages may be sent."""


class StandsBy(BadMessage):
    """A message that another bridge delivers."""

    reason: ClassVar[str] = STANDBY


class RoleGate(Endpoint[Options, Deliverable]):
    """Hands messages to an endpoint while the lease lasts; the others are dropped.

    The methods are not coroutines themselves: the lease is checked immediately before the endpoint
    runs, and one frame is saved.
    """

    def __init__(self, endpoint: AnyEndpoint, role: Role) -> None:
        super().__init__(endpoint.name, Options())
        self.log = endpoint.log
        self._target = endpoint
        self._role = role

    def send(self, message: Deliverable) -> Coroutine[Any, Any, None]:
        if LEASE_CLOCK() >= self._role.until:
            raise StandsBy(STANDBY)
        return self._target.send(message)

    def send_batch(self, messages: Sequence[Deliverable]) -> Coroutine[Any, Any, None]:
        if LEASE_CLOCK() >= self._role.until:
            raise StandsBy(STANDBY)
        return self._target.send_batch(messages)


class PatientGate(RoleGate):
    """Lets the messages on disk wait until the lease is granted again."""

    async def send(self, message: Deliverable) -> None:
        await self._granted()
        await self._target.send(message)

    async def send_batch(self, messages: Sequence[Deliverable]) -> None:
        await self._granted()
        await self._target.send_batch(messages)

    async def _granted(self) -> None:
        while not self._role.may_send:  # noqa: ASYNC110  # it ends by the clock
            await asyncio.sleep(LOOK_INTERVAL)

"""Stands in for an endpoint while what it sends has to be noted before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint, Endpoint
from oscbridge.contract.options import Options

__all__ = ["NotingSink"]


class NotingSink(Endpoint[Options, Deliverable]):
    """Notes messages, and hands them to an endpoint that sends batches."""

    def __init__(
        self, endpoint: AnyEndpoint, note: Callable[[Sequence[Deliverable]], None]
    ) -> None:
        super().__init__(endpoint.name, Options())
        self.log = endpoint.log
        self._target = endpoint
        self._note = note

    async def send_batch(self, messages: Sequence[Deliverable]) -> None:
        self._note(messages)
        await self._target.send_batch(messages)

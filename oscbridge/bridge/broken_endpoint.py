"""Stands in for an endpoint of a broken plugin, so that everything else can run."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict

from oscbridge.contract.delivery import Delivery
from oscbridge.contract.endpoint import Endpoint
from oscbridge.contract.options import Options
from oscbridge.errors import EndpointError

__all__ = ["BrokenEndpoint", "broken_type"]


class AnyOptions(Options):
    """The options of a type whose model is not available: all are accepted, none is checked."""

    model_config = ConfigDict(extra="allow")


class BrokenEndpoint(Endpoint[AnyOptions, Delivery[AnyOptions]]):
    """Never connects; the reason is why the plugin cannot be used."""

    on_start = "retry"
    reason: ClassVar[str] = ""

    async def connect(self) -> None:
        """Raises :class:`EndpointError`."""
        raise EndpointError(self.reason)

    async def send(self, message: Delivery[AnyOptions]) -> None:
        """Never called, as it never connects."""


def broken_type(why: str) -> type[BrokenEndpoint]:
    """A type of endpoints that never connect, with ``why`` as their problem."""

    class Broken(BrokenEndpoint):
        reason = why

    return Broken

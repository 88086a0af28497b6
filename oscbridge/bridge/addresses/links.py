"""The ways that messages take between the parts of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from oscbridge.address_space.info import AddressInfo
from oscbridge.bridge.addresses.projection import RouteProjection
from oscbridge.bridge.routes.config import RouteConfig

__all__ = ["AddressLink", "DirectLink", "DirectSource", "links_of"]


class DirectLink(NamedTuple):
    """A route that a plugin declares or registers, to one endpoint."""

    match: str
    to: str
    types: str | None
    has_function: bool


class DirectSource(Protocol):
    """The routes of plugins that read from one source."""

    @property
    def direct(self) -> Sequence[DirectLink]: ...


@dataclass(frozen=True)
class AddressLink:
    """A route, with the parts that it leads from and to."""

    projection: RouteProjection
    sources: tuple[str, ...]
    to: tuple[str, ...]
    facts: Mapping[str, AddressInfo]
    """What its options for an endpoint say about the addresses that it sends there."""


def links_of(
    routes: Sequence[RouteConfig],
    direct: Mapping[str, Sequence[DirectLink]],
    facts: Mapping[int, Mapping[str, AddressInfo]],
) -> Iterator[AddressLink]:
    """All enabled routes, those of the configuration first; ``direct`` are those of plugins."""
    for index, route in enumerate(routes):
        if route.enabled and route.to:
            yield AddressLink(RouteProjection(route), route.sources, route.to, facts.get(index, {}))
    for name, links in direct.items():
        for match, to, types, has_function in links:
            function = ":" if has_function else None
            config = RouteConfig(match=match, types=types, function=function)
            yield AddressLink(RouteProjection(config), (name,), (to,), {})

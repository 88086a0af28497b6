"""Warns of routes that send a known device values of another kind than it understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from oscbridge.address_space.merging import are_of_one_kind
from oscbridge.bridge.addresses.known import known_by
from oscbridge.bridge.addresses.projection import RouteProjection
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.routes.config import RouteConfig

__all__ = ["contradicting_types"]

MAX_COMPARED: Final = 1_024
"""Addresses of one route that are compared."""


def contradicting_types(
    routes: Sequence[RouteConfig],
    options: Mapping[int, object],
    endpoints: Mapping[str, EndpointEntry],
) -> Iterator[tuple[int, str]]:
    """The indices of such routes, each with a warning about the first address.

    Only routes count that name the addresses that they send. Numbers are of one kind. ``options``
    are those of all valid tables: with an invalid route nothing is compared.
    """
    if len(options) != len(routes):  # then the indices are others
        return
    known = {name: known_by(name, entry) for name, entry in endpoints.items()}
    for index, route in enumerate(routes):
        for name in filter(known.get, route.to):
            for info in islice(RouteProjection(route).outgoing(), MAX_COMPARED):
                other = known[name].get(info.address)
                if other is None or not (other.types and info.types):
                    continue
                if not are_of_one_kind(info.types, other.types):
                    text = (
                        f"sends {info.address} with {info.types!r}, but endpoint {name!r} knows "
                        f"it with {other.types!r}; check 'types' and 'send'"
                    )
                    yield index, f"route {index + 1}: {text}"
                    break

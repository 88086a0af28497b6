"""What endpoints know about the addresses of their peers by their options."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from oscbridge.address_space.info import AddressInfo
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.contract.abilities import DescribesRoutes, KnowsAddresses

__all__ = ["known_by", "route_facts"]

_log: Final = logging.getLogger(__name__)


def known_by(name: str, entry: EndpointEntry) -> Mapping[str, AddressInfo]:
    """The addresses that an endpoint knows; a bug of its plugin is logged."""
    if not issubclass(entry.factory, KnowsAddresses):
        return {}
    try:
        return entry.factory.known_addresses(entry.options)
    except BaseException:
        _log.exception("endpoint.%s: cannot say which addresses it knows", name)
        return {}


def route_facts(
    routes: Sequence[RouteConfig], endpoints: Mapping[str, EndpointEntry]
) -> dict[int, dict[str, AddressInfo]]:
    """What the options of routes say about the addresses that they send, by route and endpoint."""
    found: dict[int, dict[str, AddressInfo]] = {}
    for index, route in enumerate(routes):
        for name, options in route.options.items():
            entry = endpoints.get(name)
            if entry is None or not issubclass(entry.factory, DescribesRoutes):
                continue
            try:
                facts = entry.factory.route_facts(options)
            except BaseException:
                _log.exception("endpoint.%s: cannot say what its routes are about", name)
                continue
            if facts is not None:
                found.setdefault(index, {})[name] = facts
    return found

"""Handlers of a bridge with clients: absorbed messages, and watchers of routed ones."""

from __future__ import annotations

from oscbridge.dispatch.absorbing_map import AbsorbingMap
from oscbridge.dispatch.handler import Handler

ABSORB, WITNESS, ROUTE = (Handler(print, [each]) for each in ("absorb", "witness", "route"))


def handlers(address: str) -> list[Handler]:
    mapped = AbsorbingMap(["/xremote"], ABSORB, WITNESS)
    mapped.add("/knob", ROUTE)
    mapped.add("/xremote", ROUTE)
    return [handler for handler, _ in mapped.match(address)]


def test_witness_comes_before_the_routes() -> None:
    """An answer may arrive while the routes still send the question, on another thread."""
    assert handlers("/knob") == [WITNESS, ROUTE]


def test_message_without_routes_has_no_witness() -> None:
    assert handlers("/other") == []


def test_absorbed_message_reaches_no_route() -> None:
    assert handlers("/xremote") == [ABSORB]

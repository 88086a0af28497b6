"""Bound routes are cached by address and type tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from oscbridge import Message
from oscbridge.bridge.routes import binding_cache
from oscbridge.bridge.routes.binding_cache import BindingCache
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.variables import Variable, Variables


class Counted:
    """Counts how often it is bound."""

    def __init__(self) -> None:
        self.bound: list[tuple[str, str | None]] = []

    def bind(
        self, address: str, types: str | None, captures: Mapping[str, str]
    ) -> Callable[[Message], None]:
        self.bound.append((address, types))
        return lambda _message: None


def test_cache_binds_once_for_each_address_and_types() -> None:
    counted = Counted()
    cache = BindingCache(counted.bind)
    heads = (("/a", "i"), ("/a", "i"), ("/a", "f"), ("/b", None), ("/b", None))
    for address, types in heads:
        cache.get(address, types, {})
    assert counted.bound == [("/a", "i"), ("/a", "f"), ("/b", None)]


def test_full_cache_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding_cache, "MAX_BINDINGS", 2)
    counted = Counted()
    cache = BindingCache(counted.bind)
    for address in ("/a", "/b", "/c", "/c", "/a"):
        cache.get(address, "", {})
    assert [address for address, _ in counted.bound] == ["/a", "/b", "/c", "/a"]


def test_long_address_is_not_cached() -> None:
    counted = Counted()
    cache = BindingCache(counted.bind)
    for _ in range(2):
        cache.get("/" + "a" * 1_000, "", {})
    assert len(counted.bound) == 2


def test_message_from_a_worker_is_filtered_while_its_route_is_muted() -> None:
    variables = Variables({"a": Variable(0)})
    route = Route(RouteConfig(set=(("a", "x"),), variables=("a",)), [], variables=variables)
    for value, is_muted in ((1, False), (2, True), (3, False), (4, True)):
        route.counts.is_muted = is_muted
        route.take(Message.of("/in", value), {})
        assert variables.snapshot() == {"a": value - is_muted}
    assert (route.counts.passed, route.counts.filtered) == (2, {"muted": 2})

"""The map of addresses, changed while it is read."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Handler


@pytest.fixture
def quick_collection() -> Iterator[None]:
    """A garbage collection after a few thousand new tuples, and none before."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.set_threshold(2_000, 1_000, 1_000)
    yield
    gc.set_threshold(*thresholds)


class MapsWhenCollected:
    """Garbage whose finalizer maps an address, as another thread could at that moment."""

    def __init__(self, addresses: AddressMap) -> None:
        self.addresses = addresses
        self.cycle = self

    def __del__(self) -> None:
        self.addresses.add("/late/*", Handler(print, []))


def test_match_finds_handlers_although_a_garbage_collection_maps_an_address(
    quick_collection: None,
) -> None:
    addresses = AddressMap()
    handler = Handler(print, [])
    for number in range(4_000):
        addresses.add(f"/{number}/*", handler)
    MapsWhenCollected(addresses)
    assert addresses.match("/5/x") == [(handler, {})]

"""Books that are merged from layers."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import Access, AddressChange, AddressInfo
from oscbridge.address_space.layers import AddressLayers
from oscbridge.address_space.limits import MAX_NODES
from oscbridge.address_space.merging import merged


def combine(infos: Sequence[tuple[int, AddressInfo]]) -> AddressInfo:
    return merged([info for _, info in infos], Access.BOTH)


LAYERS = st.dictionaries(
    st.sampled_from(["/a", "/b", "/c"]), st.sampled_from(["", "f", "i", "s"]), max_size=3
)


@given(st.lists(st.tuples(st.integers(0, 3), LAYERS), max_size=12))
def test_layers_changed_one_by_one_are_as_made_at_once(
    steps: list[tuple[int, dict[str, str]]],
) -> None:
    layers: AddressLayers[int] = AddressLayers(combine)
    last: dict[int, dict[str, AddressInfo]] = {}
    for key, types in steps:
        before = layers.book
        last[key] = {each: AddressInfo(each, tags, origin=str(key)) for each, tags in types.items()}
        layers.replace(key, last[key])
        change = AddressChange.between(before, layers.book)
        assert (layers.book is before) or change or before == layers.book
    at_once: AddressLayers[int] = AddressLayers(combine)
    for key in sorted(last):
        at_once.replace(key, last[key])
    assert dict(layers.book) == dict(at_once.book)


def test_layers_leave_out_addresses_above_the_limit() -> None:
    layers: AddressLayers[int] = AddressLayers(combine)
    infos = {f"/{n}": AddressInfo(f"/{n}") for n in range(MAX_NODES)}
    layers.replace(0, infos)
    more = {f"/more/{n}": AddressInfo(f"/more/{n}") for n in range(3)}
    layers.replace(1, more)
    assert (len(layers.book), layers.left_out) == (MAX_NODES, 3)
    del infos["/7"]
    layers.replace(0, infos, ["/7"])
    assert (len(layers.book), layers.left_out) == (MAX_NODES, 2)
    layers.replace(0, {})
    assert (dict(layers.book), layers.left_out) == (more, 0)


def test_change_names_addresses() -> None:
    old = {each: AddressInfo(each) for each in ("/a", "/b", "/c")}
    new = {"/b": AddressInfo("/b", "f"), "/c": old["/c"], "/d": AddressInfo("/d")}
    assert AddressChange.between(old, new) == AddressChange(("/d",), ("/a",), ("/b",))
    assert not AddressChange.between(old, dict(old))

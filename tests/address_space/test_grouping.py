"""Addresses that differ only in numbers, as one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import AddressInfo
from oscbridge.address_space.grouping import grouped
from oscbridge.osc.number_range import expand_addresses


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["/ch/{01..32}/on"], ["/ch/{01..32}/on"]),
        (["/ch/{8..11}"], ["/ch/{8..11}"]),
        (["/ch/{08..11}"], ["/ch/{08..11}"]),
        (["/ch/{1..2}"], ["/ch/1", "/ch/2"]),
        (["/ch/{1..2}/eq/{1..4}/f"], ["/ch/{1..2}/eq/{1..4}/f"]),
        (["/ch/{01..02}/eq/1", "/ch/03/eq/2"], ["/ch/01/eq/1", "/ch/02/eq/1", "/ch/03/eq/2"]),
        (["/ch{1..3}/on"], ["/ch{1..3}/on"]),
        (["/bus/{1,3,5}/pan"], ["/bus/{1,3,5}/pan"]),
        (["/bus/{1..3}", "/bus/01"], ["/bus/{1,01,2,3}"]),
        (["/b/{1..3}", "/a", "/b/4"], ["/b/{1..4}", "/a"]),
        ([f"/n/{2 * n}" for n in range(17)], [f"/n/{2 * n}" for n in range(17)]),
    ],
)
def test_groups_have_ranges_of_numbers(addresses: Sequence[str], expected: Sequence[str]) -> None:
    infos = [AddressInfo(each) for text in addresses for each, _ in expand_addresses(text)]
    assert [each.info.address for each in grouped(infos)] == expected


def test_groups_have_the_same_facts() -> None:
    infos = [AddressInfo(f"/{n}", "f" if n < 3 else "i") for n in range(6)]
    assert [(e.info.address, e.size) for e in grouped(infos)] == [("/{0..2}", 3), ("/{3..5}", 3)]


def test_groups_describe_all_of_their_addresses() -> None:
    infos = [
        AddressInfo(f"/ch/{ch:02}/bus/7/eq{n}", description=f"Band {n} of channel {ch}, bus 7")
        for ch in range(1, 4)
        for n in range(1, 3)
    ]
    (group,) = grouped(infos)
    assert group.info.address == "/ch/{01..03}/bus/7/eq{1..2}"
    assert group.info.description == "Band … of channel …, bus …"


@given(st.lists(st.from_regex(r"(/[ab]?0?[0-9]{1,2}){1,3}", fullmatch=True), unique=True))
def test_groups_mean_exactly_their_addresses(addresses: list[str]) -> None:
    found = list(grouped(map(AddressInfo, addresses)))
    meant = [address for each in found for address, _ in expand_addresses(each.info.address)]
    assert sorted(meant) == sorted(addresses)
    assert sum(each.size for each in found) == len(addresses)

"""Merging what several sources say about one address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import Access, AddressInfo, AddressOrigin, ValueRange
from oscbridge.address_space.merging import access_of, conflict_of, merged, with_overloads

UNIT = ValueRange(0, 1)
MIDI = ValueRange(0, 127)


def test_merged_takes_each_fact_from_the_first_that_has_it() -> None:
    mine = AddressInfo("/a", ranges=(UNIT,), origin="configuration")
    profile = AddressInfo("/a", "f", (MIDI,), "gain.db", description="A", origin="profile x")
    assert merged([mine, profile], Access.READ) == AddressInfo(
        "/a", "f", (UNIT,), "gain.db", Access.READ, "A", origin="configuration, profile x"
    )


@pytest.mark.parametrize(
    ("types", "other", "fits"),
    [("f", "i", True), ("ff", "id", True), ("f", "s", False), ("f", "ff", False), ("T", "F", True)],
)
def test_merged_takes_ranges_only_from_fitting_types(types: str, other: str, fits: bool) -> None:
    ranges = (UNIT,) * len(other)
    infos = [AddressInfo("/a", types), AddressInfo("/a", other, ranges, unit="gain.db")]
    found = merged(infos, Access.BOTH)
    assert found.types == types
    assert found.ranges == (ranges if fits else ())
    assert found.unit == ("gain.db" if fits else "")
    assert bool(conflict_of(infos)) is not fits


def test_merged_has_all_overloads_but_its_own_types() -> None:
    infos = [AddressInfo("/a", "f", overloads=("s",)), AddressInfo("/a", "i", overloads=("f", "T"))]
    assert merged(infos, Access.BOTH).overloads == ("s", "T")


def test_other_kinds_of_types_are_overloads() -> None:
    info = AddressInfo("/a", "f", overloads=("T",))
    others = [AddressInfo("/a", each) for each in ("i", "s", "", "s", "T")]
    assert with_overloads(info, others).overloads == ("T", "s")
    assert with_overloads(info, others[:1]) is info


def test_merged_keeps_a_single_complete_description() -> None:
    info = AddressInfo("/a", "f", (UNIT,))
    assert merged([info], Access.BOTH) is info


def test_merged_gives_one_range_to_all_numbers() -> None:
    infos = [AddressInfo("/a", ranges=(UNIT,)), AddressInfo("/a", "fsi")]
    assert merged(infos, Access.BOTH).ranges == (UNIT, None, UNIT)


def test_merged_makes_a_number_of_a_range_without_types() -> None:
    assert merged([AddressInfo("/a", ranges=(UNIT,))], Access.BOTH).types == "f"


@pytest.mark.parametrize(
    ("infos", "access"),
    [
        ([(AddressOrigin.CONFIGURATION, Access.READ)], Access.READ),
        ([(AddressOrigin.CONFIGURATION, 1), (AddressOrigin.TRAFFIC, 2)], Access.BOTH),
        ([(AddressOrigin.CONFIGURATION, 3), (AddressOrigin.PROFILE, 2)], Access.WRITE),
        ([(AddressOrigin.MIRRORED, 1), (AddressOrigin.PROFILE, 2)], Access.BOTH),
    ],
)
def test_access_of_a_description_counts_before_that_of_use(
    infos: list[tuple[AddressOrigin, int]], access: Access
) -> None:
    described = [(origin, AddressInfo("/a", access=Access(each))) for origin, each in infos]
    assert access_of(described) == access


INFOS = st.builds(
    AddressInfo,
    st.just("/a"),
    st.sampled_from(["", "f", "i", "ff", "s", "T", "[ff]i"]),
    st.sampled_from([(), (UNIT,), (MIDI, UNIT)]),
    st.sampled_from(["", "gain.db"]),
    description=st.sampled_from(["", "one", "two"]),
    tags=st.sampled_from([(), ("a",), ("a", "b")]),
    origin=st.sampled_from(["configuration", "profile x", "traffic"]),
)


@given(st.lists(INFOS, min_size=1, max_size=5))
def test_merged_never_contradicts_the_first_that_knows(infos: list[AddressInfo]) -> None:
    found = merged(infos, Access.BOTH)
    types = [each.types for each in infos if each.types]
    assert not types or found.types == types[0]
    descriptions = [each.description for each in infos if each.description]
    assert found.description == (descriptions[0] if descriptions else "")
    assert {tag for each in infos for tag in each.tags} == set(found.tags)
    again = merged([found, *infos], Access.BOTH)
    assert again == found

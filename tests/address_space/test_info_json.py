"""Descriptions of addresses as JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import Access, AddressInfo, ValueRange, json_of
from oscbridge.address_space.info_json import info_of


def test_json_has_all_facts() -> None:
    info = AddressInfo(
        "/a", "fi", (ValueRange(0, 1), ValueRange(choices=(1, "b"))), "gain.db", Access.READ,
        "A", ("t",), "profile x", "log", ("both", ""), ("", "color.rgb.r"), True, ("s",),
    )  # fmt: skip
    assert json_of(info) == {
        "address": "/a",
        "types": "fi",
        "ranges": [{"min": 0, "max": 1}, {"choices": [1, "b"]}],
        "unit": "gain.db",
        "access": "read",
        "description": "A",
        "tags": ["t"],
        "origin": "profile x",
        "curve": "log",
        "clip_modes": ["both", ""],
        "extended_types": ["", "color.rgb.r"],
        "critical": True,
        "overloads": ["s"],
    }


def test_json_leaves_out_what_is_not_known() -> None:
    info = AddressInfo("/a", "ff", (None, ValueRange(minimum=0)))
    ranges = [None, {"min": 0}]
    assert json_of(info) == {"address": "/a", "access": "both", "types": "ff", "ranges": ranges}


@given(
    st.builds(
        AddressInfo,
        st.just("/a"),
        st.text(),
        st.lists(
            st.none()
            | st.builds(
                ValueRange,
                st.none() | st.integers(),
                st.none() | st.floats(0, 1),
                st.just(("a", 1)),
            )
        ).map(tuple),
        st.text(),
        st.sampled_from(Access),
        st.text(),
        st.lists(st.text()).map(tuple),
        critical=st.booleans(),
        overloads=st.lists(st.text()).map(tuple),
    )
)
def test_json_can_be_read_again(info: AddressInfo) -> None:
    assert info_of(json.loads(json.dumps(json_of(info)))) == info

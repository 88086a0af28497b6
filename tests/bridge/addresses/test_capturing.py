"""Captures of many addresses at once: the same as those of a pattern."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.address_space import AddressBook, AddressInfo
from oscbridge.bridge.addresses.capturing import MAX_SLOW, CapturePattern
from oscbridge.osc.pattern import Pattern, Subject

PATTERNS = [
    "/a/{n}", "/{m}/{n}", "/{m*}", "/a{m}b/{n*}", "/{m}{n}", "/{m}a{n*}", "/*/{n}", "/a", "/a/?",
    "/{a,b}/{n}", "/{1..3}/{n}",
]  # fmt: skip
ADDRESSES = st.lists(st.from_regex(r"(/[ab1]{1,3}){1,3}", fullmatch=True), unique=True)


@given(st.sampled_from(PATTERNS), ADDRESSES)
def test_captures_are_those_of_the_pattern(text: str, addresses: list[str]) -> None:
    pattern = Pattern(text, mapped=True)
    expected = [(each, pattern.capture(Subject(each))) for each in addresses]
    found = list(CapturePattern(text).find(AddressBook(map(AddressInfo, addresses))))
    assert found == [(address, captures) for address, captures in expected if captures is not None]


@pytest.mark.parametrize(
    ("text", "simple"), [("/{a}/{b}", True), ("/{a}x/{b*}", True), ("/{a}{b}", False)]
)
def test_hostile_addresses_take_bounded_time(text: str, simple: bool) -> None:
    pattern = CapturePattern(text)
    assert pattern.is_simple is simple
    infos = [AddressInfo(f"/{number:05}{'a' * 500}") for number in range(2_500)]
    before = time.process_time()
    count = len(list(pattern.find(AddressBook(infos))))
    assert time.process_time() - before < 10  # half a second on an idle machine
    assert (count, pattern.left_out) == ((0, 0) if simple else (MAX_SLOW, 2_500 - MAX_SLOW))

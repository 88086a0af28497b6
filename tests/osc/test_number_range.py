"""Ranges of numbers in mapped addresses."""

from __future__ import annotations

import pytest

from oscbridge.errors import PatternError
from oscbridge.osc.number_range import MAX_RANGE, count_addresses, expand_addresses, expand_range
from oscbridge.osc.pattern import Pattern, Subject


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1..3", ("1", "2", "3")),
        ("8..11", ("8", "9", "10", "11")),
        ("08..11", ("08", "09", "10", "11")),
        ("0..2", ("0", "1", "2")),
        ("001..002", ("001", "002")),
        ("7..7", ("7",)),
    ],
)
def test_range_is_padded_like_its_first_number(text: str, numbers: tuple[str, ...]) -> None:
    assert expand_range(text) == numbers


@pytest.mark.parametrize("text", ["", "1", "a..b", "1..", "..2", "1...3", "-1..3", "1..2..3"])
def test_other_text_is_not_a_range(text: str) -> None:
    assert expand_range(text) is None


@pytest.mark.parametrize("text", ["3..1", f"1..{MAX_RANGE + 1}", "0..999999999"])
def test_range_that_goes_down_or_is_too_long_is_rejected(text: str) -> None:
    with pytest.raises(PatternError, match="range"):
        expand_range(text)


def test_addresses_are_expanded_in_order_with_what_was_chosen() -> None:
    address = "/ch/{01..02}/{mix,eq}/{name}"
    assert list(expand_addresses(address)) == [
        ("/ch/01/mix/{name}", ("01", "mix", "{name}")),
        ("/ch/01/eq/{name}", ("01", "eq", "{name}")),
        ("/ch/02/mix/{name}", ("02", "mix", "{name}")),
        ("/ch/02/eq/{name}", ("02", "eq", "{name}")),
    ]
    assert count_addresses(address) == 4


@pytest.mark.parametrize(
    ("text", "address", "matches"),
    [
        ("/ch/{01..32}/mix/fader", "/ch/07/mix/fader", True),
        ("/ch/{01..32}/mix/fader", "/ch/7/mix/fader", False),
        ("/ch/{01..32}/mix/fader", "/ch/33/mix/fader", False),
        ("/ch/{1..4,main}/on", "/ch/main/on", True),
        ("/ch/{1..4,main}/on", "/ch/3/on", True),
        ("/{1..12}{a,b}", "/11b", True),
    ],
)
def test_mapped_address_with_a_range_matches_its_numbers(
    text: str, address: str, matches: bool
) -> None:
    assert Pattern(text, mapped=True).matches(Subject(address)) is matches


def test_range_in_a_mapped_address_is_not_a_capture() -> None:
    assert Pattern("/ch/{01..32}/{what}", mapped=True).captures == ("what",)


def test_incoming_pattern_has_no_ranges() -> None:
    assert not Pattern("/ch/{1..4}").matches(Subject("/ch/2"))


@pytest.mark.parametrize("text", ["/{4..1}", "/{1..x}", "/{..}", "/{1..2000}"])
def test_mapped_address_with_an_impossible_range_is_rejected(text: str) -> None:
    with pytest.raises(PatternError):
        Pattern(text, mapped=True)

"""Time tags: conversion between NTP and Unix time."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.osc import IMMEDIATELY, TimeTag

SECOND = 1_000_000_000
FIRST = -61_505_152 * SECOND  # 1968-01-20 03:14:08: the highest bit of NTP's seconds is set
KNOWN = [
    ("the Unix epoch", 0, 2_208_988_800 << 32),
    ("half a second later", SECOND // 2, (2_208_988_800 << 32) + (1 << 31)),
    ("the last second before the wrap", 2_085_978_495 * SECOND, 0xFFFFFFFF << 32),
    ("the wrap", 2_085_978_496 * SECOND, 0),
    ("a second after the wrap", 2_085_978_497 * SECOND, 1 << 32),
    ("2004, of the OSC 1.0 era", 1_072_915_200 * SECOND, 3_281_904_000 << 32),
    ("the first tag", FIRST, 1 << 63),
    ("the last second of all", FIRST + (1 << 32) * SECOND - SECOND, 0x7FFFFFFF << 32),
]
known = pytest.mark.parametrize(
    ("nanoseconds", "tag"), [case[1:] for case in KNOWN], ids=[case[0] for case in KNOWN]
)


@known
def test_unix_time_becomes_a_time_tag(nanoseconds: int, tag: int) -> None:
    assert TimeTag.from_unix_ns(nanoseconds) == tag


@known
def test_time_tag_becomes_unix_time(nanoseconds: int, tag: int) -> None:
    assert TimeTag(tag).unix_ns() == nanoseconds


@given(st.integers(FIRST, FIRST + (1 << 32) * SECOND - 1))
def test_every_nanosecond_survives(nanoseconds: int) -> None:
    assert TimeTag.from_unix_ns(nanoseconds).unix_ns() == nanoseconds


@given(st.integers(0, 2**64 - 1))
def test_time_tag_survives_to_its_nanosecond(tag: int) -> None:
    back = TimeTag.from_unix_ns(TimeTag(tag).unix_ns())
    difference = (back - tag + (1 << 63)) % (1 << 64) - (1 << 63)
    assert abs(difference) <= 3  # of the 4.3 units in a nanosecond


@given(st.integers(FIRST, FIRST + (1 << 32) * SECOND - 2))
def test_order_is_kept_across_the_wrap(nanoseconds: int) -> None:
    first, second = TimeTag.from_unix_ns(nanoseconds), TimeTag.from_unix_ns(nanoseconds + 1)
    assert first.unix_ns() < second.unix_ns()


def test_fraction_is_rounded_to_the_nearest() -> None:
    epoch = 2_208_988_800 << 32
    assert [TimeTag.from_unix_ns(n) - epoch for n in (1, 2, 3)] == [4, 9, 13]  # 4.29 each
    assert [TimeTag(epoch + n).unix_ns() for n in (1, 2, 3, 4, 6, 7)] == [0, 0, 1, 1, 1, 2]


def test_fraction_that_is_rounded_up_carries_into_the_second() -> None:
    assert TimeTag((2_208_988_800 << 32) + 0xFFFFFFFF).unix_ns() == SECOND


def test_seconds_can_be_read_and_written_as_a_float() -> None:
    tag = TimeTag.from_unix(1_700_000_000.25)
    assert tag == TimeTag.from_unix_ns(1_700_000_000_250_000_000)
    assert tag.unix() == 1_700_000_000.25


def test_time_tag_has_seconds_and_a_fraction() -> None:
    tag = TimeTag(0x0000000580000001)
    assert (tag.seconds, tag.fraction) == (5, 0x80000001)


def test_tags_one_and_zero_mean_immediately() -> None:
    assert IMMEDIATELY == 1
    assert [TimeTag(n).immediate for n in (0, 1, 2, 1 << 63)] == [True, True, False, False]


def test_time_tag_is_an_instant_in_utc() -> None:
    instant = datetime.datetime(2030, 5, 6, 7, 8, 9, 123456, tzinfo=datetime.UTC)
    assert TimeTag.from_unix_ns(round(instant.timestamp()) * SECOND + 123_456_789).datetime() == (
        instant
    )


def test_time_tag_shows_its_64_bits() -> None:
    assert repr(TimeTag(1)) == "TimeTag(0x0000000000000001)"


def test_items_are_those_of_the_pair_that_it_unpacks_to() -> None:
    tag = TimeTag(3_900_000_000 << 32 | 1 << 31)
    when, fraction = tag
    assert (tag[0], tag[1], tag[-1]) == (when, fraction, fraction)
    assert tag[:] == (when, fraction)
    assert len(tag) == 2
    with pytest.raises(IndexError):
        tag[2]


def test_time_tag_of_zero_is_false_as_an_integer() -> None:
    assert not TimeTag(0)
    assert TimeTag(1)

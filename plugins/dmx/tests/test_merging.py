"""Several sources of one universe."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.merging import SourceMerger


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def merger(clock: Clock) -> SourceMerger:
    return SourceMerger(2.5, clock)


def take(
    merger: SourceMerger,
    source: str,
    levels: bytes,
    priority: int = 100,
    *,
    sequence: int | None = None,
    is_last: bool = False,
) -> bytes:
    assert merger.take(source, DmxFrame(1, levels, sequence, priority, is_last), max_sources=2)
    return merger.levels


def test_highest_level_takes_precedence_among_equal_priorities(merger: SourceMerger) -> None:
    take(merger, "a", b"\1\5\3")
    assert take(merger, "b", b"\2\4") == b"\2\5\3"


def test_only_the_highest_priority_counts(merger: SourceMerger) -> None:
    take(merger, "a", b"\x09", 100)
    assert take(merger, "b", b"\1", 101) == b"\1"
    assert take(merger, "a", b"\x0a", 100) == b"\1"


def test_source_that_ends_is_not_merged_any_more(merger: SourceMerger) -> None:
    take(merger, "a", b"\x09", 100)
    take(merger, "b", b"\1", 101)
    assert take(merger, "b", b"\7", 101, is_last=True) == b"\x09"


def test_silent_source_is_not_merged_any_more(merger: SourceMerger, clock: Clock) -> None:
    take(merger, "a", b"\x09", 200)
    clock.now = 2.5
    assert take(merger, "b", b"\1", 100) == b"\x09"
    clock.now = 2.6
    assert take(merger, "b", b"\2", 100) == b"\2"


def test_levels_stay_when_the_last_source_ends(merger: SourceMerger) -> None:
    take(merger, "a", b"\x09")
    assert take(merger, "a", b"\0", is_last=True) == b"\x09"


def test_overtaken_packet_is_an_error(merger: SourceMerger) -> None:
    take(merger, "a", b"\1", sequence=10)
    with pytest.raises(oscbridge.DecodeError, match="packet 9 of universe 1 after 10") as caught:
        take(merger, "a", b"\2", sequence=9)
    assert caught.value.reason == "sequence"
    assert merger.levels == b"\1"
    assert take(merger, "b", b"\3", sequence=9) == b"\3"


def test_source_that_was_silent_may_start_again(merger: SourceMerger, clock: Clock) -> None:
    take(merger, "a", b"\2", sequence=10)
    clock.now = 3.0
    assert take(merger, "a", b"\1", sequence=5) == b"\1"


def test_number_of_sources_is_limited(merger: SourceMerger, clock: Clock) -> None:
    take(merger, "a", b"\1")
    clock.now = 1.0
    take(merger, "b", b"\2")
    assert not merger.take("c", DmxFrame(1, b"\3", None), max_sources=2)
    clock.now = 3.0  # the first is gone
    assert take(merger, "c", b"\3") == b"\3"

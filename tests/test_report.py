"""Reports at a bounded rate."""

from __future__ import annotations

import logging

import pytest

from oscbridge.report import Reporter


class Clock:
    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reporter(clock: Clock, every: float = 10.0, kinds: int = 256) -> Reporter:
    return Reporter(logging.getLogger("test"), every, kinds, clock)


def test_the_first_of_a_kind_is_logged_at_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    reports.report("a", "one")
    reports.report("b", "two")
    assert caplog.messages == ["one", "two"]


@pytest.mark.parametrize("now", [0.0, 0.3, 3.7, 1e9 + 0.1])
@pytest.mark.parametrize("every", [0.1, 0.7, 10.0, 1e10])
def test_the_first_is_logged_whatever_the_time_is(
    now: float, every: float, caplog: pytest.LogCaptureFixture
) -> None:
    reporter(Clock(now), every).report("a", "one")
    assert caplog.messages == ["one"]


def test_more_of_a_kind_are_counted_and_told_with_the_next_line(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    for n in range(5):
        reports.report("a", f"text {n}")
    clock.now += 9.9
    reports.report("a", "just within")
    clock.now += 0.2
    reports.report("a", "later")
    clock.now += 11
    reports.report("a", "alone")
    assert caplog.messages == ["text 0", "later (5 more in 10 s)", "alone"]


def test_beyond_the_number_of_kinds_others_share_a_line(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock, kinds=2)
    for kind in "abcdeabcde":
        reports.report(kind, kind)
    assert caplog.messages == ["a", "b", "c"]
    clock.now += 11
    reports.report("f", "f")
    assert len(caplog.messages) == 4


def test_kinds_are_told_apart_again_once_older_ones_are_past(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock, kinds=2)
    for kind in "abcd":
        reports.report(kind, kind)
    clock.now += 11
    for kind in "xy":
        reports.report(kind, kind)
    assert caplog.messages == ["a", "b", "c", "x", "y"]


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    reports = reporter(clock, kinds=10)
    for n in range(1_000):
        clock.now += 0.01 * (n % 3)
        reports.report(n, "text")
        assert len(reports._seen) <= 11


def test_a_report_has_its_level_and_its_error(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("broken")
    reports = reporter(clock)
    reports.report("a", "100 % wrong", level=logging.ERROR, error=error)
    reports.report("b", "plain")
    first, second = caplog.records
    assert first.message == "100 % wrong"
    assert first.levelno == logging.ERROR
    assert first.exc_info is not None
    assert first.exc_info[1] is error
    assert second.levelno == logging.WARNING
    assert not second.exc_info

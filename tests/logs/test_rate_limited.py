"""Log lines at a limited rate."""

from __future__ import annotations

import logging
import re
import threading
import weakref

import pytest

from oscbridge.dispatch.statistics import Reporting
from oscbridge.logs.rate_limited import MAX_TEXT, RateLimitedLog


class Clock:
    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reporter(clock: Clock, every: float = 10.0, kinds: int = 256) -> RateLimitedLog:
    return RateLimitedLog(logging.getLogger("test"), every, kinds, clock)


def test_first_event_of_a_kind_is_logged_at_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    reports.report("a", "one")
    reports.report("b", "two")
    assert caplog.messages == ["one", "two"]


@pytest.mark.parametrize("now", [0.0, 0.3, 3.7, 1e9 + 0.1])
@pytest.mark.parametrize("every", [0.1, 0.7, 10.0, 1e10])
def test_first_event_is_logged_at_any_clock_time(
    now: float, every: float, caplog: pytest.LogCaptureFixture
) -> None:
    reporter(Clock(now), every).report("a", "one")
    assert caplog.messages == ["one"]


def test_repeated_events_of_a_kind_are_summarised_in_one_line(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    for n in range(5):
        reports.report("a", f"text {n}")
    clock.now += 9.9
    reports.report("a", "just within")
    clock.now += 0.2
    reports.report("a", "later")
    assert caplog.messages == ["text 0", "later (6 more in 10 s)"]


def test_flush_logs_the_summary_after_events_have_stopped(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    for n in range(5):
        reports.report("a", f"text {n}", level=logging.ERROR if n else logging.WARNING)
    clock.now += 9.9
    reports.flush()
    assert caplog.messages == ["text 0"]
    clock.now += 0.1
    reports.flush()
    reports.flush()
    assert caplog.messages == ["text 0", "text 4 (4 more in 10 s)"]
    assert caplog.records[-1].levelno == logging.ERROR


def test_error_that_lasts_for_weeks_is_logged_once_per_minute(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    for _ in range(600):
        reports.report("a", "again")
        reports.flush()
        clock.now += 1
    assert caplog.messages == ["again", "again (10 more in 10 s)"] + 9 * ["again (60 more in 60 s)"]


def test_first_event_after_a_quiet_period_is_logged_at_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    reports.report("a", "one")
    clock.now += 5
    reports.report("a", "two")
    clock.now += 5
    reports.flush()
    clock.now += 60
    reports.flush()
    reports.report("a", "three")
    assert caplog.messages == ["one", "two (1 more in 10 s)", "three"]


def test_flush_everything_logs_all_summaries(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    reports = reporter(clock)
    for _ in range(3):
        reports.report("a", "one")
    clock.now += 0.2
    reports.flush(everything=True)
    reports.flush(everything=True)
    assert caplog.messages == ["one", "one (2 more in 1 s)"]


def test_count_adds_several_events(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    reports = reporter(clock)
    for _ in range(3):
        reports.report("a", "64 lost", count=64)
    reports.flush(everything=True)
    assert caplog.messages == ["64 lost", "64 lost (128 more in 1 s)"]


def test_kinds_above_the_limit_share_a_line(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    reports = reporter(clock, kinds=2)
    for kind in "abcdeabcde":
        reports.report(kind, kind)
    assert caplog.messages == ["a", "b", "c"]
    clock.now += 11
    reports.report("f", "f")
    assert caplog.messages[3:] == [
        "a (1 more in 11 s)",
        "b (1 more in 11 s)",
        "e (5 more in 11 s)",
    ]
    clock.now += 61
    reports.flush()
    assert caplog.messages[6:] == ["f (1 more in 61 s)"]


def test_expired_kinds_make_room_for_others(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    reports = reporter(clock, kinds=2)
    for kind in "abcd":
        reports.report(kind, kind)
    clock.now += 11
    for kind in "xy":
        reports.report(kind, kind)
    assert caplog.messages == ["a", "b", "c", "d (1 more in 11 s)", "x", "y"]


def test_log_memory_is_bounded(clock: Clock) -> None:
    reports = reporter(clock, kinds=10)
    for n in range(1_000):
        clock.now += 0.01 * (n % 3)
        reports.report(n, "text" * 1_000)
        reports.report(n, "text" * 1_000)
        assert len(reports._kinds) <= 11
    assert all(len(known.text) <= MAX_TEXT for known in reports._kinds.values())
    for _ in range(3):
        clock.now += 61
        reports.flush()
    assert not reports._kinds


def test_summary_does_not_keep_an_error(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    reports = reporter(clock)
    reports.report("a", "one")
    error = Slip()
    gone = weakref.ref(error)
    reports.report("a", "two", error=error)
    del error
    assert gone() is None


class Slip(Exception):
    """An error that supports weak references."""


class Counting(logging.Handler):
    """Adds up the counts in log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def emit(self, record: logging.LogRecord) -> None:
        more = re.search(r"\((\d+) more in", record.getMessage())
        self.total += int(more[1]) if more else 1


def test_counts_of_many_threads_are_complete() -> None:
    logger = logging.Logger("test")
    counting = Counting()
    logger.addHandler(counting)
    reports = RateLimitedLog(logger, every=0.001, kinds=8, later=0.002)
    threads = [
        threading.Thread(target=lambda: [reports.report(n % 20, "text") for n in range(5_000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        reports.flush()
    reports.flush(everything=True)
    assert counting.total == 40_000


def test_line_that_logs_itself_does_not_block_others(clock: Clock) -> None:
    logger = logging.Logger("test")
    reports = RateLimitedLog(logger, clock=clock)

    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            thread = threading.Thread(target=lambda: reports.report("log", "cannot be written"))
            thread.start()
            thread.join(5)
            assert not thread.is_alive()

    first = [True]
    failing = Failing()
    failing.addFilter(lambda _record: first.pop() if first else False)
    logger.addHandler(failing)
    reports.report("a", "one")
    assert not first


def test_report_has_its_level_and_its_error(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
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


def test_line_names_its_part(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    reports = RateLimitedLog(logging.getLogger("test"), clock=clock, part="bridge.stage")
    reports.report("a", "one", detail="Traceback ...")
    (record,) = caplog.records
    assert (record.__dict__["part"], record.__dict__["detail"]) == ("bridge.stage", "Traceback ...")


def test_flush_reports_logs_the_summaries(caplog: pytest.LogCaptureFixture) -> None:
    reporting = Reporting(logging.getLogger("test"))
    reporting.part = "bridge.stage"
    for _ in range(3):
        reporting.report_failure("handler x", ValueError("no"))
    reporting.flush_reports()
    reporting.flush_reports(everything=True)
    text = "handler x raised ValueError('no')"
    assert caplog.messages == [text, f"{text} (2 more in 1 s)"]
    assert {record.__dict__["part"] for record in caplog.records} == {"bridge.stage"}


def test_forgotten_kind_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    log = RateLimitedLog(logging.getLogger("forgotten"))
    log.report("kind", "first")
    log.report("kind", "second")
    log.forget("kind")
    log.report("kind", "third")
    assert [text.partition(" (")[0] for text in caplog.messages] == ["first", "second", "third"]

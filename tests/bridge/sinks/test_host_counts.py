"""What an endpoint tells its host to count, whatever it says."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from oscbridge import DecodeError
from oscbridge.bridge.sinks.drops import MAX_REASONS
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.options import Options
from oscbridge.testing import RecordingEndpoint

PEER = ("127.0.0.1", 9)
OPTIONS = RunnerOptions(policy="drop_oldest", on_start="retry", queue_size=10)
Report = Callable[[EndpointRunner, Any, Any], None]

REPORTS: dict[str, tuple[Report, Callable[[EndpointRunner], Counter[str]]]] = {
    "dropped": (lambda host, *args: host.dropped(*args), lambda host: host.drops),
    "client_dropped": (
        lambda host, *args: host.client_dropped(*args),
        lambda host: host.client_drops,
    ),
    "input_dropped": (
        lambda host, *args: host.input_dropped(*args),
        lambda host: host.dispatcher.statistics.dropped,
    ),
}
each_report = pytest.mark.parametrize("name", REPORTS)


@pytest.fixture
def host() -> EndpointRunner:
    return EndpointRunner(RecordingEndpoint("desk", Options()), "collect", OPTIONS)


@each_report
@pytest.mark.parametrize("count", [-5, -(10**30), 1.5, float("nan"), None, "3"], ids=str)
def test_number_that_is_not_valid_is_logged_once_and_not_counted(
    name: str, count: Any, host: EndpointRunner, caplog: pytest.LogCaptureFixture
) -> None:
    report, counts = REPORTS[name]
    report(host, "lost", 2)
    for _ in range(3):
        report(host, "lost", count)
    assert counts(host) == {"lost": 2}
    assert host.dispatcher.statistics.held == 0
    (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    text = f"{count!r} is not a valid number of lost messages (lost); it is not counted"
    assert line.getMessage() == text


@each_report
@pytest.mark.parametrize("reason", [None, 404, ("a", "b")], ids=str)
def test_reason_that_is_no_text_is_counted_as_text(
    name: str, reason: Any, host: EndpointRunner
) -> None:
    report, counts = REPORTS[name]
    report(host, reason, 2)
    assert counts(host) == {repr(reason): 2}


@each_report
def test_reasons_that_are_counted_are_bounded(name: str, host: EndpointRunner) -> None:
    report, counts = REPORTS[name]
    for number in range(1_000):
        report(host, f"message {number}", 1)
    assert len(counts(host)) == MAX_REASONS + 1
    assert counts(host)["other"] == 1_000 - MAX_REASONS


def test_reasons_of_bad_input_are_bounded_text(host: EndpointRunner) -> None:
    host.bad_input(DecodeError(None, "a mistake"), PEER)  # type: ignore[arg-type]
    for number in range(1_000):
        host.bad_input(DecodeError(f"message {number}", "a mistake"), PEER)
    bad = host.dispatcher.statistics.bad
    assert bad["None"] == 1
    assert len(bad) == MAX_REASONS + 1
    assert bad.total() == 1_001

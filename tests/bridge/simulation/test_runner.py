"""Tests of a configuration, as they run."""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from tested_configuration import BRIDGE, TYPES

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.simulation import runner
from oscbridge.bridge.simulation.report import reason_of_failure
from oscbridge.bridge.simulation.runner import CaseResult, run_case
from oscbridge.osc.text import format_message
from oscbridge.plugins.manager import Plugins


def results(text: str, bridge: str = BRIDGE) -> list[CaseResult]:
    configuration = parse(bridge + text, TYPES, "test.toml", with_tests=True)
    return [run_case(configuration, Plugins([]), case) for case in configuration.tests]


def result(route: str, test: str, bridge: str = BRIDGE) -> CaseResult:
    routes = "" if not route else f'[[route]]\nfrom = "stage"\nto = "synth"\n{route}\n'
    (found,) = results(f'{routes}[[test]]\nname = "test"\nfrom = "stage"\n{test}\n', bridge)
    return found


def received(found: CaseResult) -> list[str]:
    return [f"{e.at:.4g} {e.to} {format_message(e.message)}" for e in found.received]


CONTROL = 'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]\nsend = "/control 1 {n} {0}"'


def test_expected_message_passes() -> None:
    test = 'send = "/1/fader3 0.5"\nexpect = "synth /control 1 3 64"\nnever = "web *"'
    found = result(CONTROL, test)
    assert found.passed
    assert reason_of_failure(found) == ""


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ('expect = "synth /control 1 3 63"', "synth: argument 3 is 64 (i): /control 1 3 64"),
        ('expect = ["synth /control *", "synth /x"]', "synth: missing /x"),
        ('expect = "web /control 1 3 64"', "web: missing /control 1 3 64"),
        ('expect = { at = 1, to = "synth", message = "*" }', "synth: it arrived at 0 s: /control"),
        ('never = "* /control"', "never * /control: synth /control 1 3 64"),
        ('never = "s* /control 1 _ 64"', "never s* /control 1 _ 64: synth /control 1 3 64"),
    ],
)
def test_other_messages_fail(test: str, reason: str) -> None:
    found = result(CONTROL, f'send = "/1/fader3 0.5"\n{test}')
    assert not found.passed
    assert reason_of_failure(found).startswith(reason)


@pytest.mark.parametrize("offset", ["", "Z", "+05:30"])
def test_test_starts_at_its_date_and_time(offset: str) -> None:
    now = f"2026-12-31T23:59:59{offset}"
    start = datetime.fromisoformat(now).timestamp()
    sent = 'send = ["/a", { at = 1.5, message = "/a" }]\n'
    expected = f'expect = ["synth /now ,d {start}", "synth /now ,d {start + 1.5}"]'
    assert result('send = "/now {= now : d}"', f"now = {now}\n{sent}{expected}").passed


def test_unexpected_message_fails_only_at_a_named_endpoint() -> None:
    twice = 'send = ["/1/fader3 0.5", "/1/fader4 0.5"]\n'
    found = result(CONTROL, twice + 'expect = "synth /control 1 3 64"')
    assert reason_of_failure(found) == "synth: unexpected /control 1 4 64"
    assert result(CONTROL, twice + 'never = "web"').passed


def test_order_counts_for_each_endpoint() -> None:
    route = 'match = "/{a,b}"'
    test = 'send = ["/a", "/b"]\nexpect = ["synth /{0}", "synth /{1}"]'
    assert result(route, test.format("a", "b")).passed
    assert not result(route, test.format("b", "a")).passed


def test_delay_of_an_hour_runs_at_once() -> None:
    began = time.monotonic()
    found = result("delay = 3600", """
        send = ["/a 1", { at = 0.5, message = "/a 2" }]
        expect = [{ at = 3600, to = "synth", message = "/a 1" }, "synth /a 2"]""")  # fmt: skip
    assert received(found)[:2] == ["0 everything /a ,i 1", "0.5 everything /a ,i 2"]
    assert [each.at for each in found.received[2:]] == [pytest.approx(3600), pytest.approx(3600.5)]
    assert found.passed
    assert time.monotonic() - began < 10


def test_limit_and_on_change_work_by_the_simulated_clock() -> None:
    found = result('limit = "10/s"\non_change = true', """
        send = ["/a 1", "/a 2", "/a 2", "/a 3", { at = 5, message = "/a 3" }, "/a 4"]
        expect = [
            { at = 0, to = "synth", message = "/a 1" },
            { at = 0.1, to = "synth", message = "/a 3" },
            { at = 5, to = "synth", message = "/a 4" },
        ]""")  # fmt: skip
    assert found.passed, reason_of_failure(found)


def test_now_in_expressions_follows_the_simulated_clock() -> None:
    found = result('send = "/now {= now : d}"', """
        send = ["/a", { at = 1000, message = "/a" }]
        expect = "synth *" """)  # fmt: skip
    first, second = (e.message.args[0] for e in found.received if e.to == "synth")
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert second - first == pytest.approx(1000, abs=1)
    assert abs(first - time.time()) < 60


def test_each_test_starts_with_fresh_routes() -> None:
    test = '[[test]]\nname = "{}"\nfrom = "stage"\nsend = "/a 1"\nexpect = "synth /a 1"\n'
    route = '[[route]]\nfrom = "stage"\non_change = true\nto = "synth"\n'
    assert [e.passed for e in results(route + test.format("a") + test.format("b"))] == [True, True]


def test_source_of_each_message_may_differ_and_bridges_may_fork() -> None:
    found = results(
        """
        [[route]]
        from = "desk"
        send = "/desk {*}"
        to = "synth"
        [[test]]
        name = "a"
        from = "stage"
        send = ["/a 1", { message = "/a 2", from = "desk" }]
        expect = ["synth /desk 2", "everything /a 1", "everything /a 2"]
        """
    )
    assert [each.passed for each in found] == [True]


def test_endpoint_is_a_source() -> None:
    found = result("", """
        send = { message = "/a 1", from = "web" }
        expect = "everything /a 1" """)  # fmt: skip
    assert found.passed


def test_disabled_route_gets_nothing() -> None:
    assert result("enabled = false", 'send = "/a"\nnever = "synth"').passed


def test_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", pytest.fail)
    monkeypatch.setattr(socket, "socketpair", pytest.fail)
    assert result("delay = 1", 'send = "/a"\nexpect = "synth /a"').passed


def test_message_that_a_step_loses_fails_the_test() -> None:
    found = result('send = "/b {1}"', 'send = "/a"\nnever = "web"')
    assert reason_of_failure(found) == "route 1 (*): 1 message lost: missing argument {1}"


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the module ``show_under_test``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "show_under_test", raising=False)

    def write(body: str) -> None:
        text = f"from oscbridge import Message\ndef f(message):\n    {body}\n"
        (tmp_path / "show_under_test.py").write_text(text)

    return write


FUNCTION = 'function = "show_under_test:f"'


def test_function_runs(function: Callable[[str], None]) -> None:
    function("return [Message.of('/x', 1), Message.of('/x', 2)]")
    assert result(FUNCTION, 'send = "/a"\nexpect = ["synth /x 1", "synth /x 2"]').passed


@pytest.mark.parametrize("error", ["ValueError('below zero')", "SystemExit(3)"])
def test_function_that_raises_fails_the_test_with_its_error(
    function: Callable[[str], None], error: str
) -> None:
    function(f"raise {error}")
    found = result(FUNCTION, 'send = "/a"\nexpect = "synth /x 1"')
    assert error.partition("(")[0] in found.errors[0]
    assert "show_under_test:f failed" in reason_of_failure(found)


def test_prints_of_functions_are_kept(
    function: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    function("print('hello'); return message")
    assert result(FUNCTION, 'send = "/a"\nexpect = "synth /a"').printed == "hello\n"
    assert capsys.readouterr().out == ""


def test_message_that_cannot_be_sent_fails_the_test(function: Callable[[str], None]) -> None:
    function("return Message('/x', 'i', ('text',))")
    found = result(FUNCTION, 'send = "/a"\nnever = "web"')
    assert "show_under_test:f failed" in reason_of_failure(found)


def test_more_messages_than_allowed_end_the_test(
    function: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MAX_RECEIVED", 10)
    function("return [message] * 100")
    found = result(FUNCTION, 'send = ["/a", { at = 1, message = "/a" }]\nnever = "web"')
    assert len(found.received) == 10
    assert reason_of_failure(found) == "stopped after 10 messages"


def test_log_of_the_routes_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []  # so that the last resort would print
    try:
        result('send = "/b {1}"', 'send = "/a"\nnever = "web"')
    finally:
        root.handlers = handlers
    assert capfd.readouterr() == ("", "")

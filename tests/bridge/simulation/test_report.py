"""How a failed test of a configuration is shown."""

from __future__ import annotations

from tested_configuration import BRIDGE, TYPES

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.simulation.report import failure_lines
from oscbridge.bridge.simulation.runner import run_case
from oscbridge.bridge.trace_text import plain
from oscbridge.plugins.manager import Plugins

CONTROL = 'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]\nsend = "/control 1 {n} {0}"'


def report(route: str, test: str, more: str = "") -> str:
    routes = f'{more}[[route]]\nfrom = "stage"\nto = "synth"\n{route}\n'
    text = f'{BRIDGE}{routes}[[test]]\nname = "test"\nfrom = "stage"\n{test}\n'
    configuration = parse(text, TYPES, "test.toml", with_tests=True)
    plugins = Plugins([])
    (found,) = [run_case(configuration, plugins, case) for case in configuration.tests]
    return "\n".join(failure_lines(found, App(configuration, plugins), plain))


def test_report_shows_the_difference_and_the_trace() -> None:
    assert report(CONTROL, 'send = "/1/fader3 0.5"\nexpect = "synth /control 1 3 63"') == (
        "synth: expected (-) and received (+)\n"
        "    - /control 1 3 63\n"
        "    + /control 1 3 64    argument 3 is 64 (i)\n"
        "\n"
        "received by endpoints that are not under 'expect':\n"
        "      everything /1/fader3 0.5\n"
        "\n"
        "/1/fader3 ,f 0.5 from bridge stage\n"
        "  route 1 (/1/fader{n})\n"
        "    match  /1/fader{n}         {n} = 3\n"
        "    scale  [0.0, 1.0, 0, 127]  /1/fader3 ,i 64\n"
        "    send   /control 1 {n} {0}  /control ,iii 1 3 64\n"
        "    to     synth               sink\n"
        "  a plugin sends it to everything unchanged"
    )


def test_report_shows_times_and_leaves_out_what_is_as_expected() -> None:
    expect = ", ".join(f'"synth /a {n}"' for n in range(9))
    sent = ", ".join(f'"/a {n}"' for n in range(9))
    text = report("delay = 0.25", f'send = [{sent}, "/b"]\nexpect = [{expect}, "synth /c"]')
    assert text.startswith(
        "synth: expected (-) and received (+)\n"
        "      … 7 messages as expected\n"
        "         0.25 s  /a 7\n"
        "         0.25 s  /a 8\n"
        "    -            /c\n"
        "    +    0.25 s  /b    another address\n"
    )


def test_report_shows_a_trace_once_for_messages_on_the_same_way() -> None:
    text = report("delay = 0.25", 'send = ["/a 1", "/a 2"]\nnever = "synth"')
    assert "never synth: but received\n" in text
    assert text.endswith("/a ,i 2 from bridge stage\n  as /a ,i 1")


def test_report_counts_routes_that_do_not_match() -> None:
    text = report('match = "/other"', 'send = "/a"\nexpect = "synth /a"')
    assert "\n/a , from bridge stage\n  1 route does not match\n" in text


def test_traces_show_the_variables_as_they_were() -> None:
    text = report(
        'match = "/go"\nset = { armed = "not var.armed" }\nsend = "/x {= var.armed}"',
        'send = ["/go 1", "/go 2"]\nexpect = "synth /x"',
        "[variables]\narmed = false\n",
    )
    first, second = text.split("/go ,i 2 from bridge stage")
    assert "armed = not var.armed  False → True" in first
    assert "armed = not var.armed  True → False" in second


def test_traces_show_what_edge_and_on_change_had_kept() -> None:
    text = report('when = "x > 0"\nedge = "rising"', 'send = ["/a 1", "/a 2"]\nexpect = "synth /b"')
    assert "edge   rising  yes: the condition was not true before\n" in text
    assert "edge   rising  no: the condition was true before, too\n" in text
    text = report("on_change = true", 'send = ["/a 1", "/a 1"]\nexpect = "synth /b"')
    assert "on_change  true   yes: its values differ from the last ones there\n" in text
    assert "on_change  true  no: its values are the last ones there\n" in text


def test_traces_show_what_a_message_meets_in_limit_debounce_and_hold() -> None:
    sent = 'send = ["/a 1", "/a 2", "/a 3"]\nexpect = "synth /b"'
    assert "waits, instead of the message before it, which is lost" in report('limit = "1/s"', sent)
    assert "waits, instead of the message before it, for 1 s" in report("debounce = 1", sent)
    assert "belongs to the press that has begun before" in report("hold = 1", sent)
    short = report("hold = 1", 'send = ["/a 1", "/a 0"]\nexpect = "synth /b"')
    assert "a release, before the press was long enough" in short


def test_trace_shows_the_time_of_the_test() -> None:
    text = report(
        'when = "now > 1_000_000_001"',
        'now = 2001-09-09T01:46:40Z\nsend = ["/a", { at = 2, message = "/b" }]\nnever = "synth"',
    )
    first, second = text.split("/b , from bridge stage")
    assert "now > 1_000_000_001  false" in first
    assert "now > 1_000_000_001  true" in second


def test_traces_begin_before_the_message_with_which_a_test_begins_to_fail() -> None:
    sent = ", ".join(f'"/a {n}"' for n in range(20))
    wanted = ", ".join(f'"synth /b {n}"' for n in range(18))
    text = report('send = "/b {0}"', f"send = [{sent}]\nexpect = [{wanted}]")
    assert "… 14 messages sent before\n/a ,i 14 from bridge stage\n" in text
    assert "/a ,i 18 from bridge stage\n" in text
    assert text.endswith("… 1 message more sent")


def test_failing_let_is_named_in_the_error_and_the_trace() -> None:
    text = report(
        'let = { one = "1", db = "20 * log(x)" }\nsend = "/b {= db + one}"',
        'send = "/a 0"\nexpect = "synth /b"',
    )
    line = "let db = '20 * log(x)' failed: math domain error (x = 0)"
    assert text.startswith(f"error: route 1 (*): 1 message lost: {line}\n")
    assert f"lost: {line}\n" in text.partition("from bridge stage")[2]

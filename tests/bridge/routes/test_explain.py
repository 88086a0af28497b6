"""The trace of a message through the routes, step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import oscbridge
from oscbridge import Endpoint, Message, Origin
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.routes.explain import RouteTrace, Step, sources, trace


class Plain(Endpoint):
    async def send(self, message: Message) -> None:
        raise AssertionError("nothing is sent")


class ChannelRoute(oscbridge.Options):
    channel: int = 1
    text: str | None = None
    echo: bool = False


class Synth(Endpoint[oscbridge.Options, oscbridge.Delivery[ChannelRoute]]):
    async def send(self, delivery: oscbridge.Delivery[ChannelRoute]) -> None:
        raise AssertionError("nothing is sent")


TYPES: dict[str, type[Endpoint]] = {"plain": Plain, "synth": Synth}
FADER = Message.of("/1/fader3", 0.5)


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "trace_functions.py").write_text(
        "from oscbridge import Message\n"
        "def none(m): return None\n"
        "def two(m): return [Message.of('/1', *m.args), Message.of('/2', m.origin.source)]\n"
        "def fails(m): raise KeyError('x')\n"
        "def half(m):\n    yield m\n    raise KeyError('x')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("trace_functions", None)


def configuration(*routes: str) -> Configuration:
    text = """
    [bridge.stage]
    [bridge.other]
    listen = "udp://127.0.0.1:9001"
    [endpoint.out]
    type = "plain"
    [endpoint.keys]
    type = "synth"
    """
    for route in routes:
        lines = "\n".join(
            line
            for line in ('from = "stage"', 'to = "out"')
            if not any(each.startswith(line[:4].rstrip(" =") + " =") for each in route.split("\n"))
        )
        text += f"\n[[route]]\n{lines}\n{route}"
    return parse(text, TYPES, "show.toml")


def steps(route: str, message: Message = FADER) -> list[Step]:
    (found,) = trace(configuration(route), "stage", message._replace(origin=Origin("stage")))
    return list(found.steps)


def test_trace_shows_every_step_in_order() -> None:
    route = "\n".join(
        [
            'match = "/1/fader{n}"',
            'types = "f"',
            "scale = [0.0, 1.0, 0, 127]",
            'send = "/control 1 {n} {0}"',
            'function = "trace_functions:two"',
            "on_change = true",
            'limit = "30/s"',
            "delay = 0.5",
            'to = ["keys", "out"]',
            "synth = { channel = 3, echo = true }",
        ]
    )
    assert steps(route) == [
        Step("match", "/1/fader{n}", "{n} = 3"),
        Step("types", "f", "matches"),
        Step("scale", "[0.0, 1.0, 0, 127]", "/1/fader3 ,i 64"),
        Step("send", "/control 1 {n} {0}", "/control ,iii 1 3 64"),
        Step("function", "trace_functions:two", "/1 ,iii 1 3 64"),
        Step("function", "trace_functions:two", '/2 ,s "stage"'),
        Step("on_change", "true", "passes if its values differ from the last ones there"),
        Step("limit", "30/s", "at most one per 33.3 ms per address; the last one arrives"),
        Step("delay", "0.5", "500 ms later"),
        Step("to", "keys", "synth { channel = 3, echo = true }", "sent"),
        Step("to", "out", "plain", "sent"),
    ]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (
            "debounce = 0.2",
            Step("debounce", "0.2", "the last one passes after 200 ms without another one there"),
        ),
        ("hold = 1.5", Step("hold", "1.5", "passes if the first argument stays true for 1.5 s")),
        (
            "ramp = 2",
            Step("ramp", "2", "numbers glide from the last values there within 2 s"),
        ),
    ],
)
def test_trace_explains_steps_that_take_time(line: str, step: Step) -> None:
    assert steps(line)[1:] == [step, Step("to", "out", "plain", "sent")]


def test_trace_ends_at_a_hold_with_a_release() -> None:
    found = steps("hold = 1", Message.of("/1/fader3", 0.0))
    why = "no: the first argument is not true: a release"
    assert found[1:] == [Step("hold", "1", why, "stopped")]


def test_trace_of_a_route_without_expressions_takes_a_capture_of_any_name() -> None:
    found = steps('match = "/1/{x}"\nsend = "/to/{x} {0}"')
    assert found[1] == Step("send", "/to/{x} {0}", "/to/fader3 ,f 0.5")


def test_trace_of_a_route_without_steps_sends_the_message_unchanged() -> None:
    assert steps("") == [Step("match", "*", "matches"), Step("to", "out", "plain", "sent")]


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ("/1/fader4", "no: a different address"),
        ("/2/*", "no: the address does not begin with '/2/'"),
        ("/1/{n}/x", "no: the address does not end with '/x'"),
        ("/1/push{n}", "no: the address does not begin with '/1/push'"),
        ("/1/{a,b}3", "no: /1/fader3 does not match"),
    ],
)
def test_trace_explains_why_an_address_does_not_match(match: str, why: str) -> None:
    assert steps(f'match = "{match}"') == [Step("match", match, why, "stopped")]


def test_trace_shows_an_expression_of_several_lines_in_one() -> None:
    found = steps('when = """\n  x > 0 and\n  x < 1\n"""')
    assert Step("when", "x > 0 and x < 1", "yes: x = 0.5") in found


def test_trace_names_the_types_that_do_not_match() -> None:
    assert steps('types = "i"')[1:] == [Step("types", "i", "no: the types are 'f'", "stopped")]


def test_trace_shows_the_curve_with_the_scale() -> None:
    step = steps("scale = [0.0, 1.0, 0, 100]\ncurve = 2")[1]
    assert step == Step("scale", "[0.0, 1.0, 0, 100] curve 2", "/1/fader3 ,i 25")


@pytest.mark.parametrize(
    ("route", "last"),
    [
        (
            'send = "/x {1}"',
            Step("send", "/x {1}", "lost: missing argument {1}", "stopped"),
        ),
        (
            'function = "trace_functions:none"',
            Step("function", "trace_functions:none", "returns no message", "stopped"),
        ),
        (
            'function = "trace_functions:fails"',
            Step(
                "function",
                "trace_functions:fails",
                "lost: trace_functions:fails failed: KeyError: 'x'",
                "stopped",
            ),
        ),
    ],
)
def test_trace_shows_where_a_message_is_lost(route: str, last: Step) -> None:
    (step,) = steps(route)[1:]
    assert step._replace(result=step.result.partition(" (/")[0]) == last


def test_trace_keeps_messages_from_before_a_failure() -> None:
    found = steps('function = "trace_functions:half"')
    assert [step.outcome for step in found] == ["passed", "passed", "stopped", "sent"]


def test_trace_shows_that_the_scale_drops_nan() -> None:
    found = steps("scale = [0, 1, 0, 1]", Message.of("/x", float("nan")))
    assert found[-1] == Step("scale", "[0, 1, 0, 1]", "lost: cannot scale NaN", "stopped")


def test_trace_passes_a_message_without_type_tags() -> None:
    assert steps("scale = [0, 1, 0, 1]", Message("/x", None))[-1].outcome == "sent"


def test_trace_compares_a_pattern_with_plain_matches() -> None:
    message = Message.of("/1/*", 1)
    assert steps('match = "/1/fader3"', message)[-1].outcome == "sent"
    assert steps('match = "/2/x"', message)[-1].result.startswith("no: the address is a pattern")


def test_trace_explains_that_an_address_pattern_is_not_captured() -> None:
    (step,) = steps('match = "/1/fader{n}"', Message.of("/1/fader*", 1))
    why = "no: the address is a pattern, and this match captures parts of an address"
    assert step == Step("match", "/1/fader{n}", why, "stopped")


def test_trace_shows_the_routes_of_the_source_with_their_numbers() -> None:
    made = configuration('from = "other"', "", 'from = ["other", "stage"]')
    assert [each.number for each in trace(made, "stage", FADER)] == [2, 3]


def test_route_trace_reports_whether_it_sends() -> None:
    assert RouteTrace(1, "route 1 (*)", (Step("to", "out", "", "sent"),)).sent
    assert not RouteTrace(1, "route 1 (*)", (Step("match", "*", "", "stopped"),)).sent


def test_sources_are_all_bridges_and_the_endpoints_that_routes_read() -> None:
    assert sources(configuration()) == ["stage", "other"]
    assert sources(configuration('from = "keys"')) == ["stage", "other", "keys"]

"""Configuration of routes: every step, options for endpoint types, and impossible routes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, ValidationInfo, field_validator

import oscbridge
from oscbridge import ConfigurationError, Endpoint
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.endpoints.osc.endpoint import OSCEndpoint


class Plain(Endpoint):
    async def send(self, message: oscbridge.Message) -> None:
        pass


class SynthRoute(oscbridge.Options):
    channel: Annotated[int, Field(ge=1, le=16)] = 1
    kind: str = "control"
    note: str = ""

    @field_validator("note")
    @classmethod
    def _is_captured(cls, value: str, info: ValidationInfo) -> str:
        oscbridge.check_captures(value.split(), info)
        return value


class Synth(Endpoint[oscbridge.Options, oscbridge.Delivery[SynthRoute]]):
    async def send(self, delivery: oscbridge.Delivery[SynthRoute]) -> None:
        pass


class Limit(Synth):
    """Its type has the name of a route's key."""


TYPES: dict[str, type[Endpoint]] = {
    "plain": Plain,
    "synth": Synth,
    "limit": Limit,
    "osc": OSCEndpoint,
}
TABLES = """
[bridge.stage]
[endpoint.out]
type = "plain"
[endpoint.keys]
type = "synth"
[endpoint.pads]
type = "synth"
"""


def good(lines: str, to: str = '"out"') -> Configuration:
    return parse(f'{TABLES}[[route]]\nfrom = "stage"\nto = {to}\n{lines}', TYPES, "show.toml")


def problems(lines: str, to: str = '"out"') -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        good(lines, to)
    return [line.removeprefix("show.toml: ") for line in str(caught.value).splitlines()]


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "route_functions.py").write_text("def f(message): return message\nnumber = 5\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("route_functions", None)


# --- valid ------------------------------------------------------------------------------


def test_every_step_is_read() -> None:
    lines = """
    match = "/1/fader{n}"
    types = "f"
    scale = [0.0, 1.0, 0, 127]
    curve = 2
    send = "/control 1 {n} {0}"
    function = "route_functions:f"
    on_change = true
    limit = "30/s"
    ramp = 1.5
    delay = 0.5
    """
    (route,) = good(lines).routes
    assert route == RouteConfig(
        "/1/fader{n}",
        "f",
        (0.0, 1.0, 0, 127),
        2.0,
        "/control 1 {n} {0}",
        "route_functions:f",
        on_change=True,
        limit=30.0,
        ramp=1.5,
        delay=0.5,
        sources=route.sources,
        to=route.to,
    )
    assert route.scale is not None
    assert [type(number) for number in route.scale] == [float, float, int, int]


def test_route_without_steps_has_none() -> None:
    (route,) = good("").routes
    assert route == RouteConfig(sources=route.sources, to=route.to)
    assert not route.is_stateful


@pytest.mark.parametrize(
    ("text", "rate"), [("1/s", 1.0), ("0.5/s", 0.5), ("1000000/s", 1e6), ("0.001/s", 0.001)]
)
def test_limit_is_a_rate(text: str, rate: float) -> None:
    assert good(f'limit = "{text}"').routes[0].limit == rate


@pytest.mark.parametrize("types", ["", "ifs", "[ff]i", "TFNI"])
def test_types_are_type_tags(types: str) -> None:
    assert good(f'types = "{types}"').routes[0].types == types


# --- one problem, one line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("type = 1", "type: unknown key; did you mean 'types'?"),
        ("scael = 1", "scael: unknown key; did you mean 'scale'?"),
        ("curv = 1", "curv: unknown key; did you mean 'curve'?"),
        ("sned = 1", "sned: unknown key; did you mean 'send'?"),
        ("func = 1", "func: unknown key; did you mean 'function'?"),
        ("onchange = true", "onchange: unknown key; did you mean 'on_change'?"),
        ("limt = 1", "limt: unknown key; did you mean 'limit'?"),
        ("dealy = 1", "dealy: unknown key; did you mean 'delay'?"),
        (
            "xyz = 1",
            "xyz: unknown key; known keys: curve, debounce, delay, edge, enabled, from, function, "
            "hold, json, let, limit, match, name, on_change, ramp, relative, scale, send, set, to, "
            "types, when",
        ),
        ("types = 5", "types = 5: expected text in quotes"),
        ('types = ",f"', "types = ',f': must not start with a comma; write 'f'"),
        ('types = "q"', "types = 'q': unknown type tag 'q'"),
        ('types = "[f"', "types = '[f': unclosed '[' in ,[f"),
        ("scale = 5", "scale = 5: expected four numbers: [in_low, in_high, out_low, out_high]"),
        ("scale = [0, 1, 2]", "scale = [0, 1, 2]: expected four numbers"),
        ("scale = [0, 1, true, 2]", "scale = [0, 1, True, 2]: expected four numbers"),
        ('scale = [0, 1, "a", 2]', "scale = [0, 1, 'a', 2]: expected four numbers"),
        ("scale = [1, 1, 0, 2]", "scale = [1, 1, 0, 2]: in_low and in_high must differ"),
        ("scale = [0, inf, 0, 2]", "scale = [0, inf, 0, 2]: the numbers must be finite"),
        ("scale = [0, 1, nan, 2]", "scale = [0, 1, nan, 2]: the numbers must be finite"),
        ("scale = [0, 1, 0, 1e300]", "the numbers must be finite and fit 32 bits"),
        ("scale = [0, 1, 0, 3000000000]", "whole numbers must fit 32 bits; write a float"),
        ("scale = [0,1,0,1]\ncurve = 0", "curve = 0: must be more than 0.0; the default is 1.0"),
        ("scale = [0,1,0,1]\ncurve = inf", "curve = inf: must be at most 100.0"),
        ("send = 5", "send = 5: expected text in quotes"),
        (
            'send = ["/a", "/b"]',
            "send = ['/a', '/b']: expected one text, not a list; write a [[route]] for each",
        ),
        ('match = ["/a"]', "match = ['/a']: expected one text, not a list; write a [[route]]"),
        ('send = ""', "send = '': missing address"),
        (
            'send = "/x {m}"',
            "send = '/x {m}': unknown placeholder {m}; captured by the match: none",
        ),
        ('match = "/{n}"\nsend = "/x {m}"', "unknown placeholder {m}; captured by the match: {n}"),
        ('send = "/x {0"', "unclosed '{' at position 4"),
        ("function = 5", "function = 5: expected text in quotes"),
        ('function = "f"', "function = 'f': write it as module:callable, for example my_show:"),
        ('function = "route_missing:f"', "unknown module 'route_missing'; put"),
        ('function = "route_functions:g"', "'route_functions' has no 'g'"),
        ('function = "route_functions:number"', "not a function"),
        ("on_change = 5", "on_change = 5: expected true or false; the default is false"),
        ("limit = 30", 'limit = 30: expected messages per second, e.g. "30/s"'),
        ('limit = "30"', "limit = '30': expected messages per second"),
        ('limit = "0/s"', "limit = '0/s': expected messages per second"),
        ('limit = "1e3/s"', "limit = '1e3/s': expected messages per second"),
        ('limit = "0.0001/s"', "limit = '0.0001/s': expected messages per second"),
        ("debounce = 0", "debounce = 0: must be more than 0.0"),
        ("hold = 3601", "hold = 3601: must be at most 3600.0"),
        ('ramp = "1s"', "ramp = '1s': expected a number"),
        (
            "ramp = 1\ndebounce = 1",
            "ramp = 1.0: cannot be combined with 'debounce'; use one of debounce, hold, ramp",
        ),
        ("hold = 1\ndebounce = 1", "hold = 1.0: cannot be combined with 'debounce'"),
        ("delay = -1", "delay = -1: must be at least 0.0"),
        ("delay = 3601", "delay = 3601: must be at most 3600.0"),
        ("delay = nan", "delay = nan: must be at"),
        ('delay = "long"', "delay = 'long': expected a number"),
        ('match = "/a/[]"', "match = '/a/[]': matches no address: [] matches no character"),
        ('match = "/[/]x"', "match = '/[/]x': matches no address: [/] matches no character"),
    ],
)
def test_problem_of_a_step_is_one_clear_line(line: str, problem: str) -> None:
    (found,) = problems(line)
    assert found.startswith("route 1: ")
    assert problem in found
    assert "None" not in found


@pytest.mark.parametrize("key", ["from", "to"])
def test_duplicate_name_is_a_problem(key: str) -> None:
    names = {"from": '"stage"', "to": '"out"', key: '["out", "keys", "out"]'}
    text = f"{TABLES}[[route]]\nfrom = {names['from']}\nto = {names['to']}"
    with pytest.raises(ConfigurationError) as caught:
        parse(text, TYPES, "show.toml")
    assert str(caught.value) == (
        f"show.toml: route 1: {key} = ['out', 'keys', 'out']: duplicate name 'out'"
    )


def test_problems_of_all_steps_are_reported_at_once() -> None:
    assert len(problems('send = "x"\nfunction = "f"\nramp = 1\nhold = 1')) == 3


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ("curve = 2", "curve = 2.0: has no effect without 'scale'; add 'scale'"),
        ('hold = 1\nsend = "/x"', "hold = 1.0: every message of 'send' has the same first"),
        ('hold = 1\nsend = "/x 1 {0}"', "hold = 1.0: every message of 'send' has the same first"),
        ('hold = 1\ntypes = ""', "hold = 1.0: messages with types = '' have no first argument"),
        (
            'types = "s[f]"\nscale = [0, 1, 0, 127]',
            "scale = [0, 1, 0, 127]: has no effect: messages with types = 's[f]' have no number",
        ),
        ('edge = "rising"', "edge = 'rising': has no effect without 'when'"),
    ],
)
def test_step_without_effect_is_a_warning(
    lines: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    good(lines)
    (found,) = [each for each in caplog.messages if "route 1: " in each]
    assert found.startswith(f"show.toml: route 1: {warning}")


# --- impossible steps --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            'types = "f"\nsend = "/x {3}"',
            "route 1: send = '/x {3}': missing argument {3}: messages of types 'f' have "
            "one argument",
        ),
        (
            'types = "b"\nsend = "/x {0:f}"',
            "route 1: send = '/x {0:f}': cannot convert {0:f}: type 'b' is not a number",
        ),
    ],
)
def test_step_that_can_never_apply_is_a_problem(lines: str, problem: str) -> None:
    assert problems(lines) == [problem]


@pytest.mark.parametrize(
    "lines",
    [
        'send = "/x {3}"',
        'types = "iiii"\nsend = "/x {3}"',
        'types = "i"\nscale = [0, 1, 0, 1]',
        'types = "si"\nscale = [0, 1, 0, 1]',
        'types = "s"\nsend = "/x {0:f}"',
        'match = "/[!]x"',
        'match = "/[!/]"',
        'match = "/living room/*"',
    ],
)
def test_step_that_can_apply_is_valid(lines: str) -> None:
    assert good(lines).routes


# --- options for types of endpoints ------------------------------------------------------------


def test_options_of_a_type_apply_to_each_endpoint_of_that_type() -> None:
    (route,) = good("synth = { channel = 3 }", '["keys", "out", "pads"]').routes
    assert {name: options.model_dump() for name, options in route.options.items()} == {
        "keys": {"channel": 3, "kind": "control", "note": ""},
        "pads": {"channel": 3, "kind": "control", "note": ""},
    }


def test_options_can_be_a_separate_table() -> None:
    (route,) = good("[route.synth]\nchannel = 3", '"keys"').routes
    assert route.options["keys"] == SynthRoute(channel=3)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "synth = { chanel = 3 }",
            "route 1: synth.chanel: unknown key; did you mean 'channel'?",
        ),
        (
            "synth = { channel = 17 }",
            "route 1: synth.channel = 17: must be at most 16; the default is 1",
        ),
        ("synth = 3", "route 1: synth = 3: expected a table, e.g. { key = value }"),
        (
            "plain = { a = 1 }",
            "route 1: plain: endpoints of this type have no options in a route; remove it",
        ),
        (
            "sinth = { channel = 3 }",
            "route 1: sinth: unknown endpoint type; did you mean 'synth'?",
        ),
        (
            "mqtt = { qos = 1 }",
            "route 1: mqtt: unknown endpoint type; "
            "install the plugin that offers it: pip install oscbridge-mqtt",
        ),
    ],
)
def test_problem_in_the_options_of_a_type_is_one_clear_line(line: str, problem: str) -> None:
    assert problems(line, '["keys", "out"]') == [problem]


@pytest.mark.parametrize(
    ("match", "offered"), [("/a", "none"), ("/{m}", "{m}"), ("/{m}/{o}", "{m}, {o}")]
)
def test_options_can_reject_a_name_that_the_match_does_not_capture(
    match: str, offered: str
) -> None:
    line = f'match = "{match}"\nsynth = {{ note = "n" }}'
    assert problems(line, '"keys"') == [
        f"route 1: synth.note = 'n': unknown placeholder {{n}}; captured by the match: {offered}"
    ]


@pytest.mark.parametrize("match", ["/{n}", "/{n}/{o}"])
def test_options_can_name_a_capture_of_the_match(match: str) -> None:
    assert good(f'match = "{match}"\nsynth = {{ note = "n" }}', '"keys"').routes


def test_options_without_a_known_match_can_use_any_name() -> None:
    assert SynthRoute(note="n").note == "n"
    assert problems('match = "/[x"\nsynth = { note = "n" }', '"keys"') == [
        "route 1: match = '/[x': unclosed '[' at position 1"
    ]


# --- routes that an endpoint can check ---------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ('match = "/a/b"', "/a/b"),
        ('match = "/a/b"\nsend = "/c {0}"', "/c"),
        ('match = "/a/*"\nsend = "/c {0}"', "/c"),
        ('match = "/a/b"\nsend = "{address} 1"', "/a/b"),
        ('match = "/a/b"\nscale = [0, 1, 0, 2]', "/a/b"),
        ('match = "/a/*"', None),
        ('match = "/a/{n}"', None),
        ('match = "/a/{n}"\nsend = "/c/{n}"', None),
        ('match = "/a/b"\nsend = "/c/{0}"', None),
        ('match = "/a/b"\nfunction = "route_functions:f"', None),
        ("", None),
    ],
)
def test_endpoint_knows_a_constant_target_address_of_a_route(
    lines: str, address: str | None
) -> None:
    assert good(lines).routes_to["out"] == (oscbridge.RouteInfo(None, address),)


def test_endpoint_knows_all_its_routes_with_its_options() -> None:
    text = 'match = "/a"\nsynth = { channel = 3 }\n'
    text += '[[route]]\nfrom = "stage"\nto = ["keys", "out"]\nmatch = "/b"\n'
    configuration = good(text, '"keys"')
    assert configuration.routes_to == {
        "out": (oscbridge.RouteInfo(None, "/b"),),
        "keys": (
            oscbridge.RouteInfo(SynthRoute(channel=3), "/a"),
            oscbridge.RouteInfo(None, "/b"),
        ),
        "pads": (),
    }


def test_options_of_a_type_without_an_endpoint_under_to_are_a_problem() -> None:
    assert problems("synth = { channel = 3 }") == [
        "route 1: synth: no endpoint under 'to' is of this type; remove it"
    ]


def test_invalid_endpoint_still_has_its_type() -> None:
    text = """
    [bridge.stage]
    [endpoint.keys]
    type = "synth"
    nonsense = 1
    [[route]]
    from = "stage"
    to = "keys"
    synth = { channel = 3 }
    """
    with pytest.raises(ConfigurationError) as caught:
        parse(text, TYPES, "show.toml")
    (line,) = str(caught.value).splitlines()
    assert "endpoint.keys.nonsense: unknown key" in line


def test_options_are_checked_in_an_invalid_route() -> None:
    assert len(problems("synth = { channel = 17 }\ndelay = -1", '"keys"')) == 2


def test_type_with_the_name_of_a_key_does_not_replace_the_key() -> None:
    assert good('limit = "30/s"').routes[0].limit == 30.0


# --- loops -------------------------------------------------------------------------------------


def ring(first: str = "", second: str = "", to_a: str = "udp://127.0.0.1:9000") -> str:
    return f"""
    [bridge.a]
    listen = "udp://127.0.0.1:9000"
    [bridge.b]
    listen = "udp://0.0.0.0:9001"
    [endpoint.to_b]
    type = "osc"
    to = "udp://127.0.0.1:9001"
    [endpoint.to_a]
    type = "osc"
    to = "{to_a}"
    [[route]]
    from = "a"
    to = "to_b"
    {first}
    [[route]]
    from = "b"
    to = "to_a"
    {second}
    """


def endless(text: str) -> list[str]:
    try:
        parse(text, TYPES, "show.toml")
    except ConfigurationError as error:
        lines = [line.removeprefix("show.toml: ") for line in str(error).splitlines()]
        assert all("endless loop" in line for line in lines)
        return lines
    return []


def test_loop_of_routes_is_a_problem_that_shows_the_loop() -> None:
    assert endless(ring()) == [
        "route 1: to = 'to_b': endless loop: messages sent there come back unchanged: "
        "a → to_b → b → to_a → a; change the address with 'send', or narrow 'match'"
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('match = "/x/*"', ""),
        ('match = "/x/{n}"', 'match = "/x/{n}"'),
        ("scale = [0, 1, 0, 127]", ""),
        ('limit = "1/s"', "delay = 1"),
        ("debounce = 1", "ramp = 1"),
        ('send = "{address} {0}"', ""),
        ('types = "f"', 'types = "f"'),
        ('types = "f"', ""),
    ],
)
def test_loop_that_keeps_the_address_is_a_problem(first: str, second: str) -> None:
    assert len(endless(ring(first, second))) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('match = "/x/*"', 'match = "/y/*"'),
        ('match = "/x/*"', 'match = "/x/1"'),
        ('send = "/y {0}"', ""),
        ('send = "/x{address}"', ""),
        ('function = "route_functions:f"', ""),
        ("", "on_change = true"),
        ("", "hold = 1"),
        ('types = "f"', 'types = "i"'),
        ('types = "f"\nscale = [0, 1, 0, 127]', ""),
        ('types = "f"', 'send = "{address} 1"'),
    ],
)
def test_loop_that_can_end_is_valid(first: str, second: str) -> None:
    assert endless(ring(first, second)) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_loop_is_found_under_any_host_name_of_this_machine(host: str) -> None:
    assert endless(ring(to_a=f"udp://{host}:9000"))


@pytest.mark.parametrize(
    "url", ["tcp://127.0.0.1:9000", "udp://127.0.0.1:9002", "udp://192.0.2.1:9000"]
)
def test_routes_to_another_machine_are_valid(url: str) -> None:
    assert endless(ring(to_a=url)) == []


def test_endpoint_that_sends_to_its_own_source_bridge_ends_the_loop_itself() -> None:
    text = """
    [bridge.a]
    [endpoint.again]
    type = "osc"
    to = "udp://127.0.0.1:9000"
    [[route]]
    from = "a"
    to = "again"
    """
    assert endless(text) == []


def test_two_endpoints_that_send_to_their_source_bridge_are_a_loop() -> None:
    text = """
    [bridge.a]
    [endpoint.one]
    type = "osc"
    to = "udp://127.0.0.1:9000"
    [endpoint.two]
    type = "osc"
    to = "udp://127.0.0.1:9000"
    [[route]]
    from = "a"
    to = ["one", "two"]
    """
    assert len(endless(text)) == 1


def test_peers_that_answer_each_other_are_not_a_loop() -> None:
    text = """
    [endpoint.one]
    type = "osc"
    listen = "127.0.0.1:9000"
    to = "udp://127.0.0.1:9001"
    [endpoint.two]
    type = "osc"
    listen = "127.0.0.1:9001"
    to = "udp://127.0.0.1:9000"
    [[route]]
    from = "one"
    to = "one"
    [[route]]
    from = "two"
    to = "two"
    """
    assert endless(text) == []


# --- names ------------------------------------------------------------------------------


def test_name_of_a_route_is_read() -> None:
    assert [route.name for route in good('name = "Main-Faders_2"').routes] == ["Main-Faders_2"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("main faders", "invalid name; use up to 64 letters a-z, digits, '-' and '_'"),
        ("", "invalid name; use up to 64 letters a-z, digits, '-' and '_'"),
        ("#1b2c", "invalid name; use up to 64 letters a-z, digits, '-' and '_'"),
        ("x" * 65, "invalid name; use up to 64 letters a-z, digits, '-' and '_'"),
        ("12", "looks like the number of a route; add a letter"),
    ],
)
def test_invalid_name_of_a_route_is_a_problem(name: str, problem: str) -> None:
    assert problems(f'name = "{name}"') == [f"route 1: name = {name!r}: {problem}"]


def test_duplicate_name_of_a_route_is_a_problem() -> None:
    other = 'name = "faders"\n[[route]]\nname = "faders"\nfrom = "stage"\nto = "out"'
    (problem,) = problems(other)
    assert problem == ("route 2: name = 'faders': duplicate name: route 1 has it too; rename one")


def test_problem_of_a_route_names_it() -> None:
    assert problems('name = "faders"\nlimit = "0/s"') == [
        "route faders: limit = '0/s': expected messages per second, e.g. \"30/s\""
    ]

"""Expressions in routes: let, when and send."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.explain import trace
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.errors import ConfigurationError


def run(
    config: RouteConfig, message: Message, **captures: str
) -> tuple[list[Message], PureSteps, list[str]]:
    """The messages that the steps make of one, the steps, and why messages are lost."""
    made: list[Message] = []
    lost: list[str] = []
    steps = PureSteps(config, lambda _reason, text, _error: lost.append(text))
    call = steps.bind(message.address, message.types, captures, made.append)
    assert call is not None
    call(message)
    return made, steps, lost


def test_other_arguments_have_their_types_after_scale() -> None:
    config = RouteConfig(scale=(0, 1, 0, 127), send="/a {0} {= x} {= types}")
    (made,), _, _ = run(config, Message.of("/in", 0.5))
    assert (made.types, made.args) == ("iis", (64, 64, "i"))


@pytest.mark.parametrize(
    ("send", "args", "types", "expected"),
    [
        ("/a {= x * 127 : i}", (0.5,), "i", (64,)),
        ("/a {=x*2}", (3,), "i", (6,)),
        ("/a {= x * 2}", (1 << 30,), "h", (1 << 31,)),
        ("/a {= x * 2}", (0.25,), "f", (0.5,)),
        ("/a {= x + '!'}", ("go",), "s", ("go!",)),
        ("/a {= x > 1}", (2,), "T", (True,)),
        ("/a {= x > 1} {0} {= x} 7", (0,), "FiiI".replace("I", "i"), (False, 0, 0, 7)),
        ('/a "level {= -90 + 100 * x ** 0.5} dB"', (0.25,), "s", ("level -40 dB",)),
        ("/a {= x : s} {*}", (1.0,), "sf", ("1", 1.0)),
    ],
)
def test_expression_in_send_becomes_an_argument(
    send: str, args: tuple[Any, ...], types: str, expected: tuple[Any, ...]
) -> None:
    (made,), _, _ = run(RouteConfig(send=send), Message.of("/in", *args))
    assert (made.address, made.types, made.args) == ("/a", types, expected)


def test_expression_in_the_address_becomes_text() -> None:
    config = RouteConfig(match="/fader{ch}", send="/ch/{= ch + 1}/mix/fader {0}")
    (made,), _, _ = run(config, Message.of("/fader3", 0.5), ch="3")
    assert (made.address, made.args) == ("/ch/4/mix/fader", (0.5,))


def test_condition_lets_only_true_messages_pass() -> None:
    config = RouteConfig(when="x > 0.5")
    made, steps, _ = run(config, Message.of("/in", 0.7))
    assert made == [Message.of("/in", 0.7)]
    made, steps, _ = run(config, Message.of("/in", 0.3))
    assert (made, steps.counts.filtered, steps.counts.failed) == ([], {"when": 1}, {})


def test_missing_argument_makes_the_condition_false() -> None:
    made, steps, lost = run(RouteConfig(when="y > 0.5"), Message.of("/in", 0.7))
    assert (made, lost, steps.counts.filtered) == ([], [], {"when": 1})


def test_x_is_scaled_in_send_only() -> None:
    config = RouteConfig(
        let=(("raw", "x"), ("twice", "raw * 2")),
        when="x == 0.5",
        scale=(0.0, 1.0, 0, 127),
        send="/a {= x} {= raw} {= twice}",
    )
    (made,), _, _ = run(config, Message.of("/in", 0.5))
    assert (made.types, made.args) == ("iff", (64, 0.5, 1.0))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RouteConfig(when="x > 'a'"), "'x > 'a''"),
        (RouteConfig(let=(("a", "1 / x"),)), "'1 / x' failed: division by zero (x = 0)"),
        (RouteConfig(let=(("a", "y"),)), "'y' failed: missing argument"),
        (RouteConfig(send="/a {= y : i}"), "'y' failed: missing argument"),
        (RouteConfig(send="/a {= args}"), "the result is a list, not a number or a text"),
        (RouteConfig(send="/a {= 'a' : i}"), "'a' is not a whole number"),
        (RouteConfig(send="/a {= 10**60 * 1.0}"), "does not fit into 32 bits"),
        (RouteConfig(let=(("a", "10**30"),)), "the result does not fit 64 bits"),
    ],
)
def test_failing_expression_drops_the_message(config: RouteConfig, expected: str) -> None:
    made, steps, (lost,) = run(config, Message.of("/in", 0))
    assert (made, steps.counts.failed) == ([], {"expression": 1})
    assert expected.strip("'") in lost.replace('"', "'").replace("''", "'")


def test_lists_of_lists_cannot_stand_for_millions_of_items() -> None:
    let = [("a0", "[x, x, x, x, x, x, x, x]")]
    for number in range(1, 32):
        let.append((f"a{number}", f"[{', '.join([f'a{number - 1}'] * 8)}]"))
    config = RouteConfig(let=tuple(let), send="/a {= len(a31)}")
    made, steps, (lost,) = run(config, Message.of("/in", 0))
    assert (made, steps.counts.failed) == ([], {"expression": 1})
    assert lost.startswith("let a5 = ")
    assert "more than 65536 items" in lost


def test_expressions_reach_a_worker() -> None:
    config = RouteConfig(let=(("a", "x"),), when="a > 1", send="/a {= a}")
    assert RouteConfig.from_pure(json.loads(json.dumps(config.pure()))) == config


def configuration(route: str) -> Configuration:
    return parse(
        '[bridge.in]\nlisten = "udp://127.0.0.1:9000"\n'
        '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:9001"\n'
        '[variables]\narmed = false\nlevel = 0.5\ntitle = "intro"\n'
        f'[[route]]\nfrom = "in"\nto = "out"\n{route}\n',
        {"osc": OSCEndpoint},
        "show.toml",
    )


@pytest.mark.parametrize(
    ("route", "key", "expected"),
    [
        ('when = "x > treshold"', "when", "unknown name 'treshold' at position 5"),
        ('let = { len = "x" }', "let.len", "is a function of expressions; rename it"),
        ('let = { a = "b", b = "x" }', "let.a", "unknown name 'b'"),
        ('send = "/a {= x ** }"', "send", "unexpected end at position 4"),
        ('send = "/a {= }"', "send", "empty expression"),
        ('types = "s"\nwhen = "x > 0.5"', "when", "fails with types = 's': '>' not supported"),
        ('types = "i"\nwhen = "y > 0.5"', "when", "messages have 1 argument"),
        ('types = "s"\nwhen = "x > 0.5 and var.armed"', "when", "types = 's': '>' not"),
        ('types = "s"\nwhen = "var.level < x"', "when", "'<' not supported"),
        ('types = "if"\nlet = { a = "x", b = "a + z" }', "let.b", "messages have 2 arguments"),
        ('types = "s"\nlet = { a = "x" }\nwhen = "a > 0.5"', "when", "'>' not supported"),
        ('types = "f"\nlet = { a = "upper(x)" }', "let.a", "upper() needs text, not float"),
        ('when = "x in 5"', "when", "fails for all messages: argument of type 'int'"),
        ('when = "9 ** 9 ** 9 > x"', "when", "9 ** 9 ** 9 always fails"),
        ('send = "/a {= x + 1 / 0}"', "send", "1 / 0 always fails: division by zero"),
        ("set = { title = \"'a' * 99_999\" }", "set.title", "always fails"),
        ('let = { if = "x" }', "let.if", "let 'if' is not a name"),
        ('match = "/{x}"\nwhen = "x == 1"', "when", "capture 'x' is a name of expressions"),
    ],
)
def test_expression_that_cannot_work_is_a_problem(route: str, key: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configuration(route)
    assert key in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("route", "key", "expected"),
    [
        ('when = "True"', "when", "True is always true"),
        ('when = "x > 1 or 2"', "when", "2 is always true at position 10"),
        ('types = "f"\nwhen = "len(args) == 1"', "when", "is always true with types = 'f'"),
        ('types = "f"\nwhen = "x > 0 and len(args) > 1"', "when", "len(args) > 1 is always false"),
        ('types = "f"\nwhen = "types == \'f\'"', "when", "is always true with types = 'f'"),
        ('types = "f"\nwhen = "x == \'a\'"', "when", "x == 'a' is always false"),
        ("when = \"var.armed != 'on'\"", "when", "var.armed != 'on' is always true"),
        ('types = "fT"\nwhen = "x > 1 and y"', "when", "y is always true with types = 'fT'"),
        ('let = { a = "1" }\nwhen = "a > 0"', "when", "a > 0 is always true"),
        ('when = "x > 0,5"', "when", "the list (x > 0, 5) is always true"),
        (
            'types = "s"\nwhen = "var.armed and x > 0.5"',
            "when",
            "x > 0.5 always fails: '>' not supported",
        ),
        (
            'match = "/{n}"\ntypes = "s"\nwhen = "n > 0 and x > 0"',
            "when",
            "x > 0 always fails: '>' not",
        ),
        ('when = "x > 0.5"\nhold = 1', "when", "filters out releases, which 'hold' needs"),
    ],
)
def test_condition_that_may_be_a_mistake_is_a_warning(
    route: str, key: str, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert configuration(route).routes[0].when is not None
    (warning,) = [each for each in caplog.messages if each.startswith("show.toml: route 1: ")]
    assert key in warning
    assert expected in warning


@pytest.mark.parametrize(
    "route",
    [
        "when = \"x[0][0] > 1 or x[1:] == 'b' or args[3] > 1\"",
        'when = "len(args) > 1 and y > 0.5"',
        'match = "/{a}/{n}"\nwhen = "n + 1 > len(a)"',
        'types = "f"\nlet = { big = "x > 0.5" }\nwhen = "big and not var.armed"',
        'types = "s"\nset = { level = "float(x)" }\nsend = "/a {= upper(x)}"',
        'types = "b"\nwhen = "x[0] == 1"',
        'types = "fff"\nwhen = "args[0:2] == [0, 1] and sqrt(1 - z) > 1"',
        'let = { notes = "[0, 4, 7]" }\nwhen = "x in notes"\nsend = "/a {= notes[x % 3]}"',
        "when = \"types == 'f' and x > 0.5 or types == 's' and x == 'on'\"",
    ],
)
def test_check_accepts_what_can_be_true_for_a_message(route: str) -> None:
    assert len(configuration(route).routes) == 1


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKD"])
def test_let_may_have_a_name_with_umlauts(form: str) -> None:
    text = unicodedata.normalize(form, '{ "größe" = "x * 2" }')
    when = unicodedata.normalize(form, "größe > 0")
    config = configuration(f'let = {text}\nwhen = "{when}"\nsend = "/a {{= größe}}"').routes[0]
    made, _, _ = run(config, Message.of("/in", 2))
    assert [message.args for message in made] == [(4,)]


def test_captures_of_any_name_are_valid_without_expressions() -> None:
    config = configuration('match = "/{x}/{len}"\nsend = "/a {x} {len}"')
    assert config.routes[0].match == "/{x}/{len}"


def test_trace_shows_let_when_and_send() -> None:
    route = (
        'let = { db = "-90 + 100 * x ** 0.5" }\nwhen = "db > -60"\n'
        'scale = [0.0, 1.0, 0, 100]\nsend = "/a {= db} {= x}"'
    )
    (traced,) = trace(configuration(route), "in", Message.of("/in", 0.25))
    assert [(step.key, step.result) for step in traced.steps[1:5]] == [
        ("let", "-40.0"),
        ("when", "yes: db = -40.0"),
        ("scale", "/in ,i 25"),
        ("send", "/a ,fi -40.0 25"),
    ]
    (traced,) = trace(configuration(route), "in", Message.of("/in", 0.0))
    assert traced.steps[-1][2:] == ("no: db = -90.0", "stopped")
    (traced,) = trace(configuration(route), "in", Message.of("/in"))
    assert "lost" in traced.steps[-1].result

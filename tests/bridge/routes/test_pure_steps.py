"""The pure steps of a route: the guard, their order, and functions of all kinds."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscbridge import Message, Origin, TimeTag, encode_message
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.functions import MAX_FROM_FUNCTION, load_function
from oscbridge.bridge.routes.pure_steps import PureSteps

ORIGIN = Origin("stage", ("127.0.0.1", 1234))


def run(config: RouteConfig, message: Message, **captures: str) -> tuple[list[Message], PureSteps]:
    """The messages that the steps make of a message, and the steps with their counts."""
    steps, made = PureSteps(config), list[Message]()
    call = steps.bind(message.address, message.types, captures, made.append)
    if call is not None:
        call(message)
    return made, steps


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Writes a module that can be imported. Returns its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str, name: str = "show_functions") -> str:
        (tmp_path / f"{name}.py").write_text("import oscbridge\n" + textwrap.dedent(text))
        return name

    yield write
    for name in [name for name in sys.modules if name.startswith("show_")]:
        del sys.modules[name]


@pytest.fixture
def through(module: Callable[[str], str]) -> Callable[..., tuple[list[Message], PureSteps]]:
    """Sends a message through a function with this body."""

    def through(body: str, message: Message | None = None) -> tuple[list[Message], PureSteps]:
        name = module("def f(message):\n" + textwrap.indent(textwrap.dedent(body), "    "))
        config = RouteConfig(function=f"{name}:f")
        return run(config, message or Message.of("/in", 0.5)._replace(origin=ORIGIN))

    return through


# --- the guard and the order -------------------------------------------------------------------


@pytest.mark.parametrize(("types", "passes"), [("f", True), ("", False), ("ff", False)])
def test_types_pass_only_equal_type_tags(types: str, passes: bool) -> None:
    steps = PureSteps(RouteConfig(types=types))
    assert (steps.bind("/x", "f", {}, lambda _: None) is not None) is passes


def test_empty_types_accept_a_message_without_type_tags() -> None:
    assert run(RouteConfig(types=""), Message("/x", None))[0] == [Message("/x", None)]


def test_types_are_compared_before_the_scale() -> None:
    made, _ = run(RouteConfig(types="f", scale=(0.0, 1.0, 0, 127)), Message.of("/x", 0.5))
    assert made == [Message("/x", "i", (64,))]


def test_send_sees_the_values_after_the_scale() -> None:
    config = RouteConfig(match="/{n}", scale=(0.0, 1.0, 0, 127), send="/to/{0} {n} {0}")
    made, _ = run(config, Message.of("/5", 0.5), n="5")
    assert made == [Message("/to/64", "ii", (5, 64))]


def test_function_gets_the_message_after_send(module: Callable[[str], str]) -> None:
    name = module(
        "def f(m):\n    return oscbridge.Message.of('/f', m.address, *m.args, types='s' + m.types)"
    )
    config = RouteConfig(scale=(0.0, 1.0, 0, 10), send="/to {0}", function=f"{name}:f")
    made, _ = run(config, Message.of("/in", 1.0))
    assert made == [Message("/f", "si", ("/to", 10))]


def test_curve_applies_to_the_scale() -> None:
    made, _ = run(RouteConfig(scale=(0.0, 1.0, 0, 100), curve=2.0), Message.of("/x", 0.5))
    assert made[0].args == (25,)


def test_every_step_keeps_the_time_tag_and_the_origin() -> None:
    message = Message("/x", "f", (0.5,), TimeTag(5), ORIGIN)
    for config in (
        RouteConfig(scale=(0.0, 1.0, 0, 1)),
        RouteConfig(send="/y {0}"),
        RouteConfig(send="/y/{0:i}"),
        RouteConfig(scale=(0.0, 1.0, 0, 1), send="/y/{0}"),
    ):
        (made,), _ = run(config, message)
        assert (made.timetag, made.origin) == (TimeTag(5), ORIGIN)


def test_scale_keeps_a_message_without_type_tags() -> None:
    message = Message("/x", None, (b"abcd",))
    assert run(RouteConfig(scale=(0.0, 1.0, 0, 1)), message)[0] == [message]


def test_send_accepts_a_message_without_type_tags() -> None:
    assert run(RouteConfig(send="/y 1"), Message("/x", None))[0] == [Message("/y", "i", (1,))]


def test_send_of_a_message_without_type_tags_has_no_arguments() -> None:
    made, steps = run(RouteConfig(send="/y {0}"), Message("/x", None, (b"abcd",)))
    assert (made, steps.counts.failed) == ([], {"arguments": 1})


def test_every_dropped_message_is_counted_and_reported() -> None:
    told: list[tuple[str, str]] = []
    steps = PureSteps(
        RouteConfig(send="/y/{0}"), lambda reason, text, _error: told.append((reason, text))
    )
    for args in ((), ("a b",), ("a b",)):
        message = Message.of("/x", *args)
        call = steps.bind("/x", message.types, {}, lambda _: None)
        assert call is not None
        call(message)
    assert steps.counts.failed == {"arguments": 1, "address": 2}
    assert told[0] == ("arguments", "missing argument {0}")
    assert told[1] == ("address", "invalid address '/y/a b'")


def test_scale_drops_and_counts_nan() -> None:
    made, steps = run(RouteConfig(scale=(0.0, 1.0, 0, 1)), Message.of("/x", float("nan")))
    assert (made, steps.counts.failed) == ([], {"not_a_number": 1})


def test_pure_route_config_survives_json() -> None:
    config = RouteConfig("/{n}", "f", (0.0, 1.0, 0, 127), 2.0, "/x {n}", "a:b")
    back = RouteConfig.from_pure(json.loads(json.dumps(config.pure())))
    assert back == config
    assert back.scale is not None
    assert [type(number) for number in back.scale] == [float, float, int, int]


def test_default_route_config_survives_json() -> None:
    assert RouteConfig.from_pure(json.loads(json.dumps(RouteConfig().pure()))) == RouteConfig()


# --- results of functions ----------------------------------------------------------------------

Through = Callable[..., tuple[list[Message], PureSteps]]


def test_function_can_return_none(through: Through) -> None:
    made, steps = through("return None")
    assert (made, steps.counts.failed) == ([], {})


def test_function_can_return_a_message(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message.of('/out', message.args[0] * 2)")
    assert made[:3] == ("/out", "f", (1.0,))


@pytest.mark.parametrize(
    "body",
    [
        "return [oscbridge.Message('/1'), oscbridge.Message('/2')]",
        "return (oscbridge.Message('/1'), oscbridge.Message('/2'))",
        "yield oscbridge.Message('/1')\nyield oscbridge.Message('/2')",
    ],
)
def test_function_can_return_several_messages(body: str, through: Through) -> None:
    assert [message.address for message in through(body)[0]] == ["/1", "/2"]


def test_returned_address_gets_its_leading_slash(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message.of('node', 1)")
    assert (made.address, made.args) == ("/node", (1,))


def test_function_can_return_an_empty_list(through: Through) -> None:
    made, steps = through("return []")
    assert (made, steps.counts.failed) == ([], {})


def test_returned_message_keeps_the_origin(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message.of('/out')")
    assert made.origin == ORIGIN


def test_function_cannot_forge_the_origin(through: Through) -> None:
    (made,), _ = through("return message._replace(origin=None)")
    assert made.origin == ORIGIN


def test_address_of_a_class_of_its_own_becomes_text(through: Through) -> None:
    (made,), _ = through(
        """
        class Text(str):
            def __eq__(self, other):
                raise SystemExit
            __hash__ = __repr__ = startswith = encode = __eq__
        return oscbridge.Message(Text("/own"), Text("i"), (1,))
        """
    )
    assert [type(made.address), type(made.types)] == [str, str]
    assert made[:3] == ("/own", "i", (1,))
    assert encode_message(Message("/own", "i", (2,)))  # the same head


def test_function_can_return_arguments_as_a_list(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message('/out', 'ii', [1, 2])")
    assert made.args == (1, 2)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return 5", "TypeError: must return a Message, got 5"),
        ("return '/out'", "TypeError: must return a Message, got '/out'"),
        ("return ('/out', 1)", "TypeError: must return a Message, got '/out'"),
        ("return {'/out': 1}", "TypeError: must return a Message, got {'/out': 1}"),
        ("return oscbridge.Message('o ut')", "EncodeError: address must start with '/'"),
        ("return oscbridge.Message('')", "EncodeError: address must start with '/'"),
        ("return oscbridge.Message(5)", "EncodeError: cannot encode Message(address=5"),
        ("return oscbridge.Message('/out', 'i', ('a',))", "does not fit type tag 'i'"),
        ("return oscbridge.Message.of('/out', object())", "EncodeError: no OSC type for"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("raise ValueError('a\\nb')", "ValueError: a b"),
        ("raise ValueError", "failed: ValueError"),
        ("yield 1", "TypeError: must return a Message, got 1"),
    ],
)
def test_failing_function_is_counted_and_reported_in_one_line(
    body: str, text: str, through: Through, caplog: pytest.LogCaptureFixture
) -> None:
    made, steps = through(body)
    assert (made, steps.counts.failed) == ([], {"function": 1})
    (record,) = caplog.records
    assert text in record.message
    assert record.message.startswith("show_functions:f failed: ")
    assert "\n" not in record.message


def test_messages_from_before_a_failure_are_sent(through: Through) -> None:
    made, steps = through("yield oscbridge.Message('/1')\nraise KeyError('x')")
    assert [message.address for message in made] == ["/1"]
    assert steps.counts.failed == {"function": 1}


def test_endless_function_is_stopped(through: Through) -> None:
    made, steps = through("while True:\n    yield oscbridge.Message('/1')")
    assert (len(made), steps.counts.failed) == (MAX_FROM_FUNCTION, {"too_many": 1})


# --- kinds of functions ------------------------------------------------------------------------


def test_function_can_be_a_method_or_an_object(module: Callable[[str], str]) -> None:
    name = module(
        """
        class Double:
            def __call__(self, message): return message
            def method(self, message): return message
        double = Double()
        """
    )
    message = Message.of("/x", 1)
    assert load_function(f"{name}:double")(message) is message
    assert load_function(f"{name}:double.method")(message) is message


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("f", "write it as module:callable"),
        ("show_functions:", "write it as module:callable"),
        (":f", "write it as module:callable"),
        (".show_functions:f", "write it as module:callable"),
        ("show_functions:g", "'show_functions' has no 'g'"),
        ("show_functions:f.g", "'show_functions' has no 'f.g'"),
        ("show_functions:number", "not a function"),
        ("show_functions:later", "must not be an async function"),
        ("show_functions:ever", "must not be an async function"),
        ("show_functions:later_object", "must not be an async function"),
        ("show_missing:f", "unknown module 'show_missing'; put show_missing.py beside"),
        ("show_broken:f", "'show_broken' cannot be imported: SyntaxError: "),
        ("show_needs:f", "'show_needs' cannot be imported: ModuleNotFoundError: No module"),
        ("show_exits:f", "'show_exits' cannot be imported: SystemExit: 3"),
        ("show functions:f", "unknown module 'show functions'"),
    ],
)
def test_unusable_function_is_an_error_of_one_line(
    function: str, text: str, module: Callable[..., str]
) -> None:
    module(
        """
        number = 5
        def f(message): return message
        async def later(message): return message
        async def ever(message): yield message
        class Later:
            async def __call__(self, message): return message
        later_object = Later()
        """
    )
    module("def f(:\n", "show_broken")
    module("import show_nothing_like_this\n", "show_needs")
    module("raise SystemExit(3)\n", "show_exits")
    with pytest.raises(ValueError) as caught:
        load_function(function)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)

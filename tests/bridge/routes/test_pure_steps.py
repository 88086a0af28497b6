"""The pure steps of a route: the guard, their order, and functions of all kinds."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscbridge import Message, Origin, TimeTag
from oscbridge.bridge.routes.pure_steps import (
    MAX_FROM_FUNCTION,
    PureSteps,
    RouteSpec,
    load_function,
)

ORIGIN = Origin("stage", ("127.0.0.1", 1234), 2)


def run(spec: RouteSpec, message: Message, **captures: str) -> tuple[list[Message], PureSteps]:
    """What comes of a message, and the steps with their counts."""
    steps, made = PureSteps(spec), list[Message]()
    call = steps.bind(message.address, message.types, captures, made.append)
    if call is not None:
        call(message)
    return made, steps


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Writes a module that can be imported. Its name."""
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
        spec = RouteSpec(function=f"{name}:f")
        return run(spec, message or Message.of("/in", 0.5)._replace(origin=ORIGIN))

    return through


# --- the guard and the order -------------------------------------------------------------------


@pytest.mark.parametrize(("types", "passes"), [("f", True), ("", False), ("ff", False)])
def test_the_guard_lets_only_its_types_pass(types: str, passes: bool) -> None:
    steps = PureSteps(RouteSpec(types=types))
    assert (steps.bind("/x", "f", {}, lambda _: None) is not None) is passes


def test_a_guard_without_types_takes_a_message_without_type_tags() -> None:
    assert run(RouteSpec(types=""), Message("/x", None))[0] == [Message("/x", None)]


def test_the_guard_sees_the_types_before_the_scale() -> None:
    made, _ = run(RouteSpec(types="f", scale=(0.0, 1.0, 0, 127)), Message.of("/x", 0.5))
    assert made == [Message("/x", "i", (64,))]


def test_send_sees_the_values_after_the_scale() -> None:
    spec = RouteSpec(match="/{n}", scale=(0.0, 1.0, 0, 127), send="/to/{0} {n} {0}")
    made, _ = run(spec, Message.of("/5", 0.5), n="5")
    assert made == [Message("/to/64", "ii", (5, 64))]


def test_the_function_sees_the_message_after_send(module: Callable[[str], str]) -> None:
    name = module(
        "def f(m):\n    return oscbridge.Message.of('/f', m.address, *m.args, types='s' + m.types)"
    )
    spec = RouteSpec(scale=(0.0, 1.0, 0, 10), send="/to {0}", function=f"{name}:f")
    made, _ = run(spec, Message.of("/in", 1.0))
    assert made == [Message("/f", "si", ("/to", 10))]


def test_the_curve_is_that_of_the_scale() -> None:
    made, _ = run(RouteSpec(scale=(0.0, 1.0, 0, 100), curve=2.0), Message.of("/x", 0.5))
    assert made[0].args == (25,)


def test_time_tag_and_origin_go_through_every_step() -> None:
    message = Message("/x", "f", (0.5,), TimeTag(5), ORIGIN)
    for spec in (
        RouteSpec(scale=(0.0, 1.0, 0, 1)),
        RouteSpec(send="/y {0}"),
        RouteSpec(send="/y/{0:i}"),
        RouteSpec(scale=(0.0, 1.0, 0, 1), send="/y/{0}"),
    ):
        (made,), _ = run(spec, message)
        assert (made.timetag, made.origin) == (TimeTag(5), ORIGIN)


def test_a_message_without_type_tags_passes_a_scale_as_it_is() -> None:
    message = Message("/x", None, (b"abcd",))
    assert run(RouteSpec(scale=(0.0, 1.0, 0, 1)), message)[0] == [message]


def test_a_message_without_type_tags_may_be_sent_as_another() -> None:
    assert run(RouteSpec(send="/y 1"), Message("/x", None))[0] == [Message("/y", "i", (1,))]


def test_a_message_without_type_tags_has_no_arguments_to_send() -> None:
    made, steps = run(RouteSpec(send="/y {0}"), Message("/x", None, (b"abcd",)))
    assert (made, steps.drops) == ([], {"arguments": 1})


def test_every_message_that_cannot_be_made_is_counted_and_told() -> None:
    told: list[tuple[str, str]] = []
    steps = PureSteps(
        RouteSpec(send="/y/{0}"), lambda reason, text, _error: told.append((reason, text))
    )
    for args in ((), ("a b",), ("a b",)):
        message = Message.of("/x", *args)
        call = steps.bind("/x", message.types, {}, lambda _: None)
        assert call is not None
        call(message)
    assert steps.drops == {"arguments": 1, "address": 2}
    assert told[0] == ("arguments", "missing argument {0}")
    assert told[1] == ("address", "invalid address '/y/a b'")


def test_a_nan_that_is_scaled_is_counted() -> None:
    made, steps = run(RouteSpec(scale=(0.0, 1.0, 0, 1)), Message.of("/x", float("nan")))
    assert (made, steps.drops) == ([], {"not_a_number": 1})


def test_a_spec_survives_json() -> None:
    spec = RouteSpec("/{n}", "f", (0.0, 1.0, 0, 127), 2.0, "/x {n}", "a:b")
    back = RouteSpec.from_dict(json.loads(json.dumps(spec.as_dict())))
    assert back == spec
    assert back.scale is not None
    assert [type(number) for number in back.scale] == [float, float, int, int]


def test_a_bare_spec_survives_json() -> None:
    assert RouteSpec.from_dict(json.loads(json.dumps(RouteSpec().as_dict()))) == RouteSpec()


# --- what a function makes ---------------------------------------------------------------------

Through = Callable[..., tuple[list[Message], PureSteps]]


def test_a_function_may_make_nothing(through: Through) -> None:
    made, steps = through("return None")
    assert (made, steps.drops) == ([], {})


def test_a_function_may_make_a_message(through: Through) -> None:
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
def test_a_function_may_make_several(body: str, through: Through) -> None:
    assert [message.address for message in through(body)[0]] == ["/1", "/2"]


def test_a_function_may_make_an_empty_list(through: Through) -> None:
    made, steps = through("return []")
    assert (made, steps.drops) == ([], {})


def test_what_a_function_makes_keeps_the_origin_so_that_nothing_echoes(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message.of('/out')")
    assert made.origin == ORIGIN


def test_a_function_cannot_forge_the_origin(through: Through) -> None:
    (made,), _ = through("return message._replace(origin=None)")
    assert made.origin == ORIGIN


def test_the_arguments_may_be_a_list(through: Through) -> None:
    (made,), _ = through("return oscbridge.Message('/out', 'ii', [1, 2])")
    assert made.args == (1, 2)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return 5", "TypeError: it made 5, which is no message"),
        ("return '/out'", "TypeError: it made '/out', which is no message"),
        ("return ('/out', 1)", "TypeError: it made '/out', which is no message"),
        ("return {'/out': 1}", "TypeError: it made {'/out': 1}, which is no message"),
        ("return oscbridge.Message('out')", "EncodeError: address must start with '/'"),
        ("return oscbridge.Message(5)", "EncodeError: it made Message(address=5"),
        ("return oscbridge.Message('/out', 'i', ('a',))", "does not fit type tag 'i'"),
        ("return oscbridge.Message.of('/out', object())", "EncodeError: no OSC type for"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("raise ValueError('a\\nb')", "ValueError: a b"),
        ("raise ValueError", "failed: ValueError"),
        ("yield 1", "TypeError: it made 1, which is no message"),
    ],
)
def test_what_a_function_does_wrong_is_counted_and_told_in_one_line(
    body: str, text: str, through: Through, caplog: pytest.LogCaptureFixture
) -> None:
    made, steps = through(body)
    assert (made, steps.drops) == ([], {"function": 1})
    (record,) = caplog.records
    assert text in record.message
    assert record.message.startswith("show_functions:f failed: ")
    assert "\n" not in record.message


def test_what_a_function_made_before_it_failed_is_sent(through: Through) -> None:
    made, steps = through("yield oscbridge.Message('/1')\nraise KeyError('x')")
    assert [message.address for message in made] == ["/1"]
    assert steps.drops == {"function": 1}


def test_a_function_without_an_end_is_stopped(through: Through) -> None:
    made, steps = through("while True:\n    yield oscbridge.Message('/1')")
    assert (len(made), steps.drops) == (MAX_FROM_FUNCTION, {"too_many": 1})


# --- which functions there are -----------------------------------------------------------------


def test_a_function_may_be_a_method_or_an_object(module: Callable[[str], str]) -> None:
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
        ("show_functions:number", "this is no function"),
        ("show_functions:later", "cannot wait for an async function"),
        ("show_functions:ever", "cannot wait for an async function"),
        ("show_functions:later_object", "cannot wait for an async function"),
        ("show_missing:f", "there is no module 'show_missing'; put show_missing.py beside"),
        ("show_broken:f", "'show_broken' cannot be imported: SyntaxError: "),
        ("show_needs:f", "'show_needs' cannot be imported: ModuleNotFoundError: No module"),
        ("show_exits:f", "'show_exits' cannot be imported: SystemExit: 3"),
        ("show functions:f", "there is no module 'show functions'"),
    ],
)
def test_a_function_that_cannot_be_used_is_told_in_one_line(
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

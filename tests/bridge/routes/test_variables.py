"""Variables, and the steps edge and set of routes."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.explain import trace
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.variables import MAX_TEXT, Variable, Variables
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.errors import ConfigurationError


class Box:
    """A sink that records its messages."""

    name = "box"
    takes_route = False

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def offer(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def values(self) -> list[object]:
        return [message.args[0] for message in self.messages]


class Running:
    """A route with variables of these initial values."""

    def __init__(self, config: RouteConfig, **initial: Any) -> None:
        self.box = Box()
        self.variables = Variables({name: Variable(value) for name, value in initial.items()})
        self.route = Route(config, [self.box], variables=self.variables)

    def send(self, *values: object, address: str = "/in") -> None:
        """Send each value in a message."""
        for value in values:
            message = Message.of(address, value)  # type: ignore[arg-type]
            self.route.bind(address, message.types, {})(message)


def config(**keys: Any) -> RouteConfig:
    return RouteConfig(variables=("a", "b"), **keys)


# --- variables and set ---------------------------------------------------------------------------


def test_toggle_changes_the_variable_with_each_message() -> None:
    running = Running(config(set=(("a", "not var.a"),), send="/a {= var.a}"), a=False)
    running.send(1, 1, 1)
    assert running.box.values == [True, False, True]


def test_set_sees_the_old_values_and_send_the_new_ones() -> None:
    steps = config(set=(("a", "var.b"), ("b", "var.a")), send="/a {= var.a} {= var.b}")
    running = Running(steps, a=1, b=2)
    running.send(0)
    assert running.box.messages[0].args == (2, 1)


def test_set_sees_unscaled_values() -> None:
    running = Running(config(set=(("a", "x"),), scale=(0, 1, 0, 127), send="/a {= x}"), a=0)
    running.send(0.5)
    assert (running.variables.snapshot(), running.box.values) == ({"a": 0.5}, [64])


def test_condition_reads_variables() -> None:
    running = Running(config(when="x > var.a"), a=1)
    running.send(1, 2)
    running.variables.set("a", 5)
    running.send(3, 6)
    assert running.box.values == [2, 6]
    assert running.route.counts.filtered == {"when": 2}


@pytest.mark.parametrize(
    ("expression", "initial", "expected"),
    [
        ("1 / x", 0, "division by zero"),
        ("y", 0, "missing argument"),
        ("x", False, "must be true or false, not 0; write a comparison, e.g. x > 0"),
        ("x > 0", 0, "must be a number, not False; convert it with int() or float()"),
        ("x", "", "must be text, not 0; convert it with str()"),
        ("args", 0, "must be a number"),
        ("exp(700) * exp(700)", 0, "must be a finite number"),
        ("2 ** 100", 0, "must fit 64 bits"),
        (f"'a' * {MAX_TEXT + 1}", "", f"must have at most {MAX_TEXT} characters"),
    ],
)
def test_failing_set_drops_the_message_and_changes_nothing(
    expression: str, initial: Any, expected: str
) -> None:
    running = Running(config(set=(("b", "1"), ("a", expression))), a=initial, b=0)
    running.send(0)
    assert not running.box.messages
    assert running.route.counts.failed == {"expression": 1}
    assert expected in running.route.failures.last_error
    assert running.variables.snapshot() == {"a": initial, "b": 0}


def test_failing_set_shows_only_the_beginning_of_a_large_value() -> None:
    running = Running(config(let=(("b", "[args, args]"),), set=(("a", "[b, b, b, b]"),)), a=0)
    running.send("x" * 10_000)
    assert "must be a number, not [" in running.route.failures.last_error
    assert len(running.route.failures.last_error) < 1_000


def test_whole_and_other_numbers_are_of_one_kind() -> None:
    running = Running(config(set=(("a", "var.a + x"),)), a=0)
    running.send(1, 0.5)
    assert running.variables.snapshot() == {"a": 1.5}


def test_route_without_endpoint_counts_its_messages_as_passed() -> None:
    route = Route(config(set=(("a", "x"),)), [], variables=Variables({"a": Variable(0)}))
    route.bind("/in", "i", {})(Message.of("/in", 1))
    assert route.counts.passed == 1


def test_threads_lose_no_update() -> None:
    running = Running(
        config(set=(("a", "var.a + 1"), ("b", "var.a")), send="/a {= var.a}"), a=0, b=0
    )
    threads = [threading.Thread(target=running.send, args=[1] * 3000) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running.variables.snapshot() == {"a": 12_000, "b": 11_999}
    assert sorted(running.box.values) == list(range(1, 12_001))  # type: ignore[type-var]


def test_declaration_keeps_values_of_the_same_kind() -> None:
    variables = Variables({name: Variable(0) for name in "abc"})
    for name in "abc":
        variables.set(name, 7)
    variables.declare({"a": Variable(1.5), "b": Variable("new"), "d": Variable(4)})
    assert variables.snapshot() == {"a": 7, "b": "new", "d": 4}


# --- edge ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edge", "expected"),
    [("rising", [1, 3]), ("falling", [-1, -3]), ("both", [1, -1, 3, -3])],
)
def test_edge_passes_changes_of_the_condition(edge: Any, expected: list[int]) -> None:
    running = Running(RouteConfig(when="x > 0", edge=edge))
    running.send(1, 2, -1, -2, 3, 4, -3)
    assert running.box.values == expected
    assert running.route.counts.filtered == {"edge": 7 - len(expected)}


@pytest.mark.parametrize(("edge", "first"), [("rising", 1), ("falling", None), ("both", 1)])
def test_condition_counts_as_false_before_the_first_message(edge: Any, first: int | None) -> None:
    for value in (1, -1):
        running = Running(RouteConfig(when="x > 0", edge=edge))
        running.send(value)
        assert running.box.values == ([value] if value == first else [])


def test_edge_keeps_a_state_for_each_address() -> None:
    running = Running(RouteConfig(match="/{n}", when="x > 0", edge="rising"))
    for address in ("/a", "/b", "/a"):
        running.send(1, address=address)
    assert [message.address for message in running.box.messages] == ["/a", "/b"]


def test_edge_forgets_the_oldest_address_above_the_bound() -> None:
    running = Running(RouteConfig(match="/{n}", when="x > 0", edge="rising", max_addresses=2))
    for address in ("/a", "/b", "/c", "/c", "/a"):
        running.send(1, address=address)
    assert [message.address for message in running.box.messages] == ["/a", "/b", "/c", "/a"]
    assert running.route.stateful.counts.forgotten == 2


def test_failing_condition_is_no_edge() -> None:
    running = Running(RouteConfig(when="1 / x > 0", edge="rising"))
    running.send(1, 0, 2)
    assert running.box.values == [1]
    assert running.route.counts.failed == {"expression": 1}


def test_set_happens_only_on_the_edge() -> None:
    running = Running(config(when="x > 0", edge="rising", set=(("a", "not var.a"),)), a=False)
    running.send(1, 1, 0, 1)
    assert running.variables.snapshot() == {"a": False}
    assert running.route.counts.filtered == {"edge": 2}


# --- configuration -------------------------------------------------------------------------------


def read(
    text: str, mode: str = "asyncio", variables: str = "armed = false\nlevel = 0\n"
) -> Configuration:
    return parse(
        f'[bridge.in]\nlisten = "udp://127.0.0.1:9000"\nmode = "{mode}"\n'
        '[endpoint.out]\ntype = "osc"\nto = "udp://127.0.0.1:9001"\n'
        f'[variables]\n{variables}[[route]]\nfrom = "in"\n{text}\n',
        {"osc": OSCEndpoint},
        "show.toml",
    )


def problem(*args: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(*args)
    (line,) = str(caught.value).splitlines()
    return line.removeprefix("show.toml: ")


def test_variables_are_read_with_their_kinds() -> None:
    found = read('to = "out"', "asyncio", 'a = 1\nb = { value = "x", persist = true }\n')
    assert found.variables == {"a": Variable(1), "b": Variable("x", persist=True)}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("a-b = 1", "variables.a-b: invalid name; use up to 64 letters a-z, digits and '_'"),
        ('"1a" = 1', "variables.1a: invalid name"),
        ("not = 1", "variables.not: invalid name; 'not' is a word of expressions; rename it"),
        ("a = [1]", "variables.a = [1]: must be true, false, a number or text"),
        ("a = inf", "variables.a = inf: must be a finite number"),
        ("a = 2020-01-01", "variables.a"),
        (f'a = "{"x" * (MAX_TEXT + 1)}"', "must have at most 1000 characters, not 1001"),
        ("a = { persist = true }", "variables.a.value: missing key"),
        ("a = { value = 1, persit = true }", "did you mean 'persist'?"),
        ("\n".join(f"a{n} = 1" for n in range(1001)), "variables: 1001 variables; at most 1000"),
    ],
)
def test_invalid_variable_is_a_clear_problem(variables: str, expected: str) -> None:
    assert expected in problem('to = "out"', "asyncio", f"{variables}\n")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (
            'when = "var.armd"\nto = "out"',
            "unknown variable 'armd' at position 1 of 'var.armd'; did you mean 'armed'?",
        ),
        ('when = "var.q"\nto = "out"', "add it to [variables]"),
        ('send = "/a {= var.levl}"\nto = "out"', "did you mean 'level'?"),
        ('set = { armd = "x > 0" }', "set.armd = 'x > 0': no such variable; did you mean 'armed'?"),
        ('set = { armed = "1 +" }', "set.armed"),
        (
            'set = { armed = "x + 1" }',
            "the result is a number, but the variable is true or false; write a comparison, "
            "e.g. x > 0",
        ),
        ('types = "s"\nset = { level = "x" }', "the result is text, but the variable is a number"),
        ('types = "f"\nset = { level = "y" }', "fails with types = 'f': messages have 1 argument"),
        ("set = { armed = 0 }", "the result is a number, but the variable is true or false"),
        ('when = "x"\nedge = "rise"\nto = "out"', "did you mean 'rising'?"),
        ('when = "x"', 'to: missing key; name the endpoints to send to, e.g. to = "desk"'),
    ],
)
def test_invalid_use_of_variables_is_a_clear_problem(route: str, expected: str) -> None:
    assert expected in problem(route)


def test_condition_of_variables_is_not_constant() -> None:
    (route,) = read('when = "var.armed and x > 0"\nto = "out"').routes
    assert route.variables == ("armed",)


def test_route_knows_only_the_variables_that_it_uses() -> None:
    route = 'let = { a = "var.level" }\nset = { armed = true }\nsend = "/a {= a}"\nto = "out"'
    assert set(read(route).routes[0].variables) == {"level", "armed"}
    assert not read('when = "x"\nto = "out"').routes[0].needs_bridge


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ('when = "var.armed"', "'var.'"),
        ('when = "x"\nedge = "both"', "'edge'"),
        ('set = { armed = "x > 0" }', "'set'"),
    ],
)
def test_function_in_a_forking_bridge_cannot_be_with_variables(keys: str, what: str) -> None:
    route = f'function = "math:sqrt"\nto = "out"\n{keys}'
    assert (
        f"function = 'math:sqrt': not possible with {what} in mode 'forking': bridge.in"
        in problem(route, "forking")
    )
    assert read(route, "threading").routes


def test_worker_of_a_route_with_variables_only_matches() -> None:
    route = config(match="/a/{n}", types="f", when="var.a", send="/b", set=(("b", "x"),))
    assert RouteConfig.from_pure(route.pure()) == RouteConfig(match="/a/{n}")
    assert RouteConfig.from_pure(RouteConfig(types="f", when="x").pure()).when == "x"


# --- trace ---------------------------------------------------------------------------------------


def steps(route: str, *values: object) -> list[tuple[str, str, str, str]]:
    message = Message.of("/in", *values)  # type: ignore[arg-type]
    (found,) = trace(read(route), "in", message)
    return [tuple(step) for step in found.steps[1:]]  # type: ignore[misc]


def test_trace_shows_variables_and_their_changes() -> None:
    route = (
        'when = "x > var.level"\nedge = "rising"\nset = { armed = "not var.armed" }\n'
        'send = "/a {= var.armed}"\nto = "out"'
    )
    assert steps(route, 1)[:-1] == [
        ("when", "x > var.level", "yes: x = 1, var.level = 0", "passed"),
        ("edge", "rising", "passes if the condition was not true before", "passed"),
        ("set", "armed = not var.armed", "False → True", "passed"),
        ("send", "/a {= var.armed}", "/a ,T true", "passed"),
    ]
    assert steps(route, -1)[1:] == [
        ("edge", "rising", "no: the condition is false", "stopped"),
    ]


def test_trace_of_a_route_without_endpoint_says_so() -> None:
    last = steps("set = { level = 3 }", 1)[-1]
    assert last == ("to", "", "nowhere: the route only sets variables", "sent")


def test_trace_shows_why_set_fails() -> None:
    assert "division by zero" in steps('set = { level = "1 / x" }', 0)[-1][2]

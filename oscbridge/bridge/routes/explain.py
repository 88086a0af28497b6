"""Explains what routes do with a message, step by step. Sends nothing and keeps no state."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.carried_values import carried_values
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.explain_expressions import MAX_VALUE, expression_steps
from oscbridge.bridge.routes.json_step import messages_of_document
from oscbridge.bridge.routes.naming import route_text
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.bridge.routes.stateful_steps.step import StateBounds
from oscbridge.bridge.routes.trace_steps import (
    Happened,
    Outcome,
    Step,
    TraceState,
    options_text,
    stateful_steps,
)
from oscbridge.bridge.routes.variable_steps import VariableSteps
from oscbridge.bridge.routes.variables import Variables
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Handler
from oscbridge.errors import ExpressionFailed, MessageDropped
from oscbridge.expressions.expression import Let
from oscbridge.osc import Message
from oscbridge.osc.pattern import Pattern, is_pattern
from oscbridge.osc.text import format_message
from oscbridge.templates.carried import CarryingCaptures
from oscbridge.templates.expression import TemplateExpression
from oscbridge.templates.placeholders import Placeholder

__all__ = ["Outcome", "RouteTrace", "Step", "sources", "trace"]


MAX_SHOWN: Final = 20
"""Messages of one JSON document whose way is shown."""


class RouteTrace(NamedTuple):
    """What one route does with a message."""

    number: int
    """Its number in the file, counted from 1."""
    name: str
    """See :func:`~oscbridge.bridge.routes.naming.route_text`."""
    steps: tuple[Step, ...]

    @property
    def sent(self) -> bool:
        """Whether any message is sent to an endpoint."""
        return any(step.outcome == "sent" for step in self.steps)


def sources(configuration: Configuration) -> list[str]:
    """Where a message may come from: all bridges, and endpoints that routes read from."""
    read = {source for route in configuration.routes for source in route.sources}
    return [
        *configuration.bridges,
        *(name for name in configuration.endpoints if name in read - configuration.bridges.keys()),
    ]


def trace(
    configuration: Configuration, source: str, message: Message, state: TraceState | None = None
) -> list[RouteTrace]:
    """What the routes that read from a source do with a message.

    Without a state it is the first message. Variables change as the routes set them.
    """
    variables = Variables(configuration.variables)
    if state is not None:
        with variables.lock:
            variables.assign(state.variables)
    happened = {} if state is None else state.happened
    return [
        RouteTrace(
            number,
            route_text(number, route.name, route.match),
            tuple(_trace_route(configuration, route, message, variables, happened.get(number))),
        )
        for number, route in enumerate(configuration.routes, 1)
        if source in route.sources
    ]


def _trace_route(
    configuration: Configuration,
    route: RouteConfig,
    message: Message,
    variables: Variables,
    happened: Happened | None,
) -> Iterator[Step]:
    captures = yield from _head_steps(route, message)
    if captures is None:
        return
    messages = [message]
    if route.json is not None:
        messages = yield from _json_steps(route.json, message)
    for each in messages:
        yield from _after_match(configuration, route, each, captures, variables, happened)


def _json_steps(part: Sequence[str], message: Message) -> Generator[Step, None, list[Message]]:
    """The step ``json``; returns the messages that it makes."""
    value = ".".join(part) or "true"
    try:
        made = messages_of_document(message, part)
    except MessageDropped as error:
        yield Step("json", value, f"lost: {error}", "stopped")
        return []
    if not made:
        yield Step("json", value, "the document has no values", "stopped")
    if len(made) > MAX_SHOWN:
        yield Step("json", value, f"makes {len(made)} messages; the first {MAX_SHOWN} follow")
    for each in made[:MAX_SHOWN]:
        yield Step("json", value, format_message(each))
    return made[:MAX_SHOWN]


def _after_match(
    configuration: Configuration,
    route: RouteConfig,
    message: Message,
    captures: Mapping[str, str],
    variables: Variables,
    happened: Happened | None,
) -> Iterator[Step]:
    """The steps from ``types`` on."""
    if route.types is not None:
        if (message.types or "") != route.types:
            text = f"no: the types are {message.types or ''!r}"
            yield Step("types", route.types, text, "stopped")
            return
        yield Step("types", route.types, "matches")
    expressions = yield from expression_steps(route, message, captures, variables, happened)
    if expressions is None:
        return
    messages = [message]
    for key, value, step in _pure_steps(route):
        made: list[Message] = []
        lost = [
            why
            for each in messages
            if (why := _run(step, message.address, captures, each, made, expressions, variables))
        ]
        for each in made:
            yield Step(key, value, format_message(each))
        for why in lost:
            yield Step(key, value, f"lost: {why}", "stopped")
        if not made and not lost:
            yield Step(key, value, "returns no message", "stopped")
        if not made:
            return
        messages = made
    stateful = tuple(stateful_steps(route, messages, happened))
    yield from stateful
    if any(step.outcome == "stopped" for step in stateful):
        return
    try:
        known = _with_carried(route, captures, expressions, variables)
    except MessageDropped as error:
        yield Step("let", "", f"lost: {error}", "stopped")
        return
    yield from _endpoint_steps(configuration, route, messages, known)


def _head_steps(
    route: RouteConfig, message: Message
) -> Generator[Step, None, Mapping[str, str] | None]:
    """The step ``match``; returns the captures, None if it ends there."""
    if not route.enabled:
        yield Step("enabled", "false", "no: the route is disabled", "stopped")
        return None
    captures = _match(route.match, message.address)
    if captures is None or (captures and is_pattern(message.address)):
        yield Step("match", route.match, _why_not(route.match, message.address), "stopped")
        return None
    found = ", ".join(f"{{{name}}} = {text}" for name, text in captures.items())
    yield Step("match", route.match, found or "matches")
    return captures


def _with_carried(
    route: RouteConfig, captures: Mapping[str, str], let: Let, variables: Variables
) -> Mapping[str, str]:
    """The captures, with the values that expressions in the options for endpoints use."""
    if not route.carried:
        return captures
    return CarryingCaptures(captures, carried_values(route, let, variables.values))


def _endpoint_steps(
    configuration: Configuration,
    route: RouteConfig,
    messages: Sequence[Message],
    captures: Mapping[str, str],
) -> Iterator[Step]:
    """The steps ``to``, with those of the options for the endpoints."""
    if not route.to:
        yield Step("to", "", "nowhere: the route only sets variables", "sent")
    for name in route.to:
        type_name = configuration.endpoints[name].type_name
        if not (yield from _option_steps(route, name, type_name, messages, captures)):
            continue
        yield Step("to", name, f"{type_name}{options_text(route.options.get(name))}", "sent")


def _pure_steps(route: RouteConfig) -> Iterator[tuple[str, str, RouteConfig]]:
    """Each step as a route that has only this step. Together they are the whole route."""
    bare = RouteConfig(match=route.match)
    if route.relative is not None:
        yield "relative", route.relative, replace(bare, relative=route.relative)
    if route.scale is not None:
        value = ", ".join(map(str, route.scale))
        curve = f" curve {route.curve:g}" if route.curve != 1.0 else ""
        yield "scale", f"[{value}]{curve}", replace(bare, scale=route.scale, curve=route.curve)
    if route.send is not None:
        yield (
            "send",
            route.send,
            replace(bare, send=route.send, let=route.let, variables=route.variables),
        )
    if route.function is not None:
        yield "function", route.function, replace(bare, function=route.function)


def _run(
    route: RouteConfig,
    address: str,
    captures: Mapping[str, str],
    message: Message,
    made: list[Message],
    let: Let,
    variables: Variables,
) -> str:
    """Run a step and add the new messages to ``made``. Returns why the message was lost, if so."""
    reasons: list[str] = []
    state = VariableSteps(route, variables, StateBounds(RouteCounts(), 1, lambda: None))
    steps = PureSteps(
        route, lambda _reason, text, _error: reasons.append(text), let=let, variables=state
    )
    run = steps.bind(address, message.types, captures, made.append)
    if run is not None:
        run(message)
    return "; ".join(reasons)


def _option_steps(
    route: RouteConfig,
    name: str,
    type_name: str,
    messages: Sequence[Message],
    captures: Mapping[str, str],
) -> Generator[Step, None, bool]:
    """The expressions in the options for an endpoint; returns whether any message reaches it."""
    reaching = 0
    for each in messages:
        results = [
            (key, placeholder, *_option(placeholder, each, captures))
            for key, placeholder in route.expressions.get(name, ())
        ]
        for key, placeholder, result, outcome in results:
            yield Step(f"{type_name}.{key}", str(placeholder), result, outcome)
        reaching += all(outcome == "passed" for *_, outcome in results)
    return reaching > 0


def _option(
    placeholder: Placeholder, message: Message, captures: Mapping[str, str]
) -> tuple[str, Outcome]:
    """The value of an expression in the options of a route for an endpoint."""
    try:
        value = TemplateExpression(placeholder).value(message, captures)
    except ExpressionFailed as error:
        return f"lost: {error}", "stopped"
    return f"{value!r}"[:MAX_VALUE], "passed"


def _match(match: str, address: str) -> dict[str, str] | None:
    """The captures, as a dispatcher finds them; None where the address does not match."""
    found = AddressMap()
    found.add(match, Handler(print, []))
    return next((captures for _, captures in found.match(address)), None)


def _why_not(match: str, address: str) -> str:
    pattern = Pattern(match, mapped=True)
    if is_pattern(address) and pattern.captures:
        return "no: the address is a pattern, and this match captures parts of an address"
    if is_pattern(address):
        return "no: the address is a pattern that does not match this one"
    if not is_pattern(match):
        return "no: a different address"
    if not address.startswith(pattern.prefix):
        return f"no: the address does not begin with {pattern.prefix!r}"
    if not address.endswith(pattern.suffix):
        return f"no: the address does not end with {pattern.suffix!r}"
    return f"no: {address} does not match"

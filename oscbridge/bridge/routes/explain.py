"""Explains what routes do with a message, step by step. Sends nothing and keeps no state."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple, TypeAlias

from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.expression_steps import ExpressionSteps
from oscbridge.bridge.routes.naming import route_text
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Handler
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Context, Let
from oscbridge.options import Options
from oscbridge.osc import Message, Pattern, is_pattern
from oscbridge.osc.text import format_message

__all__ = ["RouteTrace", "Step", "sources", "trace"]

MAX_VALUE: Final = 60
"""Characters of a value that a step shows."""

Outcome: TypeAlias = Literal["passed", "stopped", "sent"]


class Step(NamedTuple):
    """One step of a route, and what it does with the message."""

    key: str
    """The key in the configuration."""
    value: str
    """Its value there."""
    result: str
    outcome: Outcome = "passed"


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


def trace(configuration: Configuration, source: str, message: Message) -> list[RouteTrace]:
    """What the routes that read from a source do with a message."""
    return [
        RouteTrace(
            number,
            route_text(number, route.name, route.match),
            tuple(_trace_route(configuration, route, message)),
        )
        for number, route in enumerate(configuration.routes, 1)
        if source in route.sources
    ]


def _trace_route(
    configuration: Configuration, route: RouteConfig, message: Message
) -> Iterator[Step]:
    if not route.enabled:
        yield Step("enabled", "false", "no: the route is disabled", "stopped")
        return
    captures = _match(route.match, message.address)
    if captures is None:
        yield Step("match", route.match, _why_not(route.match, message.address), "stopped")
        return
    found = ", ".join(f"{{{name}}} = {text}" for name, text in captures.items())
    yield Step("match", route.match, found or "matches")
    if route.types is not None:
        if (message.types or "") != route.types:
            text = f"no: the types are {message.types or ''!r}"
            yield Step("types", route.types, text, "stopped")
            return
        yield Step("types", route.types, "matches")
    expressions = yield from _expression_steps(route, message, captures)
    if expressions is None:
        return
    messages = [message]
    for key, value, step in _pure_steps(route):
        made: list[Message] = []
        lost = [
            why
            for each in messages
            if (why := _run(step, message.address, captures, each, made, expressions))
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
    yield from _stateful_steps(route)
    for name in route.to:
        type_name = configuration.endpoints[name].type_name
        yield Step("to", name, f"{type_name}{_options(route.options.get(name))}", "sent")


def _expression_steps(
    route: RouteConfig, message: Message, captures: Mapping[str, str]
) -> Generator[Step, None, Let | None]:
    """The steps ``let`` and ``when``; returns the values of ``let``, None if it ends there."""
    steps = ExpressionSteps(route, Pattern(route.match, mapped=True).captures)
    context = Context(message.address, message.types or "", captures)
    key = "let"
    let: Let = ()
    try:
        evaluate = steps.bind_let(context)
        if evaluate is not None:
            let = evaluate(message.args)
        for (name, expression), value in zip(steps.let, let, strict=True):
            yield Step("let", f"{name} = {expression.text}", f"{value!r}"[:MAX_VALUE])
        key = "when"
        condition = steps.bind_when(context)
        if condition is not None and steps.when is not None:
            passes = condition(message.args, let)
            known = steps.when.values(context, message.args, let)
            values = ", ".join(f"{name} = {value!r}"[:MAX_VALUE] for name, value in known)
            text = f"{'yes' if passes else 'no'}: {values}" if values else f"{passes}".lower()
            yield Step("when", steps.when.text, text, "passed" if passes else "stopped")
            return let if passes else None
    except MessageDropped as error:
        yield Step(key, route.when or "" if key == "when" else "", f"lost: {error}", "stopped")
        return None
    return let


def _pure_steps(route: RouteConfig) -> Iterator[tuple[str, str, RouteConfig]]:
    """Each step as a route that has only this step. Together they are the whole route."""
    bare = RouteConfig(match=route.match)
    if route.scale is not None:
        value = ", ".join(map(str, route.scale))
        curve = f" curve {route.curve:g}" if route.curve != 1.0 else ""
        yield "scale", f"[{value}]{curve}", replace(bare, scale=route.scale, curve=route.curve)
    if route.send is not None:
        yield "send", route.send, replace(bare, send=route.send, let=route.let)
    if route.function is not None:
        yield "function", route.function, replace(bare, function=route.function)


def _run(
    route: RouteConfig,
    address: str,
    captures: Mapping[str, str],
    message: Message,
    made: list[Message],
    let: Let,
) -> str:
    """Run a step and add the new messages to ``made``. Returns why the message was lost, if so."""
    reasons: list[str] = []
    steps = PureSteps(route, lambda _reason, text, _error: reasons.append(text), let=let)
    run = steps.bind(address, message.types, captures, made.append)
    if run is not None:
        run(message)
    return "; ".join(reasons)


def _stateful_steps(route: RouteConfig) -> Iterator[Step]:
    if route.on_change:
        yield Step("on_change", "true", "passes if its values differ from the last ones there")
    if route.limit is not None:
        text = f"at most one per {_seconds(1 / route.limit)} per address; the last one arrives"
        yield Step("limit", f"{route.limit:g}/s", text)
    if route.delay is not None:
        yield Step("delay", f"{route.delay:g}", f"{_seconds(route.delay)} later")


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _options(options: Options | None) -> str:
    if options is None:
        return ""
    values = [f"{name} = {getattr(options, name)!r}" for name in type(options).model_fields]
    return f" {{ {', '.join(values)} }}"


def _match(match: str, address: str) -> dict[str, str] | None:
    """The captures, as a dispatcher finds them; None where the address does not match."""
    found = AddressMap()
    found.add(match, Handler(print, []))
    return next((captures for _, captures in found.match(address)), None)


def _why_not(match: str, address: str) -> str:
    pattern = Pattern(match, mapped=True)
    if is_pattern(address):
        return "no: the address is a pattern that does not match this one"
    if not is_pattern(match):
        return "no: a different address"
    if not address.startswith(pattern.prefix):
        return f"no: the address does not begin with {pattern.prefix!r}"
    if not address.endswith(pattern.suffix):
        return f"no: the address does not end with {pattern.suffix!r}"
    return f"no: {address} does not match"

"""What the routes would do with a message, step by step. Sends nothing, remembers nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

from oscbridge.bridge.config.resolved import Configuration, RouteEntry
from oscbridge.bridge.routes.pure_steps import PureSteps, RouteSpec
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Handler
from oscbridge.options import Options
from oscbridge.osc import Message, Pattern, is_pattern
from oscbridge.osc.text import format_message

__all__ = ["RouteTrace", "Step", "sources", "trace"]

Outcome: TypeAlias = Literal["passed", "stopped", "sent"]


class Step(NamedTuple):
    """One step of a route, and what it does with the message."""

    key: str
    """The key in the configuration."""
    value: str
    """Its value, as it stands there."""
    result: str
    outcome: Outcome = "passed"


class RouteTrace(NamedTuple):
    """What one route does with a message."""

    number: int
    """Its place in the file, from 1."""
    steps: tuple[Step, ...]

    @property
    def sent(self) -> bool:
        """Whether anything goes to an endpoint."""
        return any(step.outcome == "sent" for step in self.steps)


def sources(configuration: Configuration) -> list[str]:
    """Where a message may come from: all bridges, and endpoints that routes read from."""
    read = {source for entry in configuration.routes for source in entry.sources}
    return [
        *configuration.bridges,
        *(name for name in configuration.endpoints if name in read),
    ]


def trace(configuration: Configuration, source: str, message: Message) -> list[RouteTrace]:
    """What the routes that read from a source do with a message."""
    return [
        RouteTrace(number, tuple(_trace_route(configuration, entry, message)))
        for number, entry in enumerate(configuration.routes, 1)
        if source in entry.sources
    ]


def _trace_route(
    configuration: Configuration, entry: RouteEntry, message: Message
) -> Iterator[Step]:
    spec = entry.spec
    captures = _match(spec.match, message.address)
    if captures is None:
        yield Step("match", spec.match, _why_not(spec.match, message.address), "stopped")
        return
    found = ", ".join(f"{{{name}}} = {text}" for name, text in captures.items())
    yield Step("match", spec.match, found or "fits")
    if spec.types is not None:
        if (message.types or "") != spec.types:
            yield Step("types", spec.types, f"no: the types are {message.types or ''!r}", "stopped")
            return
        yield Step("types", spec.types, "fits")
    messages = [message]
    for key, value, step in _pure_steps(spec):
        made: list[Message] = []
        lost = [why for m in messages if (why := _run(step, message.address, captures, m, made))]
        for each in made:
            yield Step(key, value, format_message(each))
        for why in lost:
            yield Step(key, value, f"lost: {why}", "stopped")
        if not made and not lost:
            yield Step(key, value, "makes no message of it", "stopped")
        if not made:
            return
        messages = made
    yield from _memory(entry)
    for name in entry.to:
        type_name = configuration.endpoints[name].type_name
        yield Step("to", name, f"{type_name}{_options(entry.options.get(name))}", "sent")


def _pure_steps(spec: RouteSpec) -> Iterator[tuple[str, str, RouteSpec]]:
    """Each step alone, as a route of its own. One after another they are the whole."""
    bare = RouteSpec(match=spec.match)
    if spec.scale is not None:
        value = ", ".join(map(str, spec.scale))
        curve = f" curve {spec.curve:g}" if spec.curve != 1.0 else ""
        yield "scale", f"[{value}]{curve}", replace(bare, scale=spec.scale, curve=spec.curve)
    if spec.send is not None:
        yield "send", spec.send, replace(bare, send=spec.send)
    if spec.function is not None:
        yield "function", spec.function, replace(bare, function=spec.function)


def _run(
    spec: RouteSpec,
    address: str,
    captures: Mapping[str, str],
    message: Message,
    made: list[Message],
) -> str:
    """Run a step; what comes of the message is added to ``made``. Why it was lost, if it was."""
    reasons: list[str] = []
    steps = PureSteps(spec, lambda _reason, text, _error: reasons.append(text))
    run = steps.bind(address, message.types, captures, made.append)
    if run is not None:
        run(message)
    return "; ".join(reasons)


def _memory(entry: RouteEntry) -> Iterator[Step]:
    memory = entry.memory
    if memory.on_change:
        yield Step("on_change", "true", "passes when its values differ from the last ones there")
    if memory.limit is not None:
        text = f"at most one in {_seconds(1 / memory.limit)} an address; the last one arrives"
        yield Step("limit", f"{memory.limit:g}/s", text)
    if memory.delay is not None:
        yield Step("delay", f"{memory.delay:g}", f"{_seconds(memory.delay)} later")


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
        return "no: the address is a pattern, and the match is none that it fits"
    if not is_pattern(match):
        return "no: this is another address"
    if not address.startswith(pattern.prefix):
        return f"no: the address does not begin with {pattern.prefix!r}"
    if not address.endswith(pattern.suffix):
        return f"no: the address does not end with {pattern.suffix!r}"
    return f"no: {address} does not fit"

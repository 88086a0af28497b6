"""What the routes do with a message as lines of text, as ``oscbridge check --trace`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, Protocol

from oscbridge.bridge.app import App
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.direct import DirectRoute
from oscbridge.bridge.routes.explain import Outcome, RouteTrace, trace
from oscbridge.bridge.routes.trace_steps import TraceState
from oscbridge.osc import Message, Origin
from oscbridge.osc.text import format_message

__all__ = ["Style", "plain", "trace_lines"]

_COLOURS: Final[dict[Outcome, str | None]] = {"passed": None, "stopped": "yellow", "sent": "green"}

WIDEST: Final = 40
"""Columns of a value; a longer one moves its result to the right."""


class Style(Protocol):
    """Colours a text, as ``click.style`` does."""

    def __call__(self, text: str, /, *, fg: str | None = None, bold: bool | None = None) -> str:
        """The text with its style."""


def plain(text: str, /, *, fg: str | None = None, bold: bool | None = None) -> str:
    """A :class:`Style` without colours."""
    return text


def trace_lines(
    app: App,
    source: str,
    message: Message,
    style: Style,
    *,
    only_matches: bool = False,
    state: TraceState | None = None,
) -> tuple[list[str], bool]:
    """What happens to a message from a source, and whether it is sent anywhere.

    With ``only_matches``, routes whose ``match`` does not fit are only counted. Without a
    ``state`` it is the first message.
    """
    kind = "bridge" if source in app.configuration.bridges else "endpoint"
    shown = style(format_message(message), bold=True)
    lines = [f"{shown} from {kind} {style(source, fg='cyan', bold=True)}"]
    if _is_absorbed(app.configuration, source, message):
        return [*lines, style("  for the bridge itself: it is not routed", fg="yellow")], False
    routes = trace(app.configuration, source, message._replace(origin=Origin(source)), state)
    others = [each for each in routes if only_matches and _is_other(each)]
    lines += _route_lines([each for each in routes if each not in others], style)
    if others:
        count = "1 route does" if len(others) == 1 else f"{len(others)} routes do"
        lines.append(f"  {count} not match")
    defaults = _defaults(app, source, message)
    for endpoint in defaults:
        lines.append(f"  {style('a plugin', bold=True)} sends it to {endpoint} unchanged")
    is_sent = bool(defaults) or any(route.sent for route in routes)
    if not routes and not defaults:
        lines.append("  no route reads from this source")
    elif not is_sent:
        lines.append(style("  it is not sent anywhere", fg="yellow"))
    return lines, is_sent


def _is_absorbed(configuration: Configuration, source: str, message: Message) -> bool:
    """Whether a message to a bridge only concerns who is its client."""
    bridge = configuration.bridges.get(source)
    clients = None if bridge is None else bridge.clients
    return clients is not None and message.address in clients.absorbed


def _is_other(route: RouteTrace) -> bool:
    """Whether a route has nothing to do with the address of the message."""
    return route.steps[-1].key == "match"


def _route_lines(routes: Sequence[RouteTrace], style: Style) -> Iterator[str]:
    """The steps, aligned over all routes."""
    steps = [step for route in routes for step in route.steps]
    keys = max((len(step.key) for step in steps), default=0)
    values = min(max((len(step.value) for step in steps), default=0), WIDEST)
    for route in routes:
        yield style(f"  {route.name}", bold=True)
        for (key, value), group in groupby(route.steps, key=lambda step: (step.key, step.value)):
            first = f"{key:{keys}}  {value:{values}}"
            for step in group:  # a function may return several messages
                colour = _COLOURS[step.outcome]
                result = step.result if colour is None else style(step.result, fg=colour)
                yield f"    {first}  {result}"
                first = " " * len(first)


def _defaults(app: App, source: str, message: Message) -> list[str]:
    """The endpoints to which routes of plugins send a message."""
    found = []
    for handler in app.dispatchers[source].handlers_for_address(message.address):
        if isinstance(handler.callback, DirectRoute):
            found.append(handler.callback.sink.name)
    return found

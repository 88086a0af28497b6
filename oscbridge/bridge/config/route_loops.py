"""Routes with steps without effect, or in endless loops: only those that are certain."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from oscbridge.bridge.config.problem import show
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.routes.scale import Scale
from oscbridge.osc.pattern import Pattern, is_pattern
from oscbridge.osc.type_tags import NUMBER_TAGS
from oscbridge.templates.message import MessageTemplate

__all__ = ["Hop", "always_sent_to", "endless", "impossible", "is_held_back", "pointless"]


def pointless(
    route: RouteOptions, template: MessageTemplate | None
) -> Iterator[tuple[str, str, str]]:
    """The steps of a route without effect: the key, its value as shown, and the reason."""
    if route.scale is None and "curve" in route.model_fields_set:
        yield "curve", show(route.curve), "has no effect without 'scale'; add 'scale'"
    yield from _holds_without_presses(route, template)
    if route.types is not None and route.scale is not None:
        scaled, _ = Scale(*route.scale).bind(route.types)
        if scaled == route.types and not set(_outside_arrays(route.types)) & NUMBER_TAGS:
            text = f"has no effect: messages with types = '{route.types}' have no number"
            yield "scale", show(list(route.scale)), text


def impossible(
    route: RouteOptions, template: MessageTemplate | None
) -> Iterator[tuple[str, str, str]]:
    """The steps of a route that cannot work, in the same form."""
    if route.json_part is not None and route.function is not None:
        text = "cannot be combined with 'json'; let the function read the document"
        yield "function", show(route.function), text
    timed = {"debounce": route.debounce, "hold": route.hold, "ramp": route.ramp}
    names = [name for name, seconds in timed.items() if seconds is not None]
    for name in names[1:]:
        text = f"cannot be combined with '{names[0]}'; use one of {', '.join(timed)}"
        yield name, show(timed[name]), text
    if route.types is None or template is None:
        return
    scaled = route.types
    if route.scale is not None:
        scaled, _ = Scale(*route.scale).bind(route.types)
    if why := template.conflict_with(scaled):
        yield "send", show(route.send), why


def _holds_without_presses(
    route: RouteOptions, template: MessageTemplate | None
) -> Iterator[tuple[str, str, str]]:
    if route.hold is None or route.function is not None:
        return
    if template is not None and not template.first_argument_varies:
        text = "every message of 'send' has the same first argument, so no press or release is seen"
        yield "hold", show(route.hold), f"{text}; let 'send' begin with one, e.g. {{0}}"
    elif template is None and route.types == "":
        yield "hold", show(route.hold), "messages with types = '' have no first argument"


def _outside_arrays(types: str) -> Iterator[str]:
    depth = 0
    for tag in types:
        depth += (tag == "[") - (tag == "]")
        if not depth:
            yield tag


def always_sent_to(route: RouteOptions, template: MessageTemplate | None) -> str | None:
    """The address of a route's outgoing messages, if it is always the same."""
    if route.function is not None:
        return None
    if template is not None and not template.keeps_address:
        return template.address
    is_known = route.json_part is None and not is_pattern(route.match)
    return route.match if is_known else None


def endless(
    routes: Mapping[int, RouteOptions],
    comes_back: Mapping[str, Sequence[str]],
    answers: Container[tuple[str, str]],
    bridges: Mapping[str, bool],
) -> Iterator[tuple[int, str, str]]:
    """Routes that send messages in an endless loop: route number, endpoint, and the loop.

    ``comes_back`` maps an OSC endpoint to the sources that receive the messages sent to it. An
    endpoint sends no messages from itself or from its peer: ``answers`` holds pairs of
    endpoints of which the second sends to where the first sends from. Those in ``bridges`` are
    bridges, which hold a message back from the one client that it came from, unless they echo.

    Only loops in which messages stay unchanged are reported: there each incoming message
    circulates until the program ends.
    """
    reported: set[frozenset[str]] = set()
    # No other route can be part of a loop, and most configurations have none of these.
    routes = {n: route for n, route in routes.items() if any(map(comes_back.get, route.to))}
    for first in routes.values():
        same = {number: route for number, route in routes.items() if _takes_all_of(route, first)}
        if first not in same.values():
            continue
        for start in [Hop(0, e, s) for e, sources in comes_back.items() for s in sources]:
            loop = _loop(start, same, comes_back, answers, bridges)
            members = frozenset(hop.endpoint for hop in loop)
            if loop and members not in reported:
                reported.add(members)
                loop = loop[(at := loop.index(min(loop))) :] + loop[:at]
                way = [loop[-1].source] + [name for hop in loop for name in hop[1:]]
                yield loop[0].route, loop[0].endpoint, " → ".join(way)


class Hop(NamedTuple):
    """A message has gone through a route to an endpoint, and has come back by a source."""

    route: int
    endpoint: str
    source: str


def _loop(
    start: Hop,
    routes: Mapping[int, RouteOptions],
    comes_back: Mapping[str, Sequence[str]],
    answers: Container[tuple[str, str]],
    bridges: Mapping[str, bool],
) -> list[Hop]:
    """The hops of a loop from ``start`` back to it; empty if there is none."""
    paths: list[list[Hop]] = [[start]]
    seen: set[Hop] = set()
    while paths:
        path = paths.pop()
        for number, route in routes.items():
            if path[-1].source not in route.sources:
                continue
            for endpoint in route.to:
                for source in comes_back.get(endpoint, ()):
                    hop = Hop(number, endpoint, source)
                    if is_held_back(hop, path[-1], answers, bridges):
                        continue
                    if hop[1:] == start[1:]:
                        return [*path[1:], hop]
                    if hop not in seen:
                        seen.add(hop)
                        paths.append([*path, hop])
    return []


def is_held_back(
    hop: Hop, before: Hop, answers: Container[tuple[str, str]], bridges: Mapping[str, bool]
) -> bool:
    """Whether an endpoint does not send a message to where it came from."""
    if hop.endpoint in bridges:  # only that client does not get it
        returns = hop.endpoint == before.source and hop.source == before.endpoint
        return returns and not bridges[hop.endpoint]
    return hop.endpoint in before[1:] or (before.endpoint, hop.endpoint) in answers


def _takes_all_of(route: RouteOptions, first: RouteOptions) -> bool:
    """Whether every message that the first route sends passes this one, with its address kept."""
    if route.function is not None or route.on_change or route.let or route.when is not None:
        return False
    if route.json_part is not None or route.relative is not None:
        return False
    if route.hold is not None:
        return False
    if route.send is not None:
        captures = Pattern(route.match, mapped=True).captures
        try:
            if not MessageTemplate(route.send, captures).keeps_address:
                return False
        except ValueError:
            return False
    if first.types is not None and (route.scale or route.send):
        return False  # it may change the types
    return route.match in ("*", first.match) and route.types in (None, first.types)

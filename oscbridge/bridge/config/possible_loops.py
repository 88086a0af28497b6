"""Warns of routes that may send messages round in a loop through this program's own sockets."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from oscbridge.bridge.config.route_loops import Hop, always_sent_to, is_held_back
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.osc.pattern import Pattern, Subject
from oscbridge.templates.message import MessageTemplate

__all__ = ["possible_loops"]

MAX_HOPS_SEEN: Final = 10_000
"""Hops that are looked at before the search for loops ends."""


def possible_loops(
    routes: Mapping[int, RouteOptions],
    comes_back: Mapping[str, Sequence[str]],
    answers: Container[tuple[str, str]],
    bridges: Mapping[str, bool],
    warned: Container[str] = (),
) -> Iterator[tuple[int, str]]:
    """The first route of each possible loop, and a warning. For the arguments see ``endless``.

    Loops through the bridges in ``warned`` are known already. A loop is possible if each of its
    routes may send an address that the next one takes.
    """
    # No other route can be part of a loop, and most configurations have none of these.
    routes = {n: route for n, route in routes.items() if any(map(comes_back.get, route.to))}
    follows = _Follows(routes)
    is_held = partial(is_held_back, answers=answers, bridges=bridges)
    reported: set[int] = set()
    for number in routes:
        loop = _loop(number, routes, comes_back, is_held, follows)
        if any(hop.endpoint in warned for hop in loop):
            continue
        if loop and not reported & {hop.route for hop in loop}:
            reported |= {hop.route for hop in loop}
            way = [loop[-1].source] + [name for hop in loop for name in hop[1:]]
            text = f"possible endless loop: what it sends may come back: {' → '.join(way)}"
            yield number, f"route {number + 1}: {text}"


class _Follows:
    """Whether a route may take what another one sends."""

    def __init__(self, routes: Mapping[int, RouteOptions]) -> None:
        self._patterns = {n: Pattern(route.match, mapped=True) for n, route in routes.items()}
        self._sent = {n: self._sent_by(n, route) for n, route in routes.items()}

    def __call__(self, first: int, second: int) -> bool:
        address, prefix = self._sent[first]
        pattern = self._patterns[second]
        if address is not None:
            return pattern.matches(Subject(address))
        length = min(len(prefix), len(pattern.prefix))
        return prefix[:length] == pattern.prefix[:length]

    def _sent_by(self, number: int, route: RouteOptions) -> tuple[str | None, str]:
        """The address that a route sends, or None and how all its addresses begin."""
        pattern, template = self._patterns[number], None
        if route.function is not None:
            return None, ""
        if route.send is not None:
            try:
                template = MessageTemplate(route.send, pattern.captures)
            except ValueError:
                return None, ""
            if not template.keeps_address and template.address is None:
                return None, ""
        return always_sent_to(route, template), pattern.prefix


def _loop(
    first: int,
    routes: Mapping[int, RouteOptions],
    comes_back: Mapping[str, Sequence[str]],
    is_held: Callable[[Hop, Hop], bool],
    follows: Callable[[int, int], bool],
) -> list[Hop]:
    """The hops of a loop that begins with a route; empty if there is none."""
    paths = [[hop] for hop in _hops(first, routes[first], comes_back)]
    seen: set[Hop] = set()
    while paths and len(seen) < MAX_HOPS_SEEN:
        path = paths.pop()
        last = path[-1]
        for number, route in routes.items():
            if last.source not in route.sources or not follows(last.route, number):
                continue
            for hop in _hops(number, route, comes_back):
                if is_held(hop, last):
                    continue
                if hop == path[0]:
                    return path
                if hop not in seen:
                    seen.add(hop)
                    paths.append([*path, hop])
    return []


def _hops(number: int, route: RouteOptions, comes_back: Mapping[str, Sequence[str]]) -> list[Hop]:
    return [Hop(number, to, source) for to in route.to for source in comes_back.get(to, ())]

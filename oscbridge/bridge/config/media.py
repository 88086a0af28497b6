"""Endpoints that share a medium, e.g. one broker: what one sends, the others may receive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Set

from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.contract.abilities import SharesMedium

__all__ = ["loop_warnings", "neighbours_of"]


def neighbours_of(endpoints: Mapping[str, EndpointEntry]) -> Mapping[str, Set[str]]:
    """By endpoint, the other endpoints of its type with a common medium."""
    users: defaultdict[tuple[str, Hashable], set[str]] = defaultdict(set)
    for name, entry in endpoints.items():
        if issubclass(entry.factory, SharesMedium):
            for medium in entry.factory.media(entry.options):
                users[entry.type_name, medium].add(name)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for names in users.values():
        for name in names:
            found[name] |= names - {name}
    return found


def _loops_through_media(
    routes: Mapping[int, RouteOptions], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[tuple[int, str]]:
    """Routes that may form a loop through media: the number of the first, and the loop.

    Topics, matches and functions are not considered: the loop may not exist.
    """
    neighbours = neighbours_of(endpoints)
    reported: set[frozenset[str]] = set()
    for start in neighbours:
        path = _way_back(start, routes, neighbours)
        members = frozenset(name for _, _, name in path)
        if path and members not in reported:
            reported.add(members)
            way = [name for _, source, sink in path for name in (source, sink)]
            yield path[0][0], " → ".join([*way, path[0][1]])


def _way_back(
    start: str, routes: Mapping[int, RouteOptions], neighbours: Mapping[str, Set[str]]
) -> list[tuple[int, str, str]]:
    """The shortest way from a sink back to it: route, source, sink; empty if there is none."""
    paths: list[list[tuple[int, str, str]]] = [[]]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        sink = path[-1][2] if path else start
        for number, route in routes.items():
            for source in sorted(neighbours[sink] & set(route.sources)):
                for to in route.to:
                    if to == start:
                        return [*path, (number, source, to)]
                    if to in neighbours and to not in seen and to != source:
                        seen.add(to)
                        paths.append([*path, (number, source, to)])
    return []


def loop_warnings(
    routes: Mapping[int, RouteOptions], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[tuple[int, str]]:
    """A line for each route that may send to itself, with the index of the route."""
    for index, loop in _loops_through_media(routes, endpoints):
        text = f"route {index + 1}: possible endless loop: {loop}: sent messages may come back"
        yield (
            index,
            f"{text}; make sure that the topics or universes differ, or use one endpoint for both "
            "directions",
        )

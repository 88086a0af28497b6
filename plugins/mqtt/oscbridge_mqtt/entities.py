"""The entities of Home Assistant that an endpoint has announced, or is to take back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Final, NamedTuple

import oscbridge
from oscbridge_mqtt.homeassistant import Announcement
from oscbridge_mqtt.options import MQTTRoute
from oscbridge_mqtt.publication import Plan, Planner

__all__ = ["Entities"]

MAX_ENTITIES: Final = 1_000
"""Entities of Home Assistant that one endpoint announces."""


class _Known(NamedTuple):
    announcement: Announcement
    route: object
    """The route's options."""
    foreseen: bool
    """Whether the route says what it is, and no message is needed."""


class Entities:
    """All entities of one endpoint. ``refused`` is told of one that is too many."""

    def __init__(self, planner: Planner, refused: Callable[[str], None]) -> None:
        self._planner = planner
        self._refused = refused
        self._known: dict[str, _Known] = {}
        self._gone: dict[str, Announcement] = {}
        self._options: Set[object] = frozenset()
        """Of the routes that have entities."""
        self._left: Set[object] = frozenset()
        """Of those that the last reload took away; messages of theirs may still be waiting."""

    def __iter__(self) -> Iterator[Announcement]:
        return iter([known.announcement for known in self._known.values()])

    def add(self, plan: Plan) -> Announcement | None:
        """An entity that a message belongs to, if it is to be announced."""
        entity = plan.entity
        if entity is None:
            return None
        known = self._known.get(entity.topic)
        if known is not None and known.announcement == entity:
            return None
        if plan.route in self._left:
            return None
        foreseen = known is not None and known.foreseen
        return entity if self._keep(_Known(entity, plan.route, foreseen)) else None

    def reroute(self, routes: Iterable[oscbridge.RouteInfo]) -> list[Announcement]:
        """Go on with these routes. Returns the entities that are to be announced.

        An entity of a route whose messages all have one address is there from the start; those
        that a match captures come with their first message. For what no route has any more see
        :meth:`take_gone`.
        """
        routes = [route for route in routes if _has_entity(route.options)]
        options = {route.options for route in routes}
        self._options, self._left = options, self._options - options
        foreseen = dict(self._foresee(routes))
        patterns = {route.options for route in routes if route.address is None}
        for topic, known in list(self._known.items()):
            if topic not in foreseen and (known.foreseen or known.route not in patterns):
                self._gone[topic] = self._known.pop(topic).announcement
        fresh = []
        for topic, known in foreseen.items():
            before = self._known.get(topic)
            if (before is None or before.route != known.route) and self._keep(known):
                fresh.append(known.announcement)
        return fresh

    def take_gone(self) -> Mapping[str, Announcement]:
        """What is to be taken back, once."""
        gone, self._gone = self._gone, {}
        return gone

    def _keep(self, known: _Known) -> bool:
        topic = known.announcement.topic
        if topic not in self._known and len(self._known) >= MAX_ENTITIES:
            self._refused(f"an entity beyond {MAX_ENTITIES}: {topic}")
            return False
        self._known[topic] = known
        self._gone.pop(topic, None)
        return True

    def _foresee(self, routes: Iterable[oscbridge.RouteInfo]) -> Iterator[tuple[str, _Known]]:
        for route in routes:
            if route.address is None:
                continue
            # What type the values have is known with the first message.
            message = oscbridge.Message(
                route.address, "f", (), route=oscbridge.Routed(route.options, {})
            )
            try:
                entity = self._planner.entity(message)
            except (ValueError, LookupError):
                continue  # the first message is refused for it, and tells
            if entity is not None:
                yield entity.topic, _Known(entity, route.options, True)


def _has_entity(options: oscbridge.Options | None) -> bool:
    return isinstance(options, MQTTRoute) and options.homeassistant is not None

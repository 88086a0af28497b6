"""The Home Assistant entities that an endpoint has announced or has to remove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.homeassistant import Announcement
from oscbridge_mqtt.options import MQTTRoute
from oscbridge_mqtt.publication import PublicationPlan, PublicationPlanner

__all__ = ["MAX_ENTITIES", "Entities"]

MAX_FOUND: Final = 8_192
"""Most characters of the topics of a retained document that is recognised as our own."""

MAX_ENTITIES: Final = 1_000
"""Most Home Assistant entities that one endpoint announces; as many may wait for their removal,
and as many of an earlier start are remembered."""


class KnownEntity(NamedTuple):
    announcement: Announcement
    route: object
    """The route's options."""
    static: bool
    """Whether it follows from the route alone, without a message."""
    has_type: bool
    """Whether the type of its values is known from a message."""


class Entities:
    """All entities of one endpoint. ``on_rejected`` is called with the reason for a rejected one.

    An entity is identified by the topic of its document, which follows from the topic of its
    state. When two have the same topic, the first one keeps it.
    """

    def __init__(self, planner: PublicationPlanner, on_rejected: Callable[[str], None]) -> None:
        self._planner = planner
        self._on_rejected = on_rejected
        self._known: dict[str, KnownEntity] = {}
        self._removed: dict[str, Announcement | None] = {}
        self._older: dict[str, str] = {}
        """Announced by an earlier start, and possible with the current routes: the topics of
        their states, by the topics of their documents."""
        self._patterns: Set[MQTTRoute] = frozenset()
        """The options of routes whose entities follow from messages."""
        self.are_configured = False
        """Whether a route has entities."""

    @staticmethod
    def are_wanted(routes: Iterable[oscbridge.RouteInfo]) -> bool:
        """Whether a route has entities."""
        return any(_with_entity(info.options) is not None for info in routes)

    def __iter__(self) -> Iterator[Announcement]:
        return iter([known.announcement for known in self._known.values()])

    def add(self, plan: PublicationPlan) -> Announcement | None:
        """The entity of a message, if it has to be announced."""
        entity = plan.entity
        if entity is None:
            return None
        known = self._known.get(entity.topic)
        if known is None:
            if plan.route not in self._patterns:
                return None  # the send queue may hold messages of a removed route
        elif known.has_type or known.route != plan.route:
            return None
        static = known is not None and known.static
        return entity if self._keep(KnownEntity(entity, plan.route, static, True)) else None

    def reroute(self, routes: Iterable[oscbridge.RouteInfo]) -> list[Announcement]:
        """Use these routes from now on. Returns the entities that have to be announced.

        The entity of a route whose messages all have one address is known from the start; those
        with captures are known from their first message. See :attr:`removed` for the entities
        that have no route any more.
        """
        having = [(own, info.address) for info in routes if (own := _with_entity(info.options))]
        self.are_configured = bool(having)
        self._patterns = {own for own, address in having if address is None}
        static = self._static_entities(having)
        for topic, known in list(self._known.items()):
            if topic not in static and (known.static or known.route not in self._patterns):
                self._remove(topic, self._known.pop(topic).announcement)
            elif not known.static:  # the captures may have changed
                self._known[topic] = known._replace(has_type=False)
        for topic, state in list(self._older.items()):
            if self._possible_route(topic, state) is None:
                self._remove(topic, None)
        new = []
        for topic, known in static.items():
            before = self._known.get(topic)
            if (before is None or not _differs_in_type_only(before, known)) and self._keep(known):
                new.append(known.announcement)
        return new

    @property
    def removed(self) -> Mapping[str, Announcement | None]:
        """The entities to remove, until :meth:`settled`; None for those of an earlier start."""
        return dict(self._removed)

    def settled(self, topic: str) -> None:
        """The broker has removed an entity."""
        self._removed.pop(topic, None)

    def found(self, topic: str, document: bytes) -> Announcement | None:
        """The broker has retained a document, perhaps of an earlier start.

        Returns the entity if a route can have it: its commands work before its first message.
        An entity that no route can have is removed (:attr:`removed`).
        """
        if topic in self._known or topic in self._removed or len(topic) > MAX_FOUND:
            return None
        try:
            content = orjson.loads(document)
            origin, state = content["origin"]["name"], homeassistant.state_topic_of(content)
        except (ValueError, LookupError, TypeError):
            return None
        if origin != "oscbridge" or len(state) > MAX_FOUND:
            return None
        own = self._possible_route(topic, state)
        if own is None or own.homeassistant is None:
            self._remove(topic, None)
            return None
        try:
            retain = own.retain is not False
            described = own.homeassistant
            if described.command is None:
                address = homeassistant.command_address_of(content)
                described = self._planner.described(described, address)
            command = homeassistant.command_of(described, content, retain=retain)
        except (ValueError, LookupError, TypeError):
            if len(self._older) < MAX_ENTITIES:
                self._older[topic] = state
            return None
        found = Announcement(topic, document, command, described)
        return found if self._keep(KnownEntity(found, own, False, False)) else None

    def _possible_route(self, topic: str, state: str) -> MQTTRoute | None:
        """The route of which a message can have an entity with this topic of its state."""
        for own in self._patterns:
            entity = own.homeassistant
            if entity is None or f"/{entity.component}/" not in topic:
                continue
            if own.topic is None or homeassistant.matches(own.topic, state):
                return own
        return None

    def _remove(self, topic: str, announcement: Announcement | None) -> None:
        self._older.pop(topic, None)
        if len(self._removed) >= MAX_ENTITIES:
            self._on_rejected(
                f"removal of entity {topic}: more than {MAX_ENTITIES} removed entities"
            )
        else:
            self._removed[topic] = announcement

    def _keep(self, known: KnownEntity) -> bool:
        topic = known.announcement.topic
        if topic not in self._known and len(self._known) >= MAX_ENTITIES:
            self._on_rejected(f"entity {topic}: more than {MAX_ENTITIES} entities")
            return False
        self._known[topic] = known
        self._removed.pop(topic, None)
        self._older.pop(topic, None)
        return True

    def _static_entities(
        self, routes: Iterable[tuple[MQTTRoute, str | None]]
    ) -> Mapping[str, KnownEntity]:
        found: dict[str, KnownEntity] = {}
        for own, address in routes:
            if address is None:
                continue
            # If the type of the values is not known, it is from the first message.
            types = self._planner.known_types(address) or "f"
            delivery = oscbridge.Delivery(oscbridge.Message(address, types), own, {})
            try:
                entity = self._planner.entity(delivery)
            except (ValueError, LookupError):
                continue  # reported for the first message
            if entity is None:
                continue
            other = found.get(entity.topic)
            if other is not None and other.announcement != entity:
                self._on_rejected(f"duplicate entity {entity.topic}: another route has this topic")
            else:
                found[entity.topic] = KnownEntity(entity, own, True, False)
        return found


def _with_entity(options: oscbridge.Options | None) -> MQTTRoute | None:
    """The options of a route, if it has entities."""
    if isinstance(options, MQTTRoute) and options.homeassistant is not None:
        return options
    return None


def _differs_in_type_only(one: KnownEntity, other: KnownEntity) -> bool:
    """Whether route, command address and facts are the same."""
    if one.announcement.entity != other.announcement.entity:
        return False
    addresses = [
        None if each.announcement.command is None else each.announcement.command.address
        for each in (one, other)
    ]
    return one.route == other.route and addresses[0] == addresses[1]

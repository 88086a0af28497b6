"""The entities of Home Assistant that an endpoint has announced, or is to take back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_mqtt.homeassistant import Announcement
from oscbridge_mqtt.options import MQTTRoute
from oscbridge_mqtt.publication import PublicationPlan, PublicationPlanner
from oscbridge_mqtt.topic import TextTemplate

__all__ = ["MAX_ENTITIES", "Entities"]

MAX_ENTITIES: Final = 1_000
"""Entities of Home Assistant that one endpoint announces; as many may wait to be taken back,
and as many of an earlier start are remembered."""


class KnownEntity(NamedTuple):
    announcement: Announcement
    route: object
    """The route's options."""
    foreseen: bool
    """Whether the route says what it is, and no message is needed."""
    has_type: bool
    """Whether a message has told the type of its values."""


class Entities:
    """All entities of one endpoint. ``refused`` is told of one that is too many.

    An entity is known by the topic of its document, which follows from the topic of its state.
    Of two that want one topic the first has it.
    """

    def __init__(self, planner: PublicationPlanner, refused: Callable[[str], None]) -> None:
        self._planner = planner
        self._refused = refused
        self._known: dict[str, KnownEntity] = {}
        self._gone: dict[str, Announcement | None] = {}
        self._older: dict[str, str] = {}
        """Those that an earlier start has announced and that may come again: the topics of
        their documents and of their states."""
        self._patterns: Set[MQTTRoute] = frozenset()
        """The options of routes whose entities come with messages."""
        self.are_configured = False
        """Whether any route has entities."""

    def __iter__(self) -> Iterator[Announcement]:
        return iter([known.announcement for known in self._known.values()])

    def add(self, plan: PublicationPlan) -> Announcement | None:
        """An entity that a message belongs to, if it is to be announced."""
        entity = plan.entity
        if entity is None:
            return None
        known = self._known.get(entity.topic)
        if known is None:
            if plan.route not in self._patterns:
                return None  # messages of a route that is gone may still be waiting
        elif known.has_type or known.route != plan.route:
            return None
        foreseen = known is not None and known.foreseen
        return entity if self._keep(KnownEntity(entity, plan.route, foreseen, True)) else None

    def reroute(self, routes: Iterable[oscbridge.RouteInfo]) -> list[Announcement]:
        """Go on with these routes. Returns the entities that are to be announced.

        An entity of a route whose messages all have one address is there from the start; those
        that a match captures come with their first message. For what no route has any more see
        :attr:`gone`.
        """
        having = [(own, info.address) for info in routes if (own := _with_entity(info.options))]
        self.are_configured = bool(having)
        self._patterns = {own for own, address in having if address is None}
        foreseen = self._foresee(having)
        for topic, known in list(self._known.items()):
            if topic not in foreseen and (known.foreseen or known.route not in self._patterns):
                self._leave(topic, self._known.pop(topic).announcement)
            elif not known.foreseen:  # what is captured may have changed
                self._known[topic] = known._replace(has_type=False)
        for topic, state in list(self._older.items()):
            if not self._may_come(topic, state):
                self._leave(topic, None)
        fresh = []
        for topic, known in foreseen.items():
            before = self._known.get(topic)
            if (before is None or not _is_as(before, known)) and self._keep(known):
                fresh.append(known.announcement)
        return fresh

    @property
    def removed(self) -> Mapping[str, Announcement | None]:
        """What is to be taken back, until :meth:`settled`; None of an earlier start."""
        return dict(self._gone)

    def settled(self, topic: str) -> None:
        """An entity has been taken back."""
        self._gone.pop(topic, None)

    def found(self, topic: str, document: bytes) -> bool:
        """Look at a document that the broker has kept. Whether it is to be taken back.

        It is if an earlier start has published it and no route can have such an entity.
        """
        if topic in self._known or topic in self._gone:
            return False
        try:
            content = orjson.loads(document)
            state, origin = content["state_topic"], content["origin"]["name"]
        except (ValueError, LookupError, TypeError):
            return False
        if origin != "oscbridge" or not isinstance(state, str):
            return False
        if not self._may_come(topic, state):
            self._leave(topic, None)
            return True
        if len(self._older) < MAX_ENTITIES:
            self._older[topic] = state
        return False

    def _may_come(self, topic: str, state: str) -> bool:
        """Whether a message can still bring an entity with this topic of its state."""
        for own in self._patterns:
            entity = own.homeassistant
            if entity is None or f"/{entity.component}/" not in topic:
                continue
            if own.topic is None or _pattern(own.topic).fullmatch(state):
                return True
        return False

    def _leave(self, topic: str, announcement: Announcement | None) -> None:
        self._older.pop(topic, None)
        if len(self._gone) >= MAX_ENTITIES:
            self._refused(f"to take back an entity beyond {MAX_ENTITIES}: {topic}")
        else:
            self._gone[topic] = announcement

    def _keep(self, known: KnownEntity) -> bool:
        topic = known.announcement.topic
        if topic not in self._known and len(self._known) >= MAX_ENTITIES:
            self._refused(f"an entity beyond {MAX_ENTITIES}: {topic}")
            return False
        self._known[topic] = known
        self._gone.pop(topic, None)
        self._older.pop(topic, None)
        return True

    def _foresee(self, routes: Iterable[tuple[MQTTRoute, str | None]]) -> Mapping[str, KnownEntity]:
        found: dict[str, KnownEntity] = {}
        for own, address in routes:
            if address is None:
                continue
            # What type the values have is known with the first message.
            message = oscbridge.Message(address, "f", (), route=oscbridge.Routed(own, {}))
            try:
                entity = self._planner.entity(message)
            except (ValueError, LookupError):
                continue  # the first message is refused for it, and tells
            if entity is None:
                continue
            other = found.get(entity.topic)
            if other is not None and other.announcement != entity:
                self._refused(f"a second entity of the topic {entity.topic}: another route has it")
            else:
                found[entity.topic] = KnownEntity(entity, own, True, False)
        return found


def _with_entity(options: oscbridge.Options | None) -> MQTTRoute | None:
    """Options of a route that has entities."""
    if isinstance(options, MQTTRoute) and options.homeassistant is not None:
        return options
    return None


def _is_as(one: KnownEntity, other: KnownEntity) -> bool:
    """Whether they differ in no more than the type of their values."""
    addresses = [
        None if each.announcement.command is None else each.announcement.command.address
        for each in (one, other)
    ]
    return one.route == other.route and addresses[0] == addresses[1]


def _pattern(text: str) -> re.Pattern[str]:
    """What a template can become."""
    parts = TextTemplate(text).fill(lambda _name: "\0").split("\0")
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)

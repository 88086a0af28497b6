"""The topics that one page watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from oscbridge import AccessGrant
from oscbridge.monitoring import Operations
from oscbridge_ui.client_messages import Unwatch, WatchLog, WatchNow, WatchValues
from oscbridge_ui.editing.messages import WatchRoutes
from oscbridge_ui.editing.routes_feed import RoutesTopic
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.log_feed import LogTopic
from oscbridge_ui.status_feed import NowTopic
from oscbridge_ui.topic import Topic
from oscbridge_ui.values_feed import ValuesTopic

__all__ = ["WatchMessage", "WatchedTopics"]

WatchMessage: TypeAlias = WatchNow | WatchLog | WatchValues | WatchRoutes | Unwatch
"""A message that begins or ends a topic."""


class WatchedTopics:
    """Topics by name. ``wake`` is called when one of them has something to send."""

    def __init__(self, operations: Operations, feeds: Feeds, wake: Callable[[], None]) -> None:
        self._operations = operations
        self._feeds = feeds
        self._wake = wake
        self._topics: dict[str, Topic] = {}

    def all(self) -> tuple[Topic, ...]:
        """All of them."""
        return tuple(self._topics.values())

    def handle(self, message: WatchMessage, grant: AccessGrant) -> None:
        """Watch what a message asks for, or no longer."""
        match message:
            case WatchNow():
                self.add("now", NowTopic(self._feeds.status, self._wake))
            case WatchLog():
                events = self._operations.events
                self.add("log", LogTopic(events, self._wake, message.after))
            case WatchRoutes():
                topic = RoutesTopic(self._feeds.routes, self._wake, grant.rights.may_listen)
                self.add("routes", topic)
            case WatchValues():
                self._watch_values(message, grant)
            case Unwatch():
                self._end(message.topic)

    def add(self, name: str, topic: Topic) -> None:
        """Watch a topic; one of the same name ends."""
        self._end(name)
        self._topics[name] = topic
        self._wake()

    def grant_changed(self, grant: AccessGrant) -> None:
        """The page has other rights."""
        topic = self._topics.get("values")
        if isinstance(topic, ValuesTopic):
            topic.use_rights(grant.rights)
        if "routes" in self._topics:
            self.handle(WatchRoutes(type="watch_routes"), grant)

    def end_all(self) -> None:
        """Watch nothing."""
        for name in tuple(self._topics):
            self._end(name)

    def _watch_values(self, message: WatchValues, grant: AccessGrant) -> None:
        topic = self._topics.get("values")
        if not isinstance(topic, ValuesTopic):
            topic = ValuesTopic(self._feeds.values, grant.rights, self._wake)
            self._topics["values"] = topic
        topic.watch(message)
        self._wake()

    def _end(self, name: str) -> None:
        if (topic := self._topics.pop(name, None)) is not None:
            topic.close()

"""The last messages of all routes: found once for all pages that show them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from oscbridge import OSCBridgeError
from oscbridge.monitoring import Operations, RouteTrial, running_routes
from oscbridge_ui.editing.messages import LastMessages, RoutesState
from oscbridge_ui.editing.trial import message_of_value
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_store import StoredValue, ValueStore

__all__ = ["RoutesFeed", "RoutesTopic"]

INTERVAL: Final = 0.5
"""Seconds between two looks."""

MAX_SHOWN: Final = 200
"""Characters of a message."""


class _RouteWatch:
    """One running route."""

    def __init__(self, key: str, trial: RouteTrial) -> None:
        self.key = key
        self.trial = trial
        self.last: StoredValue | None = None
        self.source = ""


class RoutesFeed:
    """Looks at the last values while a page shows routes."""

    def __init__(self, operations: Operations, values: ValueStore) -> None:
        self._operations = operations
        self.values = values
        """The last messages of all addresses, while a page watches."""
        self._topics: dict[RoutesTopic, Callable[[], None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._configuration: object = None
        self._watches: list[_RouteWatch] = []
        self._takers: dict[str, list[_RouteWatch]] = {}
        """The routes that take an address."""
        self._looked = 0.0
        self.number = 0
        """Increases with each look."""
        self.routes: dict[str, tuple[int, LastMessages]] = {}
        """By id, with the look at which they changed."""

    def add(self, topic: RoutesTopic, wake: Callable[[], None]) -> None:
        """Wake a topic after each look."""
        self._topics[topic] = wake
        self.values.open()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove(self, topic: RoutesTopic) -> None:
        """End that."""
        if self._topics.pop(topic, None) is not None:
            self.values.release()
        if not self._topics:
            self.close()

    def close(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._configuration = None

    async def _run(self) -> None:
        while True:
            self._look()
            for wake in tuple(self._topics.values()):
                wake()
            await asyncio.sleep(INTERVAL)

    def _look(self) -> None:
        app = self._operations.app
        if app.configuration is not self._configuration:
            self._configuration = app.configuration
            self._watches = [
                _RouteWatch(f"route.{key}", trial) for key, trial in running_routes(app)
            ]
            self._takers, self.routes, self._looked = {}, {}, 0.0
        self.number += 1
        since, self._looked = self._looked, time.time()
        changed: dict[_RouteWatch, None] = {}
        for value in self.values.all():
            if value.time < since or not value.sources:
                continue
            for watch in self._takers_of(value):
                source = next((e for e in watch.trial.sources if e in value.sources), "")
                if source and (watch.last is None or value.time >= watch.last.time):
                    watch.last, watch.source = value, source
                    changed[watch] = None
        for watch in changed:
            self.routes[watch.key] = self.number, self._messages(watch)

    def _takers_of(self, value: StoredValue) -> list[_RouteWatch]:
        found = self._takers.get(value.address)
        if found is None:
            found = [each for each in self._watches if each.trial.takes(value.address)]
            self._takers[value.address] = found
        return found

    def _messages(self, watch: _RouteWatch) -> LastMessages:
        value = watch.last
        assert value is not None
        message = message_of_value(value)
        sent = ""
        if watch.trial.has_function:  # it would run code
            taken = watch.trial.text(message)
        else:
            try:
                traced = watch.trial.run(watch.source, message, self._operations.variables)
                taken, sent = traced.message, traced.result
            except (OSCBridgeError, ValueError, ArithmeticError) as error:
                taken, sent = watch.trial.text(message), str(error)
        return LastMessages(
            id=watch.key, address=value.address, taken=taken[:MAX_SHOWN], time=value.time,
            sent=sent[:MAX_SHOWN],
        )  # fmt: skip


class RoutesTopic(Topic):
    """The last messages of all routes, then those that have changed."""

    def __init__(self, feed: RoutesFeed, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._sent = 0
        feed.add(self, wake)

    def take(self) -> RoutesState | None:
        feed, sent = self._feed, self._sent
        if feed.number == sent:
            return None
        self._sent = feed.number
        found = [each for number, each in feed.routes.values() if number > sent]
        if not found and sent:
            return None
        return RoutesState(full=sent == 0, routes=found)

    def close(self) -> None:
        self._feed.remove(self)

"""The last messages of all routes: found once for all pages that show them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge import OSCBridgeError
from oscbridge.monitoring import Operations, RouteTrial, running_routes, takers_of
from oscbridge_ui.editing.messages import LastMessages, RoutesState
from oscbridge_ui.editing.trial import message_of_value
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_store import StoredValue, ValueStore

__all__ = ["RoutesFeed", "RoutesTopic"]

INTERVAL: Final = 0.5
"""Seconds between two looks."""

MAX_NEW: Final = 2_000
"""Addresses that are compared with all routes at one look, at most."""

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
        self._watches: dict[str, _RouteWatch] = {}
        self._takers: dict[str, Sequence[str]] = {}
        """The ids of the routes that take an address."""
        self._looked = 0.0
        self.number = 0
        """Increases with each look."""
        self.configurations = 0
        """Increases with each configuration."""
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
            self.configurations += 1
            self._watches = {
                f"route.{key}": _RouteWatch(f"route.{key}", trial)
                for key, trial in running_routes(app)
            }
            self._takers, self.routes, self._looked = {}, {}, 0.0
        self.number += 1
        since, self._looked = self._looked, steady_time()
        recent = [each for each in self.values.all() if each.time >= since and each.sources]
        new = [each.address for each in recent if each.address not in self._takers]
        if len(new) > MAX_NEW:  # the others the next time
            self._looked = since
        trials = [(watch.key, watch.trial) for watch in self._watches.values()]
        self._takers |= takers_of(trials, new[:MAX_NEW])
        changed: dict[_RouteWatch, None] = {}
        for value in recent:
            for key in self._takers.get(value.address, ()):
                watch = self._watches[key]
                source = next((e for e in watch.trial.sources if e in value.sources), "")
                if source and (watch.last is None or value.time >= watch.last.time):
                    watch.last, watch.source = value, source
                    changed[watch] = None
        for watch in changed:
            self.routes[watch.key] = self.number, self._messages(watch)

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
        self._sent = self._configurations = 0
        feed.add(self, wake)

    def take(self) -> RoutesState | None:
        feed, sent = self._feed, self._sent
        if feed.number == sent:
            return None
        self._sent = feed.number
        found = [each for number, each in feed.routes.values() if number > sent]
        is_new = feed.configurations != self._configurations
        if not found and not is_new:
            return None
        self._configurations = feed.configurations
        return RoutesState(full=is_new, configuration=feed.configurations, routes=found)

    def close(self) -> None:
        self._feed.remove(self)

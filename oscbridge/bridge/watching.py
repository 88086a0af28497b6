"""Watchers of messages: several, each of all parts or of some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener
from oscbridge.dispatch.cache import Watcher
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.osc import Message

__all__ = ["AppWatcher", "Direction", "TrafficWatchers"]

Direction: TypeAlias = Literal["in", "out"]
AppWatcher: TypeAlias = Callable[[Direction, str, Message], None]
"""Called with "in" or "out", the name of the bridge or endpoint, and the message; on any thread;
it must not wait."""


class _PartWatch(NamedTuple):
    watcher: AppWatcher
    parts: frozenset[str] | None
    """The names of bridges and endpoints; None means all."""


class TrafficWatchers:
    """Calls watchers with the messages that parts receive and deliver. On the event loop.

    A part that nobody watches costs nothing.
    """

    def __init__(self) -> None:
        self._watches: tuple[_PartWatch, ...] = ()
        self._main: AppWatcher | None = None
        self._listeners: Mapping[str, Listener] = {}
        self._dispatchers: Mapping[str, Dispatcher] = {}
        self._runners: Mapping[str, EndpointRunner] = {}

    @property
    def is_watching(self) -> bool:
        """Whether anybody watches."""
        return bool(self._watches) or self._main is not None

    def use(
        self,
        listeners: Mapping[str, Listener],
        dispatchers: Mapping[str, Dispatcher],
        runners: Mapping[str, EndpointRunner],
    ) -> None:
        """Watch these parts from now on."""
        self._listeners, self._dispatchers, self._runners = listeners, dispatchers, runners
        self._apply()

    def set_main(self, watcher: AppWatcher | None) -> None:
        """Replace the main watcher of all parts; None for none."""
        self._main = watcher
        self._apply()

    def add(self, watcher: AppWatcher, parts: Collection[str] | None = None) -> Callable[[], None]:
        """Call ``watcher`` too. Returns the function that ends it."""
        watch = _PartWatch(watcher, None if parts is None else frozenset(parts))
        self._watches = (*self._watches, watch)
        self._apply()

        def end() -> None:
            self._watches = tuple(each for each in self._watches if each is not watch)
            self._apply()

        return end

    def end(self) -> None:
        """Watch nothing any more."""
        self._watches, self._main = (), None
        self._apply()

    def _apply(self) -> None:
        for name, listener in self._listeners.items():
            watchers = self._watchers_of(name)
            self._dispatchers[name].watch(_calling(watchers, "in", name))
            listener.watch(bool(watchers))
        for name, runner in self._runners.items():
            watchers = self._watchers_of(name)
            runner.watch(_calling(watchers, "in", name), _calling(watchers, "out", name))

    def _watchers_of(self, name: str) -> list[AppWatcher]:
        main = [] if self._main is None else [self._main]
        chosen = [each for each in self._watches if each.parts is None or name in each.parts]
        return main + [each.watcher for each in chosen]


def _calling(watchers: Collection[AppWatcher], direction: Direction, name: str) -> Watcher | None:
    if not watchers:
        return None
    if len(watchers) == 1:
        (watcher,) = watchers
        return partial(watcher, direction, name)

    def call(message: Message) -> None:
        for watcher in watchers:
            watcher(direction, name, message)

    return call

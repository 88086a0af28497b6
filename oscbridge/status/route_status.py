"""The status and counters of a route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.naming import route_text
from oscbridge.bridge.routes.route import Route

__all__ = ["MAX_TEXT", "RouteMessages", "RouteStatus", "read_route", "shortened"]

MAX_TEXT: Final = 300
"""Characters of an address or an error in a status."""


@dataclass(frozen=True)
class RouteMessages:
    """Messages of a route, by what became of them."""

    taken: int
    """All of them."""
    passed: int
    """Handed to its endpoints."""
    filtered: Mapping[str, int]
    """Not wanted, by step."""
    failed: Mapping[str, int]
    """Lost, by reason."""
    held: int
    """Waiting in ``delay`` or ``limit``, or on the way from a thread to them."""


@dataclass(frozen=True)
class RouteStatus:
    """One route."""

    number: int
    """Position in the file, from 1."""
    match: str
    sources: tuple[str, ...]
    to: tuple[str, ...]
    messages: RouteMessages
    """The messages that it took."""
    results: RouteMessages | None
    """The messages that its function made; None without a function."""
    failing: bool = False
    """Whether it failed in the last seconds."""
    problem: str = ""
    """Human-readable reason why it keeps failing; empty if it does not."""
    last_error: str = ""
    """Its latest failure, human-readable and shortened; empty if there was none."""

    forgotten_addresses: int = 0
    """Addresses whose state its steps have forgotten, as there are too many."""
    name: str = ""
    """Empty if the file gives it none."""
    id: str = ""
    """Its name, or ``#`` and a hash of its content: the same at every position."""
    enabled: bool = True
    """Whether messages reach it."""
    muted: bool = False
    """Whether it lets no message pass for now."""

    @property
    def text(self) -> str:
        """What people call it: ``route faders``, or ``route 3 (/1/fader{n})``."""
        return route_text(self.number, self.name, self.match)

    @property
    def failed(self) -> Mapping[str, int]:
        """Lost messages by reason, of those that it took and those that its function made."""
        made = {} if self.results is None else self.results.failed
        return Counter(self.messages.failed) + Counter(made)


def read_route(number: int, route: Route) -> RouteStatus:
    """How a route is now; ``number`` is its position, from 1."""
    config, failures, results = route.config, route.failures, route.results
    held = route.stateful.held
    error = shortened(failures.last_error)
    failing = failures.is_failing and config.enabled and not route.is_muted
    problem = f"keeps failing: {error}" if failing and failures.is_lasting else ""
    return RouteStatus(
        number,
        config.match,
        config.sources,
        config.to,
        _route_messages(route.counts, held if results is None else 0),
        None if results is None else _route_messages(results, held),
        failing,
        problem,
        error,
        route.stateful.counts.forgotten,
        config.name,
        route.id,
        config.enabled,
        route.is_muted,
    )


def _route_messages(counts: RouteCounts, held: int) -> RouteMessages:
    # Each is read once, as other threads may count meanwhile.
    passed, filtered, failed = counts.passed, counts.filtered.copy(), counts.failed.copy()
    taken = passed + filtered.total() + failed.total() + held
    return RouteMessages(taken, passed, dict(filtered), dict(failed), held)


def shortened(text: str) -> str:
    """At most :data:`MAX_TEXT` characters."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"

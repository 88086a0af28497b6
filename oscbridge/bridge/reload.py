"""What a new configuration changes, and in which order: worked out before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from oscbridge.bridge.config.port_conflicts import (
    Listen,
    collide,
    listen_of_bridge,
    listen_of_endpoint,
)
from oscbridge.bridge.config.process_models import HTTPOptions
from oscbridge.bridge.config.resolved import Configuration

__all__ = ["Changes", "ReloadPlan", "has_port_of", "plan"]


@dataclass(frozen=True)
class ReloadPlan:
    """The bridges and endpoints that a reload touches, by name."""

    early: tuple[str, ...]
    """Bridges, new, changed or down, that can listen before anything is closed."""
    late: tuple[str, ...]
    """Bridges, new, changed or down, whose address something has that is to be closed."""
    closing: tuple[str, ...]
    """Bridges whose old server, if there is one, is to be stopped."""
    leaving: tuple[str, ...]
    """Endpoints that are to be stopped: removed, or to be made anew."""
    entering: tuple[str, ...]
    """Endpoints that are to be started."""


def plan(
    old: Configuration, new: Configuration, kept: Collection[str], running: Collection[str]
) -> ReloadPlan:
    """What is to be done; ``kept`` are the endpoints that go on, ``running`` the bridges that do.

    A bridge that should run and does not is made anew, changed or not.
    """
    stay = {name for name in running if old.bridges[name] == new.bridges.get(name)}
    closing = [name for name in old.bridges if name not in stay]
    opening = [name for name in new.bridges if name not in stay]
    leaving = [name for name in old.endpoints if name not in kept]
    taken = list(_listens(old, closing, leaving))
    late = [
        name
        for name in opening
        if any(collide(listen_of_bridge(name, new.bridges[name]), each) for each in taken)
    ]
    return ReloadPlan(
        early=tuple(name for name in opening if name not in late),
        late=tuple(late),
        closing=tuple(closing),
        leaving=tuple(leaving),
        entering=tuple(name for name in new.endpoints if name not in kept),
    )


def has_port_of(http: HTTPOptions, old: Configuration) -> bool:
    """Whether health and metrics are to be served where a bridge or an endpoint listens now."""
    listen = Listen("http", "tcp", http.listen, str(http.listen))
    return any(collide(listen, each) for each in _listens(old, old.bridges, old.endpoints))


def _listens(
    configuration: Configuration, bridges: Collection[str], endpoints: Collection[str]
) -> Iterator[Listen]:
    for name in bridges:
        yield listen_of_bridge(name, configuration.bridges[name])
    for name in endpoints:
        listen = listen_of_endpoint(name, configuration.endpoints[name].options)
        if listen is not None:
            yield listen


@dataclass(frozen=True)
class Changes:
    """What a reload has changed, for people."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renewed: tuple[str, ...]
    """Bridges and endpoints that were closed and opened again."""
    updated: tuple[str, ...]
    """Endpoints that go on with other options."""
    routes: int
    """Routes that are new or changed."""
    problems: tuple[str, ...]
    """What does not run as it should, though the new configuration is in force."""

    @classmethod
    def of(
        cls, plan: ReloadPlan, updated: Collection[str], routes: int, problems: Collection[str]
    ) -> Changes:
        """The changes that come of a plan; ``updated`` are names of endpoints."""
        opened = [f"bridge.{name}" for name in (*plan.early, *plan.late)]
        opened += [f"endpoint.{name}" for name in plan.entering]
        closed = [f"bridge.{name}" for name in plan.closing]
        closed += [f"endpoint.{name}" for name in plan.leaving]
        return cls(
            added=tuple(name for name in opened if name not in closed),
            removed=tuple(name for name in closed if name not in opened),
            renewed=tuple(name for name in opened if name in closed),
            updated=tuple(f"endpoint.{name}" for name in updated),
            routes=routes,
            problems=tuple(problems),
        )

    def __str__(self) -> str:
        parts = [
            f"{what} {', '.join(names)}"
            for what, names in (
                ("added", self.added),
                ("removed", self.removed),
                ("made anew", self.renewed),
                ("changed", self.updated),
            )
            if names
        ]
        if self.routes:
            parts.append(f"{self.routes} route{'' if self.routes == 1 else 's'} new or changed")
        return "; ".join(parts) or "nothing is different"

"""The role of a bridge with a backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from oscbridge.bridge.app import App
from oscbridge.bridge.sinks.role import LEASE_CLOCK

__all__ = ["LeaderStatus", "read_leader"]


@dataclass(frozen=True)
class LeaderStatus:
    """Who delivers: this bridge, or another one with the same lease."""

    role: Literal["leader", "standby"]
    name: str
    """The name of this bridge as a holder of the lease."""
    holder: str
    """The name of the bridge that delivers; empty if that is not known, or none does."""
    endpoint: str
    """The endpoint that grants the lease."""
    key: str
    seconds: float
    """Seconds since the role changed."""
    takeovers: int
    """How often this bridge has become the leader since its start."""
    problem: str
    """Why nothing is known about the lease, human-readable; empty if it is."""

    @property
    def text(self) -> str:
        """The role in words: ``standby; stage-a-4f1b22 delivers``."""
        if self.role == "leader":
            return "leader"
        return f"standby; {self.holder} delivers" if self.holder else "standby; no known leader"


def read_leader(app: App) -> LeaderStatus | None:
    """The role of a running system; None if it has no backup. On its loop."""
    leadership, options = app.leadership, app.leadership.options
    if options is None:
        return None
    return LeaderStatus(
        "leader" if leadership.is_leader else "standby",
        leadership.name,
        leadership.holder,
        options.endpoint,
        options.key,
        LEASE_CLOCK() - leadership.since,
        leadership.takeovers,
        leadership.problem,
    )

"""Rates between two snapshots of ``oscbridge top``. Pure."""

from __future__ import annotations

from oscbridge.monitoring.snapshots import Snapshot
from oscbridge.status.status import Received

__all__ = ["growth", "rates", "received"]


def rates(now: Snapshot, before: Snapshot) -> tuple[float, float]:
    """Messages per second received from all sources, and sent to all endpoints."""
    seconds = max(now.time - before.time, 1e-3)
    coming = (_came(now) - _came(before)) / seconds
    going = (_went(now) - _went(before)) / seconds
    return max(coming, 0.0), max(going, 0.0)


def _came(snapshot: Snapshot) -> int:
    return sum(each.messages for each in received(snapshot))


def received(snapshot: Snapshot) -> list[Received]:
    """The counts of all sources."""
    status = snapshot.status
    return [
        *(each.received for each in status.bridges),
        *(each.received for each in status.endpoints),
    ]


def _went(snapshot: Snapshot) -> int:
    return sum(each.sent for each in snapshot.status.endpoints)


def growth(now: Snapshot, before: Snapshot | None, count: int, old: int | None) -> float:
    """By how much a count grows per second; 0 without an earlier one."""
    if old is None or before is None:
        return 0.0
    return max(count - old, 0) / max(now.time - before.time, 1e-3)

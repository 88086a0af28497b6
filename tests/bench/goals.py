"""What a figure of oscbridge may be at most, beside those of a peer and of the floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from measured import Goal

__all__ = ["COLUMNS", "goal", "goal_beside_relay", "goal_row"]

MARGIN: Final = 1.25
"""Times the floor that is the goal, where a share of the peer's figure is below the floor."""

COLUMNS: Final = ("", "floor", "npm osc", "oscbridge", "÷ floor", "÷ npm osc", "goal", "")
"""The columns of a table of goals."""


def goal(peer: float, floor: float, share: float) -> float:
    """The highest acceptable figure: a share of the peer's.

    No program in Python can be below the floor. Where the share is, the goal is the floor with a
    margin, but never more than the peer's figure.
    """
    wanted = share * peer
    return wanted if wanted >= floor else min(MARGIN * floor, peer)


def goal_beside_relay(
    name: str, ours: float, unit: str, relay: float, floor: float, share: float
) -> Goal:
    """The same as a ratio to the figure of the relay."""
    limit = goal(relay, floor, share) / relay
    return Goal(name, ours, unit, round(limit, 2), "relay", relay)


def goal_row(
    name: str, floor: float, peer: float, ours: float, share: float, digits: int = 0
) -> Sequence[str]:
    """The cells of :data:`COLUMNS`, figures with this number of decimals."""
    limit = goal(peer, floor, share)
    figures = [f"{value:.{digits}f}" for value in (floor, peer, ours)]
    ratios = f"{ours / floor:.2f} ×", f"{ours / peer:.2f} ×"
    return name, *figures, *ratios, f"≤ {limit:.{digits}f}", "met" if ours <= limit else "missed"

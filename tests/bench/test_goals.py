"""The goals of the benchmark of shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its modules are not a package

from goals import COLUMNS, goal, goal_beside_relay, goal_row


@pytest.mark.parametrize(
    ("peer", "floor", "expected"),
    [(200.0, 100.0, 140.0), (120.0, 90.0, 112.5), (100.0, 90.0, 100.0)],
    ids=["a share of the peer", "the floor with its margin", "no more than the peer"],
)
def test_goal_is_a_share_of_the_peer_above_the_floor(
    peer: float, floor: float, expected: float
) -> None:
    assert goal(peer, floor, 0.7) == pytest.approx(expected)


def test_goal_beside_the_relay_is_a_ratio() -> None:
    found = goal_beside_relay("1,000/s to 1", 100.0, "µs", 120.0, 90.0, 0.7)
    assert (found.limit, found.peer, found.theirs) == (0.94, "relay", 120.0)


def test_row_names_the_goal_and_whether_it_is_met() -> None:
    met = goal_row("1,000/s to 1", 90.0, 120.0, 108.0, 0.7)
    assert met == ("1,000/s to 1", "90", "120", "108", "1.20 ×", "0.90 ×", "≤ 112", "met")
    assert len(met) == len(COLUMNS)
    missed = goal_row("median", 0.09, 0.1, 0.13, 1.0, 3)
    assert missed[1:] == ("0.090", "0.100", "0.130", "1.44 ×", "1.30 ×", "≤ 0.100", "missed")

"""Two bridges and three servers: what an observer sees when some of them fail.

``python -m tests.endurance.leadership`` does the same two hundred times, at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oscbridge_nats.lease import BUCKET
from tests.support.arrivals import Arrival, longest_gap, overlaps
from tests.support.main_and_backup import EVENTS, MainAndBackup
from tests.support.nats_cluster import NATSCluster

MAX_GAP = 3.0
MAX_SERVER_GAP = 12.0
"""Seconds without a message, at most, when a bridge fails, and when the server that leads does."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NATSCluster]:
    with NATSCluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def both(tmp_path: Path, cluster: NATSCluster) -> Iterator[MainAndBackup]:
    pair = MainAndBackup(tmp_path, cluster.ports, seed=1)
    try:
        yield pair
    finally:
        pair.close()


@pytest.mark.load
def test_bridges_that_fail_leave_one_sender_and_short_gaps(both: MainAndBackup) -> None:
    for event, _ in EVENTS:
        event(both)
    both.leader()
    arrivals = list(both.observer.arrivals)
    assert list(overlaps(arrivals)) == []
    assert longest_gap(arrivals) < MAX_GAP


@pytest.mark.load
def test_the_death_of_the_leading_server_leaves_one_sender(
    both: MainAndBackup, cluster: NATSCluster
) -> None:
    both.leader()
    dead = cluster.leader_of(f"KV_{BUCKET}")
    dead.end()
    assert cluster.leader_of(f"KV_{BUCKET}") is not dead
    both.leader()
    arrivals = list(both.observer.arrivals)
    assert list(overlaps(arrivals)) == []
    assert longest_gap(arrivals) < MAX_SERVER_GAP


def test_an_observer_sees_two_senders() -> None:
    def led(name: str, start: float, end: float, numbers: int) -> list[Arrival]:
        step = (end - start) / numbers
        return [
            Arrival(start + step * n, name, int((start + step * n) * 1e6)) for n in range(numbers)
        ]

    main, backup = led("main", 0, 1, 100), led("backup", 2, 3, 100)
    assert list(overlaps([*main, *backup])) == []
    assert longest_gap([*main, *backup]) == pytest.approx(1.01)
    again = [Arrival(2.5, "backup", main[7].number)]
    assert "was sent by main and by backup" in next(overlaps([*main, *backup, *again]))
    late = [Arrival(2.1, "main", 7)]
    assert "at the same time" in next(overlaps([*main, *backup, *late]))

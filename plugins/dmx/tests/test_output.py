"""When a universe is sent."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge_dmx.output import KEEPALIVE, MAX_FRAME_RATE, OutputUniverse


class Sent:
    """A universe, and when it was sent with which first level."""

    def __init__(self) -> None:
        self.loop: Any = Loop()
        self.packets: list[tuple[float, int]] = []
        self.universe = OutputUniverse(1, MAX_FRAME_RATE, self._send, self.loop)

    def _send(self, output: OutputUniverse) -> None:
        self.packets.append((self.loop.now - 1000.0, output.levels[0]))

    def write(self, level: int) -> bool:
        replaces = self.universe.write(1, bytes((level,)))
        if self.universe.needs_flush:
            self.universe.flush()
        return replaces

    @property
    def distances(self) -> list[float]:
        return [later - at for (at, _), (later, _) in itertools.pairwise(self.packets)]


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_change_is_sent_at_once(sent: Sent) -> None:
    sent.write(5)
    assert sent.packets == [(0.0, 5)]


def test_change_is_repeated_twice_and_then_at_intervals(sent: Sent) -> None:
    sent.write(5)
    sent.loop.go(3.0)
    frame = 1 / MAX_FRAME_RATE
    assert sent.distances[:4] == pytest.approx([frame, frame, KEEPALIVE, KEEPALIVE])


def test_many_changes_are_sent_at_the_highest_rate(sent: Sent) -> None:
    replaced = 0
    for number in range(1000):
        replaced += sent.write(number % 256)
        sent.loop.go(0.001)
    sent.loop.go(0.1)
    assert 43 <= sum(at < 1.0 for at, _ in sent.packets) <= 45
    assert min(sent.distances) >= 1 / MAX_FRAME_RATE - 1e-9
    assert sent.packets[-1][1] == 999 % 256
    assert replaced == pytest.approx(1000 - 44, abs=3)


def test_same_level_again_is_not_a_change(sent: Sent) -> None:
    sent.write(5)
    sent.loop.go(0.5)
    count = len(sent.packets)
    sent.write(5)
    sent.loop.go(0.1)
    assert len(sent.packets) == count


def test_nothing_is_sent_after_a_stop_but_fresh_levels(sent: Sent) -> None:
    sent.write(5)
    sent.write(6)
    sent.universe.stop()
    assert [level for _, level in sent.packets] == [5, 6]
    sent.loop.go(10.0)
    assert len(sent.packets) == 2
    assert sent.loop.waiting == 0

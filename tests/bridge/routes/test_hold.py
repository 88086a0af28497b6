"""``hold``, a long press, on a loop with a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge import Argument, Message
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.hold import Hold, is_pressed
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds

PRESS, RELEASE = Message.of("/x", 1.0), Message.of("/x", 0.0)


@pytest.fixture
def hold(
    out: list[Message], counts: RouteCounts, bounds: StateBounds, loop: Any, lose: LossReport
) -> Hold:
    """Half a second."""
    return Hold(0.5, out.append, loop, counts, lose, bounds)


def test_hold_passes_a_long_press_once(
    hold: Hold, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    hold.put(PRESS)
    loop.go(0.49)
    assert out == []
    assert hold.held == 1
    loop.go(0.02)
    assert out == [PRESS]
    hold.put(PRESS)
    loop.go(1)
    hold.put(RELEASE)
    assert out == [PRESS]
    assert counts.filtered == {"hold": 2}
    assert loop.waiting == 0


def test_release_before_its_time_cancels_a_hold(
    hold: Hold, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    hold.put(PRESS)
    loop.go(0.4)
    hold.put(RELEASE)
    loop.go(1)
    assert out == []
    assert counts.filtered == {"hold": 2}
    assert hold.held == 0


def test_hold_starts_again_with_the_next_press(hold: Hold, out: list[Message], loop: Loop) -> None:
    for message in (PRESS, RELEASE, PRESS):
        hold.put(message)
        loop.go(0.4)
    assert out == []
    loop.go(0.2)
    hold.put(RELEASE)
    hold.put(PRESS)
    loop.go(0.6)
    assert out == [PRESS, PRESS]


def test_hold_passes_the_latest_value_of_a_press(
    hold: Hold, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for value in (0.2, 0.5, 0.7):
        hold.put(Message.of("/x", value))
        loop.go(0.2)
    assert out == [Message.of("/x", 0.7)]
    assert counts.filtered == {"hold": 2}


def test_hold_applies_per_address(hold: Hold, out: list[Message], loop: Loop) -> None:
    hold.put(Message.of("/a", True))
    hold.put(Message.of("/b", True))
    hold.put(Message.of("/a", False))
    loop.go(1)
    assert out == [Message.of("/b", True)]


@pytest.mark.parametrize("value", [True, 1, -1, 0.001])
def test_true_and_numbers_except_zero_are_presses(value: Argument) -> None:
    assert is_pressed(Message.of("/x", value))


@pytest.mark.parametrize("args", [(), (False,), (0,), (0.0,), (float("nan"),), ("on",), (None, 1)])
def test_other_first_arguments_are_releases(args: tuple[Argument, ...]) -> None:
    assert not is_pressed(Message.of("/x", *args))


@pytest.mark.usefixtures("small")
def test_hold_above_its_bound_drops_the_oldest_message(
    hold: Hold, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for number in range(5):
        hold.put(Message.of(f"/{number}", 1))
    loop.go(1)
    assert [message.address for message in out] == ["/2", "/3", "/4"]
    assert counts.failed == {"pressed": 2}


def test_closing_a_hold_drops_and_counts_waiting_messages(
    hold: Hold, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    hold.put(PRESS)
    hold.close()
    loop.go(1)
    assert out == []
    assert counts.failed == {"stopped": 1}
    assert hold.held == 0

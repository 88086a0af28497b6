"""The stateful steps, on a loop with a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge import Message
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.delay import Delay
from oscbridge.bridge.routes.stateful_steps.limit import Limit
from oscbridge.bridge.routes.stateful_steps.on_change import OnChange
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds


def values(messages: list[Message]) -> list[object]:
    return [message.args[0] for message in messages]


# --- on_change ---------------------------------------------------------------------------------


@pytest.fixture
def change(out: list[Message], counts: RouteCounts, bounds: StateBounds) -> OnChange:
    return OnChange(out.append, counts, bounds)


def test_on_change_passes_only_changed_values(
    change: OnChange, out: list[Message], counts: RouteCounts
) -> None:
    for value in (1, 1, 2, 2, 1):
        change.put(Message.of("/x", value))
    assert values(out) == [1, 2, 1]
    assert counts.filtered == {"on_change": 2}


def test_each_address_has_its_own_last_value(change: OnChange, out: list[Message]) -> None:
    for address in ("/a", "/b", "/a", "/b"):
        change.put(Message.of(address, 1))
    assert [message.address for message in out] == ["/a", "/b"]


def test_on_change_distinguishes_types(change: OnChange, out: list[Message]) -> None:
    for message in (Message.of("/x", 1), Message.of("/x", 1.0), Message.of("/x", True)):
        change.put(message)
    assert [message.types for message in out] == ["i", "f", "T"]


def test_on_change_passes_a_message_without_arguments_once(
    change: OnChange, out: list[Message]
) -> None:
    change.put(Message("/x"))
    change.put(Message("/x"))
    assert len(out) == 1


@pytest.mark.usefixtures("small")
def test_least_recently_used_address_is_forgotten_and_counted(
    change: OnChange, out: list[Message], counts: RouteCounts
) -> None:
    for address in ("/a", "/b", "/c", "/a", "/d"):
        change.put(Message.of(address, 1))
    out.clear()
    change.put(Message.of("/a", 1))
    assert out == []
    change.put(Message.of("/b", 1))
    assert len(out) == 1
    assert counts.forgotten == 2
    assert counts.filtered["warned"] == 1


# --- limit -------------------------------------------------------------------------------------


@pytest.fixture
def limit(
    out: list[Message], counts: RouteCounts, bounds: StateBounds, loop: Any, lose: LossReport
) -> Limit:
    """Ten a second."""
    return Limit(10.0, out.append, loop, counts, lose, bounds)


def test_limit_passes_the_first_message_at_once(limit: Limit, out: list[Message]) -> None:
    limit.put(Message.of("/x", 1))
    assert values(out) == [1]


def test_limit_passes_the_latest_value(
    limit: Limit, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for value in range(1, 6):
        limit.put(Message.of("/x", value))
    loop.go(0.0999)
    assert values(out) == [1]
    loop.go(0.0002)
    assert values(out) == [1, 5]
    assert counts.filtered == {"limit": 3}
    loop.go(10)
    assert values(out) == [1, 5]
    assert loop.waiting == 0


def test_limit_thins_a_stream_to_its_rate(limit: Limit, out: list[Message], loop: Loop) -> None:
    for value in range(1000):
        limit.put(Message.of("/x", value))
        loop.go(0.001)
    loop.go(1)
    assert len(out) == 11
    assert values(out)[-1] == 999


def test_limit_passes_slow_messages_at_once(limit: Limit, out: list[Message], loop: Loop) -> None:
    for value in range(5):
        limit.put(Message.of("/x", value))
        assert values(out)[-1] == value
        loop.go(0.1001)


def test_limit_applies_per_address(limit: Limit, out: list[Message], loop: Loop) -> None:
    for value in (1, 2):
        for address in ("/a", "/b", "/c"):
            limit.put(Message.of(address, value))
    assert [message.address for message in out] == ["/a", "/b", "/c"]
    loop.go(0.2)
    assert sorted(message.address for message in out[3:]) == ["/a", "/b", "/c"]
    assert values(out[3:]) == [2, 2, 2]


@pytest.mark.usefixtures("small")
def test_limit_above_its_bound_drops_the_oldest_waiting_message(
    limit: Limit, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for number in range(5):
        for value in (1, 2):
            limit.put(Message.of(f"/{number}", value))
    assert counts.failed == {"limited": 2}
    loop.go(1)
    assert sorted(message.address for message in out[5:]) == ["/2", "/3", "/4"]


def test_closing_a_limit_passes_waiting_messages(
    limit: Limit, out: list[Message], loop: Loop
) -> None:
    for address in ("/a", "/b"):
        for value in (1, 2, 3):
            limit.put(Message.of(address, value))
    limit.close()
    assert values(out) == [1, 1, 3, 3]
    loop.go(1)
    assert len(out) == 4


# --- delay -------------------------------------------------------------------------------------


@pytest.fixture
def delay(out: list[Message], counts: RouteCounts, loop: Any, lose: LossReport) -> Delay:
    """Half a second."""
    return Delay(0.5, out.append, loop, counts, lose)


def test_delay_passes_a_message_later(delay: Delay, out: list[Message], loop: Loop) -> None:
    delay.put(Message.of("/x", 1))
    loop.go(0.499)
    assert out == []
    loop.go(0.002)
    assert values(out) == [1]


def test_delay_keeps_the_order_of_simultaneous_messages(
    delay: Delay, out: list[Message], loop: Loop
) -> None:
    for value in range(100):
        delay.put(Message.of("/x", value))
    loop.go(1)
    assert values(out) == list(range(100))


def test_delay_applies_to_each_message(delay: Delay, out: list[Message], loop: Loop) -> None:
    for value in range(3):
        delay.put(Message.of("/x", value))
        loop.go(0.2)
    assert values(out) == [0]
    loop.go(0.2)
    assert values(out) == [0, 1]
    loop.go(0.2)
    assert values(out) == [0, 1, 2]
    delay.put(Message.of("/x", 3))
    loop.go(0.6)
    assert values(out) == [0, 1, 2, 3]


def test_early_timer_passes_its_message(delay: Delay, out: list[Message], loop: Loop) -> None:
    loop.early = 0.001  # like real loops, by the resolution of their clock
    delay.put(Message.of("/x", 1))
    loop.go(0.5)
    assert values(out) == [1]


@pytest.mark.usefixtures("small")
def test_delay_above_its_bound_drops_and_counts_the_newest(
    delay: Delay, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for value in range(5):
        delay.put(Message.of("/x", value))
    loop.go(1)
    assert values(out) == [0, 1, 2]
    assert counts.failed == {"delayed": 2}


def test_closing_a_delay_drops_and_counts_waiting_messages(
    delay: Delay, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for value in range(3):
        delay.put(Message.of("/x", value))
    delay.close()
    loop.go(1)
    assert out == []
    assert counts.failed == {"stopped": 3}

"""``debounce``, on a loop with a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge import Message
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.debounce import Debounce
from oscbridge.bridge.routes.stateful_steps.step import LossReport


@pytest.fixture
def debounce(out: list[Message], counts: RouteCounts, loop: Any, lose: LossReport) -> Debounce:
    """0.1 seconds, at most 3 addresses."""
    return Debounce(0.1, out.append, loop, counts, lose, 3)


def test_debounce_passes_the_last_message_after_a_pause(
    debounce: Debounce, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for value in range(10):
        debounce.put(Message.of("/x", value))
        loop.go(0.09)
    assert out == []
    assert debounce.held == 1
    loop.go(0.011)
    assert out == [Message.of("/x", 9)]
    assert debounce.held == 0
    assert counts.filtered == {"debounce": 9}
    assert loop.waiting == 0


def test_debounce_applies_per_address(debounce: Debounce, out: list[Message], loop: Loop) -> None:
    debounce.put(Message.of("/a", 1))
    loop.go(0.05)
    debounce.put(Message.of("/b", 2))
    loop.go(0.04)
    debounce.put(Message.of("/a", 3))
    loop.go(0.07)
    assert out == [Message.of("/b", 2)]
    loop.go(0.04)
    assert out == [Message.of("/b", 2), Message.of("/a", 3)]


def test_debounce_sets_one_timer_for_all_addresses(debounce: Debounce, loop: Loop) -> None:
    for address in ("/a", "/b", "/c", "/a"):
        debounce.put(Message.of(address, 1))
    assert loop.waiting == 1


def test_debounce_passes_a_message_of_an_early_timer(
    debounce: Debounce, out: list[Message], loop: Loop
) -> None:
    loop.early = 0.001
    debounce.put(Message.of("/x", 1))
    loop.go(0.1)
    assert out == [Message.of("/x", 1)]


def test_debounce_above_its_bound_drops_the_oldest_message(
    debounce: Debounce, out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    for number in range(5):
        debounce.put(Message.of(f"/{number}", 1))
    loop.go(1)
    assert [message.address for message in out] == ["/2", "/3", "/4"]
    assert counts.failed == {"debounced": 2}


def test_closing_a_debounce_passes_the_last_messages(
    debounce: Debounce, out: list[Message], loop: Loop
) -> None:
    for value in (1, 2):
        debounce.put(Message.of("/a", value))
        debounce.put(Message.of("/b", value))
    debounce.close()
    loop.go(1)
    assert out == [Message.of("/a", 2), Message.of("/b", 2)]
    assert debounce.held == 0

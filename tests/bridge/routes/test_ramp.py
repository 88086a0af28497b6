"""``ramp``, on a loop with a simulated clock."""

from __future__ import annotations

import math
from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge import Delivery, Message
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps import ramp as ramp_step
from oscbridge.bridge.routes.stateful_steps.ramp import Ramp
from oscbridge.bridge.routes.stateful_steps.step import StateBounds


@pytest.fixture
def steps() -> list[Message]:
    """The messages on the way."""
    return []


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def ramp(
    steps: list[Message],
    out: list[Message],
    counts: RouteCounts,
    bounds: StateBounds,
    loop: Any,
    warnings: list[str],
) -> Ramp:
    """One second."""
    return Ramp(1.0, steps.append, out.append, loop, counts, bounds, warnings.append)


def test_first_value_of_a_ramp_jumps(ramp: Ramp, out: list[Message], loop: Loop) -> None:
    ramp.put(Message.of("/x", 0.5))
    assert out == [Message.of("/x", 0.5)]
    assert ramp.held == loop.waiting == 0


def test_ramp_glides_at_its_rate_and_ends_at_the_exact_value(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", 0.0))
    ramp.put(Message.of("/x", 0.1))
    loop.go(0.51)
    assert ramp.held == 1
    assert len(steps) == 25
    assert steps[-1].args[0] == pytest.approx(0.05)
    loop.go(0.5)
    assert [*out[1:]] == [Message.of("/x", 0.1)]
    assert 48 <= len(steps) <= 50
    assert ramp.held == loop.waiting == 0


@pytest.mark.parametrize("start", [0.0, 0.3, 1.0, 1e6])
def test_ramp_sends_nothing_just_before_its_end(
    start: float, ramp: Ramp, steps: list[Message], loop: Loop
) -> None:
    loop.go(start)
    ramp.put(Message.of("/x", 0.0))
    ramp.put(Message.of("/x", 1.0))
    loop.go(1.1)
    assert max(message.args[0] for message in steps) <= 0.99


def test_ramp_of_whole_numbers_sends_each_once_with_their_type(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", 0))
    ramp.put(Message.of("/x", 4))
    loop.go(1.1)
    sent = [*steps, *out[1:]]
    assert [message.args for message in steps] == [(1,), (2,), (3,), (4,)]
    assert {message.types for message in sent} == {"i"}
    assert out[-1] == Message.of("/x", 4)


def test_ramp_of_large_whole_numbers_stays_between_them(
    ramp: Ramp, steps: list[Message], loop: Loop
) -> None:
    low, high = (1 << 63) - 3, (1 << 63) - 1
    ramp.put(Message.of("/x", low))
    ramp.put(Message.of("/x", high))
    loop.go(2)
    assert {message.args[0] for message in steps} <= {low, low + 1, high}


def test_new_target_starts_from_the_current_position(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    ramp.put(Message.of("/x", 0.0))
    ramp.put(Message.of("/x", 1.0))
    loop.go(0.501)
    ramp.put(Message.of("/x", 0.0))
    steps.clear()
    loop.go(0.021)
    assert steps[0].args[0] == pytest.approx(0.49, abs=0.011)
    loop.go(1)
    assert out == [Message.of("/x", 0.0)] * 2
    assert max(float(str(message.args[0])) for message in steps) < 0.5
    assert counts.filtered == {"ramp": 1}


@pytest.mark.parametrize(
    "new",
    [
        Message.of("/x", "text"),
        Message.of("/x", 0.0),
        Message.of("/x", 1.0, 2.0),
        Message.of("/x", math.inf),
        Message.of("/x"),
        Message.of("/x", True),
    ],
)
def test_message_without_a_number_to_move_passes_at_once(
    new: Message, ramp: Ramp, out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", 0.0))
    ramp.put(new)
    assert out[1:] == [new]
    assert ramp.held == loop.waiting == 0


def test_arguments_that_are_not_numbers_change_at_once(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", "a", 0.0))
    ramp.put(Message.of("/x", "b", 1.0))
    loop.go(2)
    assert {message.args[0] for message in steps} == {"b"}
    assert out[-1] == Message.of("/x", "b", 1.0)


def test_message_that_jumps_ends_a_ramp(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop, counts: RouteCounts
) -> None:
    ramp.put(Message.of("/x", 0.0))
    ramp.put(Message.of("/x", 1.0))
    loop.go(0.1)
    ramp.put(Message.of("/x", "stop"))
    steps.clear()
    loop.go(2)
    assert steps == []
    assert out[-1] == Message.of("/x", "stop")
    assert counts.filtered == {"ramp": 1}
    assert loop.waiting == 0


def test_ramps_of_many_addresses_share_one_timer(
    ramp: Ramp, out: list[Message], loop: Loop
) -> None:
    for value in (0.0, 1.0):
        for address in ("/a", "/b", "/c"):
            ramp.put(Message.of(address, value))
    assert loop.waiting == 1
    loop.go(2)
    assert out[3:] == [Message.of(address, 1.0) for address in ("/a", "/b", "/c")]


def test_ramp_after_a_stalled_loop_ends_in_time(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", 0.0))
    ramp.put(Message.of("/x", 1.0))
    loop.now += 5  # nothing ran meanwhile
    loop.go(0)
    assert steps == []
    assert out[-1] == Message.of("/x", 1.0)


def test_ramp_keeps_what_the_route_says_of_a_message(
    ramp: Ramp, steps: list[Any], loop: Loop
) -> None:
    ramp.put(Delivery(Message.of("/x", 0.0), None, {"n": "1"}))
    ramp.put(Delivery(Message.of("/x", 1.0), None, {"n": "1"}))
    loop.go(0.03)
    (step,) = steps
    assert step.captures == {"n": "1"}
    assert step.args[0] == pytest.approx(0.02)


def test_ramp_above_its_bound_jumps_and_warns_once(
    ramp: Ramp,
    out: list[Message],
    warnings: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ramp_step, "MAX_RAMPS", 2)
    for value in (0.0, 1.0):
        for number in range(4):
            ramp.put(Message.of(f"/{number}", value))
    assert [message.address for message in out[4:]] == ["/2", "/3"]
    assert warnings == ["more than 2 addresses in a ramp: others jump to their values"]


@pytest.mark.usefixtures("small")
def test_ramp_forgets_and_counts_addresses_above_its_bound(
    ramp: Ramp, out: list[Message], counts: RouteCounts
) -> None:
    for number in range(4):
        ramp.put(Message.of(f"/{number}", 0.0))
    assert counts.forgotten == 1
    ramp.put(Message.of("/0", 1.0))
    assert out[-1] == Message.of("/0", 1.0)


def test_closing_a_ramp_passes_its_end_values(
    ramp: Ramp, steps: list[Message], out: list[Message], loop: Loop
) -> None:
    ramp.put(Message.of("/x", 0))
    ramp.put(Message.of("/x", 10))
    ramp.close()
    loop.go(2)
    assert steps == []
    assert out[1:] == [Message.of("/x", 10)]
    assert ramp.held == 0

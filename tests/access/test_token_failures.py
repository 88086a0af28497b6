"""Counting wrong tokens: each delays the next answer, and networks that guess are to wait."""

from __future__ import annotations

import pytest

from oscbridge.access.token_failures import (
    BLOCK_TIME,
    FORGET_TIME,
    MAX_DELAY,
    MAX_FAILURES,
    MAX_NETWORKS,
    TokenFailures,
)


class ManualClock:
    """A clock that only moves when it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_delay_doubles_up_to_a_limit() -> None:
    wrong = TokenFailures(ManualClock())
    delays = [wrong.add("a") for _ in range(2_000)]
    assert delays[:5] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert max(delays) == delays[-1] == MAX_DELAY


def test_guessing_network_is_to_wait_and_others_are_not() -> None:
    clock = ManualClock()
    wrong = TokenFailures(clock)
    for _ in range(MAX_FAILURES):
        assert wrong.blocked_for("a") == 0
        wrong.add("a")
    assert wrong.blocked_for("a") == BLOCK_TIME
    assert wrong.blocked_for("b") == 0
    clock.now += BLOCK_TIME
    assert wrong.blocked_for("a") == 0
    wrong.add("a")
    assert wrong.blocked_for("a") == BLOCK_TIME


def test_count_is_reset_after_a_while() -> None:
    clock = ManualClock()
    wrong = TokenFailures(clock)
    for _ in range(MAX_FAILURES):
        wrong.add("a")
    clock.now += FORGET_TIME
    wrong.add("b")
    assert wrong.add("a") == pytest.approx(0.1)


def test_table_is_bounded_and_forgets_the_oldest() -> None:
    wrong = TokenFailures(ManualClock())
    wrong.add("guesser")
    for index in range(MAX_NETWORKS):
        wrong.add(str(index))
        wrong.add("guesser")
    assert len(wrong) == MAX_NETWORKS
    assert wrong.blocked_for("guesser") > 0

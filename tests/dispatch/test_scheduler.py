"""The scheduler: a bounded heap that is driven from outside."""

from __future__ import annotations

import math
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.dispatch.scheduler import MAX_PENDING, Scheduler


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scheduler(clock: Clock) -> Scheduler:
    return Scheduler(clock_ns=clock)


def test_nothing_runs_before_it_is_due(scheduler: Scheduler, clock: Clock) -> None:
    ran: list[str] = []
    scheduler.add(1_001, partial(ran.append, "a"))
    assert scheduler.run_due() == 0
    clock.now = 1_001
    assert scheduler.run_due() == 1
    assert ran == ["a"]
    assert scheduler.run_due() == 0


@given(st.lists(st.integers(0, 20), max_size=30))
def test_due_actions_run_by_time_and_then_by_arrival(times: list[int]) -> None:
    scheduler = Scheduler(clock_ns=lambda: 10)
    ran: list[tuple[int, int]] = []
    for index, due in enumerate(times):
        scheduler.add(due, partial(ran.append, (due, index)))
    scheduler.run_due()
    assert ran == sorted((due, index) for index, due in enumerate(times) if due <= 10)
    assert len(scheduler) == sum(due > 10 for due in times)


def test_add_rejects_messages_above_max_pending(clock: Clock) -> None:
    scheduler = Scheduler(2, clock)
    assert [scheduler.add(0, lambda: None) for _ in range(4)] == [True, True, False, False]
    assert scheduler.run_due() == 2
    assert scheduler.add(0, lambda: None)


def test_max_pending_counts_messages_not_actions(clock: Clock) -> None:
    scheduler = Scheduler(10, clock)
    assert [scheduler.add(0, lambda: None, count) for count in (4, 7, 6, 1)] == [
        True, False, True, False
    ]  # fmt: skip
    assert len(scheduler) == 10
    scheduler.run_due()
    assert len(scheduler) == 0
    assert scheduler.add(0, lambda: None, 10)
    scheduler.clear()
    assert len(scheduler) == 0


def test_clock_that_is_set_back_makes_nothing_wait_for_longer_than_the_horizon(
    clock: Clock,
) -> None:
    second = 1_000_000_000
    clock.now = 2_000 * second
    scheduler = Scheduler(clock_ns=clock, horizon=10)
    ran: list[str] = []
    for name, ahead in (("late", 9), ("later", 10), ("soon", 1)):
        assert scheduler.add(clock.now + ahead * second, partial(ran.append, name), 2)
    clock.now -= 1_800 * second
    assert scheduler.add(clock.now + 5 * second, partial(ran.append, "new"))
    assert scheduler.run_due() == 3
    assert ran == ["soon", "late", "later"]
    assert len(scheduler) == 1
    clock.now += 5 * second
    assert scheduler.run_due() == 1


def test_clock_that_is_set_back_a_little_lets_messages_wait(clock: Clock) -> None:
    second = 1_000_000_000
    clock.now = 2_000 * second
    scheduler = Scheduler(clock_ns=clock, horizon=10)
    ran: list[str] = []
    scheduler.add(clock.now + 2 * second, partial(ran.append, "a"))
    clock.now -= 3 * second
    assert scheduler.run_due() == 0
    clock.now += 5 * second
    assert scheduler.run_due() == 1


def test_message_waits_for_any_time_with_an_infinite_horizon(clock: Clock) -> None:
    clock.now = 2_000_000_000_000
    scheduler = Scheduler(clock_ns=clock, horizon=math.inf)
    ran: list[str] = []
    assert scheduler.add(clock.now << 20, partial(ran.append, "a"))
    clock.now = 1_000_000_000
    assert scheduler.run_due() == 0
    clock.now = 2_000_000_000_000 << 20
    assert scheduler.run_due() == 1


def test_horizon_that_is_not_a_number_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"horizon must be seconds, or math.inf .* got nan"):
        Scheduler(horizon=math.nan)


def test_max_pending_has_a_default() -> None:
    assert Scheduler().max_pending == MAX_PENDING


def test_next_action_is_the_earliest(scheduler: Scheduler) -> None:
    assert scheduler.next_ns is None
    for due in (7, 3, 5):
        scheduler.add(due, lambda: None)
    assert scheduler.next_ns == 3
    assert len(scheduler) == 3


@pytest.mark.parametrize(
    ("due", "seconds"), [(None, 60.0), (0, 0.0), (1_000, 0.0), (500_001_000, 0.5), (10**12, 60.0)]
)
def test_wait_lasts_until_the_earliest_action_but_is_bounded(
    scheduler: Scheduler, due: int | None, seconds: float
) -> None:
    if due is not None:
        scheduler.add(due, lambda: None)
    assert scheduler.wait(60.0) == seconds


def test_action_can_add_another(scheduler: Scheduler) -> None:
    ran: list[str] = []
    scheduler.add(0, lambda: scheduler.add(0, lambda: ran.append("second")) and None)
    assert scheduler.run_due() == 1
    assert ran == []
    assert scheduler.run_due() == 1
    assert ran == ["second"]


def test_clock_set_back_delays_actions(scheduler: Scheduler, clock: Clock) -> None:
    scheduler.add(1_500, lambda: None)
    clock.now = 500
    assert scheduler.run_due() == 0
    assert scheduler.wait(60.0) == 1e-6


def test_threads_can_add_and_run_concurrently() -> None:
    scheduler = Scheduler(clock_ns=lambda: 10)
    ran: list[int] = []

    def add(thread: int) -> None:
        for n in range(500):
            assert scheduler.add(n % 10, partial(ran.append, thread * 500 + n))
            scheduler.run_due()

    threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    scheduler.run_due()
    assert sorted(ran) == list(range(2_000))

"""The token bucket."""

from __future__ import annotations

import pytest

from oscbridge import TokenBucket


class SettableClock:
    """A clock that only moves when it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_take_waits_until_the_debt_is_paid() -> None:
    bucket = TokenBucket(10, clock=SettableClock())
    assert bucket.take(10) == 0.0
    assert bucket.take(5) == pytest.approx(0.5)
    assert bucket.take(0) == pytest.approx(0.5)


def test_tokens_return_at_the_rate() -> None:
    clock = SettableClock()
    bucket = TokenBucket(10, clock=clock)
    bucket.take(15)
    clock.now += 0.3
    assert bucket.take(0) == pytest.approx(0.2)
    clock.now += 0.2
    assert bucket.take(0) == pytest.approx(0.0)


def test_idle_time_never_fills_it_above_the_capacity() -> None:
    clock = SettableClock()
    bucket = TokenBucket(10, clock=clock)
    clock.now += 1_000
    assert [bucket.try_take() for _ in range(11)] == [True] * 10 + [False]


def test_try_take_leaves_too_few_tokens_untouched() -> None:
    clock = SettableClock()
    bucket = TokenBucket(0.5, capacity=1, clock=clock)
    assert bucket.try_take()
    clock.now += 1
    assert not bucket.try_take()
    clock.now += 1
    assert bucket.try_take()

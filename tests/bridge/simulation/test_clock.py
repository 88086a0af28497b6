"""The simulated event loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oscbridge.bridge.simulation.clock import SimulatedLoop


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop(max_seconds=100_000.0, max_turns=1_000)
    yield loop
    loop.close()


def test_timers_run_at_their_times_and_in_order(loop: SimulatedLoop) -> None:
    seen: list[tuple[str, float]] = []
    for name, delay in (("hour", 3600.0), ("soon", 0.25), ("day", 86_400.0)):
        loop.call_later(delay, lambda n=name: seen.append((n, round(loop.elapsed, 6))))  # type: ignore[misc]
    loop.run_until_complete(loop.idle())
    assert seen == [("soon", 0.25), ("hour", 3600.0), ("day", 86_400.0)]
    assert loop.limit_reached == ""


def test_until_waits_for_the_timers_before_it(loop: SimulatedLoop) -> None:
    seen: list[float] = []
    loop.call_later(1.0, seen.append, 1.0)
    loop.call_later(3.0, seen.append, 3.0)

    async def wait() -> list[float]:
        await loop.until(2.0)
        return list(seen)

    assert loop.run_until_complete(wait()) == [1.0]
    assert loop.elapsed == pytest.approx(2.0)


def test_cancelled_timer_does_not_run(loop: SimulatedLoop) -> None:
    loop.call_later(5.0, pytest.fail).cancel()
    loop.run_until_complete(loop.idle())
    assert loop.limit_reached == ""


def test_endless_timers_end_at_the_limit_of_turns(loop: SimulatedLoop) -> None:
    def again() -> None:
        loop.call_later(0.001, again)

    again()
    loop.run_until_complete(loop.idle())
    assert loop.limit_reached == "1,000 steps of the simulation"


def test_callbacks_without_end_end_at_the_limit_of_turns(loop: SimulatedLoop) -> None:
    def again() -> None:
        loop.call_soon(again)

    again()
    loop.run_until_complete(loop.idle())
    assert loop.limit_reached == "1,000 steps of the simulation"


def test_late_timer_ends_at_the_limit_of_time(loop: SimulatedLoop) -> None:
    loop.call_later(100_001.0, pytest.fail)
    loop.run_until_complete(loop.idle())
    assert loop.limit_reached == "100000 simulated seconds"

"""Parts of stateful steps, with a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest
from simulated_loop import Loop

from oscbridge import Message
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps import delay as delay_step
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds


@pytest.fixture
def loop() -> Any:
    return Loop()


@pytest.fixture
def out() -> list[Message]:
    return []


@pytest.fixture
def counts() -> RouteCounts:
    return RouteCounts()


@pytest.fixture
def lose(counts: RouteCounts) -> LossReport:
    return lambda reason, _text: counts.fail(reason)


@pytest.fixture
def bounds(request: pytest.FixtureRequest, counts: RouteCounts) -> StateBounds:
    size = 3 if "small" in request.fixturenames else 1_000
    return StateBounds(counts, size, lambda: counts.filter("warned"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of 3 addresses and messages."""
    monkeypatch.setattr(delay_step, "MAX_DELAYED", 3)

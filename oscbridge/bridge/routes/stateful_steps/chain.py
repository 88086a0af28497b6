"""Connects the stateful steps of a route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.debounce import Debounce
from oscbridge.bridge.routes.stateful_steps.delay import Delay
from oscbridge.bridge.routes.stateful_steps.hold import Hold
from oscbridge.bridge.routes.stateful_steps.limit import Limit
from oscbridge.bridge.routes.stateful_steps.on_change import OnChange
from oscbridge.bridge.routes.stateful_steps.ramp import Ramp
from oscbridge.bridge.routes.stateful_steps.step import (
    LossReport,
    StateBounds,
    StatefulStep,
    StepOut,
)

__all__ = ["StepChain"]


class StepChain:
    """The stateful steps of a route in their order, ready to take messages.

    ``out`` sends and counts a message, ``send_more`` only sends: those that a ramp adds.
    """

    def __init__(
        self,
        config: RouteConfig,
        out: StepOut,
        send_more: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
        warn: Callable[[str], None],
    ) -> None:
        self._config = config
        self._warn = warn
        self._steps: list[StatefulStep] = []
        """The last one first."""
        self.put: StepOut = out
        """Takes a message."""
        size = config.max_addresses
        if config.ramp is not None:
            # Before or after the delay is the same to see, but here the delay holds one message
            # for each that it got.
            bounds = self._bounds(counts)
            self._add(Ramp(config.ramp, send_more, self.put, loop, counts, bounds, warn))
        if config.delay is not None:
            self._add(Delay(config.delay, self.put, loop, counts, lose))
        if config.hold is not None:
            self._add(Hold(config.hold, self.put, loop, counts, lose, self._bounds(counts)))
        if config.debounce is not None:
            self._add(Debounce(config.debounce, self.put, loop, counts, lose, size))
        if config.limit is not None:
            self._add(Limit(config.limit, self.put, loop, counts, lose, self._bounds(counts)))
        if config.on_change:
            self._add(OnChange(self.put, counts, self._bounds(counts)))

    def _add(self, step: StatefulStep) -> None:
        self._steps.append(step)
        self.put = step.put

    def _bounds(self, counts: RouteCounts) -> StateBounds:
        return StateBounds(counts, self._config.max_addresses, self._warn_forgotten)

    def _warn_forgotten(self) -> None:
        """Say that the steps do not know all addresses."""
        config = self._config
        states = {
            "on_change": config.on_change,
            "limit": config.limit is not None,
            "hold": config.hold is not None,
            "ramp": config.ramp is not None,
        }
        steps = " and ".join(name for name, is_set in states.items() if is_set)
        text = f"more than {config.max_addresses} addresses: {steps} may let messages pass"
        self._warn(f"{text}; raise max_addresses in [run]")

    @property
    def held(self) -> int:
        """Messages that wait in a step."""
        return sum(step.held for step in self._steps)

    def close(self) -> None:
        """Pass or drop waiting messages, step by step."""
        for step in reversed(self._steps):
            step.close()

    def discard(self) -> None:
        """Drop waiting messages, which the caller has counted."""
        for step in self._steps:
            step.discard()

"""The steps of a trace, and those that explain a route's stateful steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.stateful_steps.hold import is_pressed
from oscbridge.osc import Message

__all__ = ["Outcome", "Step", "stateful_steps"]

Outcome: TypeAlias = Literal["passed", "stopped", "sent"]


class Step(NamedTuple):
    """One step of a route, and what it does with the message."""

    key: str
    """The key in the configuration."""
    value: str
    """Its value there."""
    result: str
    outcome: Outcome = "passed"


def stateful_steps(route: RouteConfig, messages: Sequence[Message]) -> Iterator[Step]:
    """What the stateful steps do with messages, in words: they keep no state here."""
    if route.on_change:
        yield Step("on_change", "true", "passes if its values differ from the last ones there")
    if route.limit is not None:
        text = f"at most one per {_seconds(1 / route.limit)} per address; the last one arrives"
        yield Step("limit", f"{route.limit:g}/s", text)
    if route.debounce is not None:
        text = f"the last one passes after {_seconds(route.debounce)} without another one there"
        yield Step("debounce", f"{route.debounce:g}", text)
    if route.hold is not None:
        value = f"{route.hold:g}"
        if not any(map(is_pressed, messages)):
            yield Step("hold", value, "no: the first argument is not true: a release", "stopped")
            return
        seconds = _seconds(route.hold)
        yield Step("hold", value, f"passes if the first argument stays true for {seconds}")
    if route.ramp is not None:
        text = f"numbers glide from the last values there within {_seconds(route.ramp)}"
        yield Step("ramp", f"{route.ramp:g}", text)
    if route.delay is not None:
        yield Step("delay", f"{route.delay:g}", f"{_seconds(route.delay)} later")


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.6g} s"

"""The steps of a trace, and those that explain a route's stateful steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.stateful_steps.hold import is_pressed
from oscbridge.bridge.routes.variables import Value
from oscbridge.contract.options import Options
from oscbridge.osc import Message
from oscbridge.toml_text import toml_value

__all__ = ["Happened", "Outcome", "Step", "TraceState", "options_text", "stateful_steps"]

Outcome: TypeAlias = Literal["passed", "stopped", "sent"]


class Step(NamedTuple):
    """One step of a route, and what it does with the message."""

    key: str
    """The key in the configuration."""
    value: str
    """Its value there."""
    result: str
    outcome: Outcome = "passed"


class Happened(NamedTuple):
    """What became of a message in a route that ran, and of those that waited there before it."""

    filtered: Mapping[str, int] = {}
    """Messages that its steps filtered out, by step."""
    passed: int = 0
    """Messages that were sent to the endpoints."""
    lost: int = 0


class TraceState(NamedTuple):
    """What routes had kept when a message arrived, and what became of it."""

    variables: Mapping[str, Value]
    """The values of the variables."""
    happened: Mapping[int, Happened]
    """By the number of the route, counted from 1."""

    @property
    def is_lost(self) -> bool:
        """Whether any route has lost the message, or one that waited there."""
        return any(each.lost for each in self.happened.values())


def stateful_steps(
    route: RouteConfig, messages: Sequence[Message], happened: Happened | None = None
) -> Iterator[Step]:
    """What the stateful steps do with messages, in words.

    They keep no state here: what depends on it is said as far as ``happened`` is known.
    """
    if route.on_change:
        step = _on_change(len(messages), happened)
        yield step
        if step.outcome == "stopped":
            return
    if route.limit is not None:
        yield Step("limit", f"{route.limit:g}/s", _limit(route.limit, happened))
    if route.debounce is not None:
        text = f"the last one passes after {_seconds(route.debounce)} without another one there"
        if _filtered(happened, "debounce"):
            text = f"waits, instead of the message before it, for {_seconds(route.debounce)}"
        yield Step("debounce", f"{route.debounce:g}", text)
    if route.hold is not None:
        value = f"{route.hold:g}"
        if not any(map(is_pressed, messages)):
            is_short = _filtered(happened, "hold") > len(messages)
            why = ", before the press was long enough" if is_short else ""
            text = f"no: the first argument is not true: a release{why}"
            yield Step("hold", value, text, "stopped")
            return
        seconds = _seconds(route.hold)
        text = f"passes if the first argument stays true for {seconds}"
        if _filtered(happened, "hold"):
            text = "belongs to the press that has begun before"
        yield Step("hold", value, text)
    if route.ramp is not None:
        text = f"numbers glide from the last values there within {_seconds(route.ramp)}"
        yield Step("ramp", f"{route.ramp:g}", text)
    if route.delay is not None:
        yield Step("delay", f"{route.delay:g}", f"{_seconds(route.delay)} later")


def _filtered(happened: Happened | None, step: str) -> int:
    return 0 if happened is None else happened.filtered.get(step, 0)


def _on_change(messages: int, happened: Happened | None) -> Step:
    if happened is None:
        return Step("on_change", "true", "passes if its values differ from the last ones there")
    filtered = _filtered(happened, "on_change")
    if filtered >= messages:
        return Step("on_change", "true", "no: its values are the last ones there", "stopped")
    same = f"; {filtered} of {messages} have the last ones" if filtered else ""
    return Step("on_change", "true", f"yes: its values differ from the last ones there{same}")


def _limit(rate: float, happened: Happened | None) -> str:
    if _filtered(happened, "limit"):
        return "waits, instead of the message before it, which is lost"
    if happened is not None and happened.passed:
        return "yes: it does not come too soon after the last one there"
    return f"at most one per {_seconds(1 / rate)} per address; the last one arrives"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.6g} s"


def options_text(options: Options | None) -> str:
    """The given options of a route for an endpoint, as TOML; empty without any."""
    if options is None:
        return ""
    given = [name for name in type(options).model_fields if name in options.model_fields_set]
    values = [f"{name} = {_as_toml(getattr(options, name))}" for name in given]
    return f" {{ {', '.join(values)} }}"


def _as_toml(value: object) -> str:
    return toml_value(value) if isinstance(value, str | bool | int | float) else repr(value)

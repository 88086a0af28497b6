"""The configuration of one route, as the bridge and the worker of a forking bridge use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from oscbridge.templates.placeholders import Placeholder

if TYPE_CHECKING:  # a worker does not load pydantic
    from oscbridge.contract.options import Options

__all__ = ["MAX_ADDRESSES", "Edge", "OptionExpressions", "RouteConfig"]

OptionExpressions: TypeAlias = "tuple[tuple[str, Placeholder], ...]"
"""Keys and expressions, e.g. ``topic`` and ``{= x * 2}``."""

MAX_ADDRESSES: Final = 20_000
"""Default of the addresses whose state or last value is kept."""

_PURE: Final = (
    *("match", "types", "let", "when", "relative", "scale", "curve", "send", "function", "carried"),
)

Edge: TypeAlias = Literal["rising", "falling", "both"]


@dataclass(frozen=True)
class RouteConfig:
    """One valid ``[[route]]``. Equal routes do the same while both are enabled."""

    match: str = "*"
    types: str | None = None
    """Type tags that a message must have."""
    scale: tuple[float, float, float, float] | None = None
    """``in_low``, ``in_high``, ``out_low``, ``out_high``."""
    curve: float = 1.0
    send: str | None = None
    """The message template."""
    function: str | None = None
    """``module:callable``."""
    json: tuple[str, ...] | None = None
    """The part of a JSON document that messages are made of; empty for the whole document."""
    let: tuple[tuple[str, str], ...] = ()
    """Names and their expressions, in order."""
    when: str | None = None
    """The condition, an expression."""
    edge: Edge | None = None
    """Which changes of the condition pass; None if messages pass while it is true."""
    set: tuple[tuple[str, str], ...] = ()
    """Variables and the expressions of their new values."""
    variables: tuple[str, ...] = ()
    """The variables that its expressions may read or set."""
    carried: tuple[str, ...] = ()
    """Names of ``let``, and ``var.NAME``, that the expressions of ``options`` use."""
    on_change: bool = False
    limit: float | None = None
    """Messages per second per address."""
    debounce: float | None = None
    """Seconds."""
    hold: float | None = None
    """Seconds."""
    ramp: float | None = None
    """Seconds."""
    delay: float | None = None
    """Seconds."""
    max_addresses: int = MAX_ADDRESSES
    """Addresses for which each stateful step keeps state."""
    relative: str | None = None
    """How the last argument encodes the steps of a relative encoder."""
    sources: tuple[str, ...] = ()
    """Names of bridges and endpoints to read from."""
    to: tuple[str, ...] = ()
    """Names of endpoints to send to."""
    options: Mapping[str, Options] = field(default_factory=dict, hash=False)
    """The route's options for endpoints, by their names."""
    expressions: Mapping[str, OptionExpressions] = field(default_factory=dict, compare=False)
    """The expressions in ``options``, by the names of endpoints."""
    name: str = field(default="", compare=False)
    """Empty if the file gives it none."""
    enabled: bool = field(default=True, compare=False)
    """Whether messages reach it."""
    address: str | None = None
    """The address of all messages that it sends; None if it depends on the message."""

    @property
    def is_stateful(self) -> bool:
        """Whether it has a step that needs the state of earlier messages or a timer."""
        return self.on_change or self.takes_time

    @property
    def takes_time(self) -> bool:
        """Whether it has a step that lets messages wait; then they lose their time tags."""
        timed = (self.limit, self.debounce, self.hold, self.ramp, self.delay)
        return any(each is not None for each in timed)

    @property
    def needs_bridge(self) -> bool:
        """Whether all of its steps run in the bridge process, in every mode."""
        return self.has_variables or self.json is not None

    @property
    def has_variables(self) -> bool:
        """Whether its steps share state with other routes, or keep it before the stateful ones."""
        return bool(self.variables or self.set or self.edge)

    def pure(self) -> dict[str, Any]:
        """The configuration of the pure steps, which JSON can represent.

        That of a route that needs the bridge process only matches addresses.
        """
        config = RouteConfig(match=self.match) if self.needs_bridge else self
        return {name: getattr(config, name) for name in _PURE}

    @classmethod
    def from_pure(cls, values: Mapping[str, Any]) -> Self:
        """The configuration from :meth:`pure`, also after JSON."""
        scale = values["scale"]
        let = tuple((name, text) for name, text in values["let"])
        carried = tuple(values["carried"])
        scale = None if scale is None else tuple(scale)
        return cls(**{**values, "let": let, "carried": carried, "scale": scale})

"""The options of a Home Assistant entity."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

import oscbridge
from oscbridge_mqtt.topic import text_template

__all__ = ["COMMANDED", "NUMERIC", "STATELESS", "Address", "Component", "Entity"]

Component: TypeAlias = Literal[
    "number", "switch", "sensor", "light", "binary_sensor", "button", "select", "text", "cover",
    "event",
]  # fmt: skip

NUMERIC: Final = ("number", "light", "cover")
"""The components whose values are from ``min`` to ``max``."""

COMMANDED: Final = ("number", "switch", "light", "button", "select", "text", "cover")
"""The components that Home Assistant controls."""

STATELESS: Final = ("button", "event")
"""The components without a state to retain."""

MAX_OPTIONS: Final = 256
"""Most options of a ``select`` and types of an ``event``."""

_ADDRESS: Final = re.compile(r"/[^\s#*,?\[\]\x00-\x1f\x7f]*")


def _address(value: str | None) -> str | None:
    if value is not None and not _ADDRESS.fullmatch(value):
        raise ValueError(
            "an address must start with '/', and must not contain spaces or # * , ? [ ]"
        )
    return value


def _of_captures(value: str | None, info: ValidationInfo) -> str | None:
    placeholders = text_template(value or "", expressions=True).placeholders
    for each in placeholders:
        if each.expression:
            raise ValueError(
                f"unexpected expression {each}: an entity is announced before messages"
            )
    oscbridge.check_captures([each.name for each in placeholders], info)
    return value


Address: TypeAlias = Annotated[str | None, AfterValidator(_address)]
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_of_captures)]


class Entity(oscbridge.Options):
    """``homeassistant = {...}`` of a route: a Home Assistant entity."""

    component: Component
    """The kind of entity."""
    name: Name
    """The name, which may contain captures, e.g. ``"Fader {ch}"``."""
    min: Finite = 0.0
    """The lowest value, for ``number``, ``light`` and ``cover``."""
    max: Finite = 1.0
    """The highest value: full brightness of a ``light``, an open ``cover``."""
    step: Annotated[Finite, Field(ge=0.001)] = 0.01
    """The step of a ``number``."""
    unit: str | None = None
    """The unit of a ``number`` or ``sensor``, e.g. ``"dB"``."""
    options: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=255)], ...],
        Field(max_length=MAX_OPTIONS),
    ] = ()
    """The options of a ``select``, and the types of an ``event``."""
    device_class: str | None = None
    """The device class, one of Home Assistant's."""
    state_class: Literal["measurement", "total", "total_increasing"] | None = None
    """For statistics of a ``sensor``."""
    entity_category: Literal["config", "diagnostic"] | None = None
    """The category, e.g. ``"diagnostic"``."""
    icon: str | None = None
    """An icon, e.g. ``"mdi:tune-vertical"``."""
    device: Name | None = None
    """The name of the device, which may contain captures; by default the endpoint's."""
    area: Name | None = None
    """The area that Home Assistant suggests for the device."""
    command: Annotated[Address, AfterValidator(_of_captures)] = None
    """The address for commands from Home Assistant; by default the address of the message."""
    stop: Annotated[Address, AfterValidator(_of_captures)] = None
    """The address of the message without arguments that stops a ``cover``; without it Home
    Assistant shows no stop."""
    optimistic: bool = False
    """Whether the commanded value is the state at once, without an answer of the device."""

    @model_validator(mode="after")
    def _check(self) -> Entity:
        if not self.min < self.max:
            raise ValueError("min must be less than max")
        if bool(self.options) != (self.component in ("select", "event")):
            problem = "missing key" if not self.options else "only for select and event; remove it"
            raise ValueError(f"options: {problem}")
        if len(set(self.options)) < len(self.options):
            raise ValueError("options: duplicate text")
        if self.state_class is not None and self.component != "sensor":
            raise ValueError("state_class is only for a sensor; remove it")
        if self.stop is not None and self.component != "cover":
            raise ValueError("stop is only for a cover; remove it")
        if self.entity_category == "config" and self.component not in COMMANDED:
            raise ValueError(
                f'Home Assistant accepts no {self.component} with entity_category = "config"; '
                'set "diagnostic"'
            )
        return self

    def clamped(self, value: float) -> float:
        """A value within ``min`` and ``max``."""
        return min(max(value, self.min), self.max)

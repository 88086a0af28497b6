"""The options of a Home Assistant entity."""

from __future__ import annotations

import math
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

MEASURED: Final = ("number", "sensor")
"""The components that have a unit."""

UNITS: Final = {
    "gain.db": "dB",
    "gain.linear": "",
    "frequency.hz": "Hz",
    "angle.degree": "°",
    "speed.m/s": "m/s",
    "tempo.bpm": "bpm",
}
"""How Home Assistant writes units that OSCQuery names otherwise."""

NO_LIMITS: Final = oscbridge.ValueRange()

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

    def with_facts(self, info: oscbridge.AddressInfo | None) -> Entity:
        """With the facts about the address, where the options do not say it."""
        facts = {} if info is None else self._facts_of(info)
        return self.model_copy(update=facts) if facts else self

    def _facts_of(self, info: oscbridge.AddressInfo) -> dict[str, object]:
        facts: dict[str, object] = {}
        limits = info.ranges[0] if info.ranges else None
        if limits is not None and self.component in NUMERIC:
            low = self.min if _is_unknown(self, "min", limits.minimum) else limits.minimum
            high = self.max if _is_unknown(self, "max", limits.maximum) else limits.maximum
            if low is not None and high is not None and low < high:
                facts |= {"min": float(low), "max": float(high)}
                if self.component == "number" and "step" not in self.model_fields_set:
                    facts["step"] = 1.0 if info.types[:1] in ("i", "h") else self.step
        if self.component in MEASURED and self.unit is None and info.unit and not info.curve:
            facts["unit"] = UNITS.get(info.unit, info.unit.rpartition(".")[2])
        return {key: each for key, each in facts.items() if each != getattr(self, key)}

    def facts(self) -> oscbridge.AddressInfo | None:
        """What the options say about the values; None if they say nothing."""
        known = self.model_fields_set
        limits = oscbridge.ValueRange(
            self.min if "min" in known else None, self.max if "max" in known else None
        )
        ranges = (limits,) if self.component in NUMERIC and limits != NO_LIMITS else ()
        unit = self.unit or ""
        return oscbridge.AddressInfo("", ranges=ranges, unit=unit) if ranges or unit else None

    def clamped(self, value: float) -> float:
        """A value within ``min`` and ``max``."""
        return min(max(value, self.min), self.max)


def _is_unknown(entity: Entity, key: str, limit: float | None) -> bool:
    """Whether a limit is that of the options: they say it, or nothing else does."""
    return key in entity.model_fields_set or limit is None or not math.isfinite(limit)

"""States and commands of Home Assistant entities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import orjson

import oscbridge
from oscbridge_mqtt.entity_options import Entity
from oscbridge_mqtt.payload import Encode
from oscbridge_mqtt.values import convert

__all__ = ["FULL", "NUMBERS", "Command", "read_command", "state_encoder"]

FULL: Final = 255
"""The brightness of a light at its maximum."""

OPEN: Final = 100
"""The position of an open cover."""

STOP: Final = b"STOP"
"""The command that stops a cover."""

NUMBERS: Final = "ifhd"
"""The type tags of numbers."""

MAX_STATE: Final = 255
"""Most characters of a state in Home Assistant."""

UNKNOWN: Final = b"None"
"""The state of a value that is not a number: Home Assistant shows it as unknown."""

Value: TypeAlias = bool | int | float | str


class Command(NamedTuple):
    """The topic of an entity's commands, and the messages they are converted to."""

    topic: str
    address: str
    tag: str
    """The type tag of the value: the one of the message that announced the entity."""
    entity: Entity
    state_topic: str = ""
    retain: bool = True
    """Whether the state is retained."""
    stop: str = ""
    """The address of the message that stops a cover; empty if it cannot be stopped."""


def state_encoder(entity: Entity) -> Encode:
    """The encoder for the state of an entity: the first argument."""
    write = _STATES[entity.component]

    def encode(message: oscbridge.Message) -> bytes:
        if not message.args and entity.component in ("event", "button"):
            return write(entity, True)
        if not message.args:
            raise ValueError(
                "a Home Assistant entity needs a value, but the message has no arguments"
            )
        value = message.args[0]
        if not isinstance(value, bool | int | float | str):
            raise ValueError(f"{value!r} is not a valid state of a Home Assistant entity")
        return write(entity, value)

    return encode


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _is_on(entity: Entity, value: Value) -> bool:
    if isinstance(value, str):
        return value.lower() not in ("", "0", "off", "false")
    if isinstance(value, bool) or entity.component != "light":
        return bool(value)
    return value > entity.min


def _switch_state(entity: Entity, value: Value) -> bytes:
    if _is_nan(value):
        return UNKNOWN
    return b"ON" if _is_on(entity, value) else b"OFF"


def _number_of(value: Value) -> float:
    number = float(value)  # raises ValueError for other text
    return int(number) if isinstance(value, bool | int) else number


def _number_state(entity: Entity, value: Value) -> bytes:
    number = _number_of(value)
    if _is_nan(number):
        return UNKNOWN
    return oscbridge.plain_text(entity.clamped(number)).encode()


def _sensor_state(entity: Entity, value: Value) -> bytes:
    if isinstance(value, str):
        return _text_state(entity, value)
    if not math.isfinite(value):
        return UNKNOWN
    if not entity.model_fields_set.isdisjoint(("min", "max")):
        low = entity.min if "min" in entity.model_fields_set else -math.inf
        high = entity.max if "max" in entity.model_fields_set else math.inf
        value = min(max(value, low), high)
    return oscbridge.plain_text(value).encode()


def _text_state(_entity: Entity, value: Value) -> bytes:
    text = oscbridge.plain_text(value)
    if len(text) > MAX_STATE:
        raise ValueError(f"text of {len(text)} characters; a state has at most {MAX_STATE}")
    return text.encode()


def _light_state(entity: Entity, value: Value) -> bytes:
    if _is_nan(value):
        return b'{"state":null}'
    state: dict[str, object] = {"state": "ON" if _is_on(entity, value) else "OFF"}
    if not isinstance(value, bool | str):
        state["brightness"] = round(_share(entity, value) * FULL)
    return orjson.dumps(state)


def _share(entity: Entity, value: float) -> float:
    """Where a value is between ``min`` (0) and ``max`` (1)."""
    return (entity.clamped(value) - entity.min) / (entity.max - entity.min)


def _cover_state(entity: Entity, value: Value) -> bytes:
    if isinstance(value, bool):
        return b"100" if value else b"0"
    number = _number_of(value)
    if _is_nan(number):
        raise ValueError("nan is not a valid position of a cover")
    return b"%d" % round(_share(entity, number) * OPEN)


def _option(entity: Entity, value: Value) -> str:
    """An option by its text, or by its index."""
    text = value if isinstance(value, str) else ""
    if not isinstance(value, str):
        index = int(value) if math.isfinite(value) and value == int(value) else -1
        text = entity.options[index] if 0 <= index < len(entity.options) else ""
    if text not in entity.options:
        raise ValueError(f"{value!r} is not one of {', '.join(entity.options)}")
    return text


def _event_state(entity: Entity, value: Value) -> bytes:
    """An event by its text; else the first one for a press, the second one for a release."""
    if not isinstance(value, str):
        index = 0 if value else 1
        if index >= len(entity.options):
            raise ValueError("a release is not an event: options has one text")
        value = entity.options[index]
    return orjson.dumps({"event_type": _option(entity, value)})


_STATES: Final[Mapping[str, Callable[[Entity, Value], bytes]]] = {
    "number": _number_state,
    "sensor": _sensor_state,
    "switch": _switch_state,
    "binary_sensor": _switch_state,
    "light": _light_state,
    "button": lambda _entity, _value: b"PRESS",
    "select": lambda entity, value: _option(entity, value).encode(),
    "text": _text_state,
    "cover": _cover_state,
    "event": _event_state,
}


def read_command(command: Command, payload: bytes) -> oscbridge.Message:
    """Convert a command to a message. Raises :class:`oscbridge.DecodeError`."""
    entity, tag = command.entity, command.tag
    if command.stop and payload == STOP:
        return oscbridge.Message(command.stop, "")
    tag = tag if tag in "ifhdsS" else "T" if tag in "TF" else "f"
    try:
        value = _READERS[entity.component](entity, payload)
        if isinstance(value, bool) and tag in NUMBERS:
            scaled = entity.component in ("light", "cover")
            value = (entity.max if value else entity.min) if scaled else float(value)
        if entity.component == "select":
            tag, value = (tag, entity.options.index(str(value))) if tag in NUMBERS else ("s", value)
        elif entity.component == "text":
            tag = "s"
        tag, made = convert(tag, value)
    except (ValueError, KeyError, TypeError) as error:
        raise oscbridge.DecodeError(
            "command", f"{payload[:40]!r} is not a valid command for a {entity.component}: {error}"
        ) from None
    return oscbridge.Message(command.address, tag, (made,))


def _read_number(entity: Entity, payload: bytes) -> float:
    number = float(payload)
    if math.isnan(number):
        raise ValueError("must be a number")
    return entity.clamped(number)


def _read_light(entity: Entity, payload: bytes) -> float | bool:
    document = orjson.loads(payload)
    brightness = document.get("brightness") if isinstance(document, dict) else None
    on = _on_or_off(document["state"])
    if not on or brightness is None:
        return on
    if isinstance(brightness, bool) or not 0 <= brightness <= FULL:
        raise ValueError(f"brightness must be 0 to {FULL}")
    return entity.min + (entity.max - entity.min) * float(brightness) / FULL


def _read_cover(entity: Entity, payload: bytes) -> float | bool:
    if payload in (b"OPEN", b"CLOSE"):
        return payload == b"OPEN"
    share = min(max(_finite(payload) / OPEN, 0.0), 1.0)
    return entity.min + (entity.max - entity.min) * share


def _finite(payload: bytes) -> float:
    number = float(payload)
    if not math.isfinite(number):
        raise ValueError("must be finite")
    return number


def _read_button(_entity: Entity, payload: bytes) -> bool:
    if payload != b"PRESS":
        raise ValueError("expected PRESS")
    return True


def _read_option(entity: Entity, payload: bytes) -> str:
    return _option(entity, payload.decode())


def _on_or_off(text: str) -> bool:
    if text not in ("ON", "OFF"):
        raise ValueError("expected ON or OFF")
    return text == "ON"


_READERS: Final[Mapping[str, Callable[[Entity, bytes], Value]]] = {
    "number": _read_number,
    "switch": lambda _entity, payload: _on_or_off(payload.decode()),
    "light": _read_light,
    "button": _read_button,
    "select": _read_option,
    "text": lambda _entity, payload: payload.decode(),
    "cover": _read_cover,
}

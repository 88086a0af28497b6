"""Home Assistant entities: discovery documents, states and commands.

See MQTT discovery in the documentation of Home Assistant.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_mqtt.options import Entity
from oscbridge_mqtt.payload import Encode
from oscbridge_mqtt.topic import check_topic, text_template
from oscbridge_mqtt.values import convert, to_text

__all__ = [
    "Announcement",
    "Command",
    "announce",
    "documents_of",
    "read_command",
    "state_encoder",
]

FULL: Final = 255
"""The brightness of a light at its maximum."""

_NUMBERS: Final = "ifhd"


class Command(NamedTuple):
    """The topic of an entity's commands, and the messages they are converted to."""

    topic: str
    address: str
    tag: str
    """The type tag of the value: the one of the message that announced the entity."""
    entity: Entity


class Announcement(NamedTuple):
    """A discovery document, and the entity's command if it has one."""

    topic: str
    document: bytes
    command: Command | None


def announce(
    entity: Entity, message: oscbridge.Message, captures: Mapping[str, str], topic: str, *,
    client_id: str, device: str, discovery: str, status: str,
) -> Announcement:  # fmt: skip
    """The entity of a message. Raises ``LookupError`` and ``ValueError``."""
    slug = _slug(topic)
    unique = f"{client_id}-{slug}"
    document: dict[str, object] = {
        "name": _fill(entity.name, captures),
        "unique_id": unique,
        "state_topic": topic,
        "availability_topic": status,
        "device": {"identifiers": [client_id], "name": device, "manufacturer": "oscbridge"},
        "origin": {"name": "oscbridge"},
    }
    extras = {
        "unit_of_measurement": entity.unit,
        "device_class": entity.device_class,
        "icon": entity.icon,
    }
    document |= {key: value for key, value in extras.items() if value is not None}
    command = None
    if entity.component != "sensor":
        address = message.address if entity.command is None else _fill(entity.command, captures)
        tag = (message.types or "f")[:1]
        command = Command(check_topic(f"{topic}/set"), address, tag, entity)
        document |= {"command_topic": command.topic, "optimistic": entity.optimistic}
    match entity.component:
        case "number":
            document |= {"min": entity.min, "max": entity.max, "step": entity.step}
        case "light":
            dims = command is not None and command.tag in _NUMBERS
            document |= {
                "schema": "json",
                "brightness": dims,
                "supported_color_modes": ["brightness" if dims else "onoff"],
            }
    return Announcement(
        check_topic(f"{discovery}/{entity.component}/{_slug(client_id)}/{slug}/config"),
        orjson.dumps(document),
        command,
    )


def documents_of(discovery: str, client_id: str) -> str:
    """The topic filter for the discovery documents of one client."""
    return f"{discovery}/+/{_slug(client_id)}/+/config"


def _slug(text: str) -> str:
    """A unique name for a text, of letters, digits, ``-`` and ``_``."""
    slug = re.sub(r"[^A-Za-z0-9-]+", "_", text)
    plain = "_" not in text and slug == text.replace("/", "_")
    return slug if plain else f"{slug}_{zlib.crc32(text.encode()):08x}"


def _fill(text: str, captures: Mapping[str, str]) -> str:
    def look_up(placeholder: oscbridge.Placeholder) -> str:
        name = placeholder.name
        if name not in captures:
            raise LookupError(f"unknown placeholder {{{name}}}; captures available: "
                              f"{', '.join(captures) or 'none'}")  # fmt: skip
        return str(placeholder.convert(captures[name]))

    return text_template(text).fill(look_up)


def state_encoder(entity: Entity) -> Encode:
    """The encoder for the state of an entity: the first argument."""
    write = _STATES[entity.component]

    def encode(message: oscbridge.Message) -> bytes:
        if not message.args:
            raise ValueError(
                "a Home Assistant entity needs a value, but the message has no arguments"
            )
        value = message.args[0]
        if not isinstance(value, bool | int | float | str):
            raise ValueError(f"{value!r} is not a valid state of a Home Assistant entity")
        return write(entity, value)

    return encode


_Value = bool | int | float | str


def _is_on(entity: Entity, value: _Value) -> bool:
    if isinstance(value, str):
        return value.lower() not in ("", "0", "off", "false")
    if isinstance(value, bool) or entity.component == "switch":
        return bool(value)
    return value > entity.min


def _switch_state(entity: Entity, value: _Value) -> bytes:
    return b"ON" if _is_on(entity, value) else b"OFF"


def _light_state(entity: Entity, value: _Value) -> bytes:
    state: dict[str, object] = {"state": "ON" if _is_on(entity, value) else "OFF"}
    if not isinstance(value, bool | str):
        share = (value - entity.min) / (entity.max - entity.min)
        if math.isfinite(share):
            state["brightness"] = round(min(max(share, 0.0), 1.0) * FULL)
    return orjson.dumps(state)


_STATES: Final[Mapping[str, Callable[[Entity, _Value], bytes]]] = {
    "number": lambda _entity, value: to_text(value).encode(),
    "sensor": lambda _entity, value: to_text(value).encode(),
    "switch": _switch_state,
    "light": _light_state,
}


def read_command(command: Command, payload: bytes) -> oscbridge.Message:
    """Convert a command to a message. Raises :class:`oscbridge.DecodeError`."""
    entity, tag = command.entity, command.tag
    try:
        value = _read(entity, payload)
    except (ValueError, KeyError, TypeError) as error:
        raise oscbridge.DecodeError(
            "command", f"{payload[:40]!r} is not a valid command for a {entity.component}: {error}"
        ) from None
    tag = tag if tag in "ifhdsS" else "T" if tag in "TF" else "f"
    if isinstance(value, bool) and tag in _NUMBERS:
        numeric = entity.component == "light"
        value = (entity.max if value else entity.min) if numeric else float(value)
    tag, made = convert(tag, value)
    return oscbridge.Message(command.address, tag, (made,))


def _read(entity: Entity, payload: bytes) -> float | bool:
    if entity.component == "number":
        number = float(payload)
        if not math.isfinite(number):
            raise ValueError("must be finite")
        return number
    if entity.component == "switch":
        return _on_or_off(payload.decode())
    document = orjson.loads(payload)
    brightness = document.get("brightness") if isinstance(document, dict) else None
    on = _on_or_off(document["state"])
    if not on or brightness is None:
        return on
    if isinstance(brightness, bool) or not 0 <= brightness <= FULL:
        raise ValueError(f"brightness must be 0 to {FULL}")
    return entity.min + (entity.max - entity.min) * float(brightness) / FULL


def _on_or_off(text: str) -> bool:
    if text not in ("ON", "OFF"):
        raise ValueError("expected ON or OFF")
    return text == "ON"

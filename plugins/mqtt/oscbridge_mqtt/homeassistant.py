"""Home Assistant entities: discovery documents.

See MQTT discovery in the documentation of Home Assistant.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_mqtt.entity_options import COMMANDED, Entity
from oscbridge_mqtt.entity_states import NUMBERS, Command
from oscbridge_mqtt.topic import check_topic, text_template

__all__ = [
    "AnnouncedBy",
    "Announcement",
    "announce",
    "command_address_of",
    "command_of",
    "documents_of",
    "matches",
    "state_topic_of",
]

OWN_KEY: Final = "oscbridge"
"""The key of a document with what we need after a restart; Home Assistant ignores it."""


class Announcement(NamedTuple):
    """A discovery document, and the entity's command if it has one."""

    topic: str
    document: bytes
    command: Command | None
    entity: Entity
    """Its options, with the facts about the address."""


class AnnouncedBy(NamedTuple):
    """The settings that all entities of an endpoint share."""

    client_id: str
    device: str
    discovery: str
    status: str


def announce(
    entity: Entity, message: oscbridge.Message, captures: Mapping[str, str], topic: str,
    by: AnnouncedBy, *, retain: bool,
) -> Announcement:  # fmt: skip
    """The entity of a message. Raises ``LookupError`` and ``ValueError``."""
    slug = _slug(topic)
    document: dict[str, object] = {
        "name": _fill(entity.name, captures),
        "unique_id": f"{by.client_id}-{slug}",
        "state_topic": topic,
        "availability_topic": by.status,
        "device": _device(entity, captures, by),
        "origin": {"name": "oscbridge"},
    }
    extras = {
        "unit_of_measurement": entity.unit,
        "device_class": entity.device_class,
        "state_class": entity.state_class,
        "entity_category": entity.entity_category,
        "icon": entity.icon,
    }
    document |= {key: value for key, value in extras.items() if value is not None}
    command = None
    if entity.component in COMMANDED:
        address = message.address if entity.command is None else _fill(entity.command, captures)
        tag = (message.types or "f")[:1]
        command_topic = check_topic(f"{topic}/set")
        stop = "" if entity.stop is None else _fill(entity.stop, captures)
        command = Command(command_topic, address, tag, entity, topic, retain, stop)
        document |= {"command_topic": command.topic, "optimistic": entity.optimistic}
        document[OWN_KEY] = {"address": address, "type": tag} | ({"stop": stop} if stop else {})
    document |= _of_component(entity, topic, command)
    return Announcement(
        check_topic(f"{by.discovery}/{entity.component}/{_slug(by.client_id)}/{slug}/config"),
        orjson.dumps({key: value for key, value in document.items() if value != ABSENT}),
        command,
        entity,
    )


ABSENT: Final = "\0absent"
"""A key that a component must not have."""


def _device(entity: Entity, captures: Mapping[str, str], by: AnnouncedBy) -> dict[str, object]:
    device: dict[str, object] = {
        "identifiers": [by.client_id], "name": by.device, "manufacturer": "oscbridge"
    }  # fmt: skip
    if entity.device is not None:
        name = _fill(entity.device, captures)
        device |= {"identifiers": [f"{by.client_id}-{_slug(name)}"], "name": name}
    if entity.area is not None:
        device["suggested_area"] = _fill(entity.area, captures)
    return device


def _of_component(entity: Entity, topic: str, command: Command | None) -> Mapping[str, object]:
    """The keys that only some components have."""
    match entity.component:
        case "number":
            return {"min": entity.min, "max": entity.max, "step": entity.step}
        case "light":
            # Without color modes: old versions want color_mode with them, new ones reject it.
            return {"schema": "json", "brightness": command is not None and command.tag in NUMBERS}
        case "button":
            return {"state_topic": ABSENT, "optimistic": ABSENT}
        case "select":
            return {"options": entity.options}
        case "text":
            return {"optimistic": ABSENT}
        case "event":
            return {"event_types": entity.options}
        case "cover":
            return {
                "state_topic": ABSENT,
                "position_topic": topic,
                "set_position_topic": f"{topic}/set",
                "payload_stop": "STOP" if command is not None and command.stop else None,
            }
    return {}


def command_of(entity: Entity, document: Mapping[str, object], *, retain: bool) -> Command | None:
    """The command of an entity that an earlier start announced; None if it had none.

    Raises ``LookupError``, ``TypeError`` and ``ValueError`` for a document that is not ours.
    """
    if entity.component not in COMMANDED:
        return None
    own = document[OWN_KEY]
    topic = state_topic_of(document)
    if not isinstance(own, dict):
        raise TypeError("not a document of this plugin")
    address, tag = own["address"], own["type"]
    if not isinstance(address, str) or not isinstance(tag, str) or len(tag) != 1:
        raise TypeError("not a document of this plugin")
    if not matches(entity.command or "{address}", address):
        raise ValueError("another address than the route's command")
    oscbridge.encode_message(oscbridge.Message(address))
    stop = _stop_of(entity, own)
    return Command(check_topic(f"{topic}/set"), address, tag, entity, topic, retain, stop)


def _stop_of(entity: Entity, own: Mapping[str, object]) -> str:
    """The address that stops the cover. Raises ``ValueError`` if the route has another one."""
    stop = str(own.get("stop", ""))
    if (entity.stop is not None) != bool(stop) or not matches(entity.stop or "", stop):
        raise ValueError("another address than the route's stop")
    if stop:
        oscbridge.encode_message(oscbridge.Message(stop))
    return stop


def command_address_of(document: Mapping[str, object]) -> str:
    """The address of an entity's commands; empty if it has none."""
    own = document.get(OWN_KEY)
    return str(own.get("address", "")) if isinstance(own, dict) else ""


def state_topic_of(document: Mapping[str, object]) -> str:
    """The topic that the document's own topic is made from. Raises ``LookupError``."""
    for key in ("state_topic", "position_topic"):
        if key in document:
            return str(document[key])
    return str(document["command_topic"]).removesuffix("/set")


def matches(template: str, text: str) -> bool:
    """Whether a template can produce a text."""
    parts = text_template(template).fill(lambda _placeholder: "\0").split("\0")
    return re.fullmatch(".*".join(map(re.escape, parts)), text, re.DOTALL) is not None


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

"""Channels of midimonster as the sources and targets of routes. Pure.

Source: the files backends/{osc,midi,mqtt}.md of https://github.com/cbdevnet/midimonster. Every
value is a share from 0 to 1 of the range of its channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from oscbridge.importers.midimonster_dmx import DMX_BACKENDS, dmx_address
from oscbridge.importers.midimonster_file import Instance, MonsterFile
from oscbridge.toml_text import TomlTable, TomlValue

__all__ = ["Channel", "UnsupportedChannelError", "channel_of", "instance_of", "with_port"]

_MIDI: Final = re.compile(
    r"ch(?:annel)?(?P<channel>\d{1,2})\.(?P<kind>cc|note|nrpn|rpn|pressure|aftertouch|pitch)"
    r"(?P<index>\d*)"
)
_OLD_MIDI: Final = re.compile(r"(?P<kind>cc|note)(?P<channel>\d{1,2})\.(?P<index>\d{1,3})")

_KINDS: Final = {
    "cc": ("control_change", "control", "control", "value", 127),
    "note": ("note_on", "note", "note", "velocity", 127),
    "pressure": ("polytouch", "key_pressure", "note", "value", 127),
    "aftertouch": ("aftertouch", "channel_pressure", "", "value", 127),
    "pitch": ("pitchwheel", "pitch", "", "pitch", 16_383),
    "nrpn": ("nrpn", "nrpn", "parameter", "value", 16_383),
    "rpn": ("rpn", "rpn", "parameter", "value", 16_383),
}
"""By kind of channel: type and first part of the address of messages, fields of the index and the
value, and the largest value."""

_OSC_RANGES: Final = {"i": (0, 255), "f": (0.0, 1.0), "h": (0, 1024), "d": (0.0, 1.0)}

_SUPPORTED: Final = ("osc", "midi", "winmidi", "jack", "mqtt", *DMX_BACKENDS)

_NOT_SUPPORTED: Final = {
    "rtpmidi": "oscbridge has no RTP-MIDI; let rtpmidid make it a MIDI port, and use that",
}

Number = int | float


class UnsupportedChannelError(ValueError):
    """A channel without a counterpart, with the reason."""


@dataclass(frozen=True)
class Channel:
    """One side of a mapping."""

    instance: str
    low: Number
    high: Number
    match: str = ""
    """The address of its messages, as a source."""
    off_match: str = ""
    """The address of messages that mean the lowest value, whatever their own is: ends of notes."""
    index: int = 0
    """Which argument of a message it is."""
    send: str = ""
    """The address to send to, as a target; empty if the options say it."""
    options: TomlTable = field(default_factory=dict)
    """``midi = {...}`` or ``mqtt = {...}``, as a target."""
    value_key: str = ""
    """The option that takes the value, if it is not the first argument."""
    needs: str = ""
    """What the table of its instance needs for it: the topic of a source, the side of a MIDI port,
    ``read`` or ``write``."""
    fine: str = ""
    """What the table of its instance needs for a channel of 16 bits."""
    note: str = ""


def instance_of(text: str, instances: dict[str, Instance]) -> Instance:
    """The instance of ``INSTANCE.CHANNEL``. Raises :class:`UnsupportedChannelError`."""
    name = text.partition(".")[0]
    instance = instances.get(name)
    if instance is None:
        raise UnsupportedChannelError(f"unknown instance {name!r}")
    if instance.backend not in _SUPPORTED:
        reason = _NOT_SUPPORTED.get(instance.backend, "has no counterpart in oscbridge")
        raise UnsupportedChannelError(f"backend {instance.backend!r}: {reason}")
    return instance


def channel_of(text: str, file: MonsterFile, *, is_target: bool) -> Channel:
    """The channel of ``INSTANCE.CHANNEL``. Raises :class:`UnsupportedChannelError`."""
    instance = instance_of(text, file.instances)
    rest = text.partition(".")[2]
    match instance.backend:
        case "osc":
            return _osc(instance, rest, is_target=is_target)
        case "midi" | "winmidi":
            return _midi(instance, rest, is_target=is_target)
        case "jack":
            port, _, rest = rest.partition(".")
            return _midi(_jack_port(instance, port, file.instances), rest, is_target=is_target)
        case "artnet" | "sacn":
            return _dmx(instance, rest, file.options_of(instance), is_target=is_target)
    return _mqtt(instance, rest)


def with_port(text: str) -> str:
    """``host port`` as ``host:port``."""
    host, *port = text.split()
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port[0]}" if port else shown


def _osc(instance: Instance, text: str, *, is_target: bool) -> Channel:
    path, _, index = text.partition(":")
    number = int(index) if index.isdecimal() else 0
    root = instance.options.get("root", "").rstrip("/")
    found = next((value for key, value in instance.channels if fnmatchcase(path, key)), None)
    if found is None and is_target:
        raise UnsupportedChannelError(
            f"{instance.name}: no format of {path} in its section; add one: {path} = f 0.0 1.0"
        )
    note = "" if found else f"{text} is read as a float from 0.0 to 1.0"
    types, *limits = (found or "f").split()
    if number >= len(types) or set(types) - set(_OSC_RANGES):
        raise UnsupportedChannelError(f"{instance.name}: format {types!r} has no value {number}")
    if is_target and len(types) > 1:
        raise UnsupportedChannelError(
            f"{path} is a message of {len(types)} values, of which a route knows only one"
        )
    low, high = _OSC_RANGES[types[number]]
    if len(limits) >= 2 * number + 2:
        kind = int if types[number] in "ih" else float
        try:
            low, high = kind(limits[2 * number]), kind(limits[2 * number + 1])
        except ValueError:
            raise UnsupportedChannelError(f"{path} = {found}: expected numbers") from None
    address = root + path
    side = "write" if is_target else "read"
    return Channel(
        instance.name, low, high, address, index=number, send=address, needs=side, note=note
    )


def _jack_ports(instance: Instance) -> dict[str, Instance]:
    """The MIDI ports of a JACK client, by name: one instance each."""
    ports: dict[str, Instance] = {}
    for port, value in instance.options.items():
        match value.split():
            case ["midi", "in" | "out" as direction]:
                side = "read" if direction == "in" else "write"
                options = {side: f"virtual:{port}"}
                name = f"{instance.name}.{port}"
                ports[port] = Instance("jack-port", name, instance.line, options)
    return ports


def _jack_port(instance: Instance, port: str, instances: dict[str, Instance]) -> Instance:
    found = _jack_ports(instance).get(port)
    if found is None:
        kind = instance.options.get(port, "")
        reason = "control voltages have no counterpart" if kind.startswith("cv") else "no such port"
        raise UnsupportedChannelError(f"{instance.name}.{port}: {reason}")
    return instances.setdefault(found.name, found)


def _midi(instance: Instance, text: str, *, is_target: bool) -> Channel:
    found = _MIDI.fullmatch(text) or _OLD_MIDI.fullmatch(text)
    if found is None:
        raise UnsupportedChannelError(f"{text!r} is not a channel such as ch0.cc1")
    side = "write" if is_target else "read"
    if side not in instance.options and instance.backend != "midi":
        raise UnsupportedChannelError(f"{instance.name} has no {side!r}")
    kind, word, index_key, value_key, high = _KINDS[found["kind"]]
    channel = int(found["channel"]) + 1
    options: dict[str, TomlValue] = {"type": kind, "channel": channel}
    parts = [word, str(channel)]
    if index_key:
        if not found["index"]:
            raise UnsupportedChannelError(f"{text!r} has no number")
        options[index_key] = int(found["index"])
        parts.append(found["index"])
    address = "/" + "/".join(parts)
    return Channel(
        instance.name,
        0,
        high,
        address,
        f"/note_off/{channel}/{found['index']}" if found["kind"] == "note" else "",
        options=options,
        value_key=value_key,
        needs=side,
    )


def _dmx(instance: Instance, text: str, backend: Mapping[str, str], *, is_target: bool) -> Channel:
    try:
        address, fine = dmx_address(instance, text, backend, is_target=is_target)
    except ValueError as error:
        raise UnsupportedChannelError(str(error)) from None
    side = "write" if is_target else "read"
    return Channel(instance.name, 0.0, 1.0, address, send=address, needs=side, fine=fine)


def _mqtt(instance: Instance, topic: str) -> Channel:
    low, high = 0.0, 1.0
    for key, value in instance.channels:
        if key != topic:
            continue
        word, *limits = value.split()
        if word != "range":
            raise UnsupportedChannelError(f"{topic}: {word} values; write a route with 'when'")
        try:
            low, high = map(float, limits)
        except ValueError:
            raise UnsupportedChannelError(f"{topic} = {value}: expected two numbers") from None
    options = {"topic": topic, "payload": "text"}
    address = "/" + topic.strip("/")
    return Channel(instance.name, low, high, address, options=options, needs=topic)

"""Configurations of midimonster (``.cfg``): its mappings as routes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from oscbridge.contract.importing import ImportedFile, ImportedRule, Importer
from oscbridge.importers.midimonster_channels import (
    Channel,
    UnsupportedChannelError,
    channel_of,
    instance_of,
    with_port,
)
from oscbridge.importers.midimonster_dmx import dmx_table
from oscbridge.importers.midimonster_file import (
    Instance,
    Mapping,
    MonsterFile,
    expand,
    read_file,
)
from oscbridge.toml_text import TomlTable, TomlValue

__all__ = ["IMPORTER"]

MAX_NOTES: Final = 3
"""Notes about the channels of one mapping."""


def translate(text: str) -> ImportedFile:
    """The instances as bridges and endpoints, and each mapping as routes."""
    found = read_file(text)
    needs: dict[str, set[str]] = {}
    rules = [rule for mapping in found.mappings for rule in _rules(mapping, found, needs)]
    tables: dict[str, TomlTable] = {}
    for instance in found.instances.values():
        needed = sorted(needs.get(instance.name, ()))
        tables |= _tables(instance, needed, found.options_of(instance))
    notes = [
        f"line {each.line}: the password of {each.name} is not copied: add "
        'password = { env = "NAME" } or { file = "path" } to its table'
        for each in found.instances.values()
        if "password" in each.options or "@" in each.options.get("host", "")
    ]
    return ImportedFile(tables, rules, [*found.notes, *notes])


def _rules(
    mapping: Mapping, file: MonsterFile, needs: dict[str, set[str]]
) -> Iterator[ImportedRule]:
    """One rule per direction."""
    if not mapping.arrow:
        yield ImportedRule(mapping.line, mapping.text, reason="expected 'channel > channel'")
        return
    if mapping.arrow != "<":
        yield _rule(mapping, mapping.left, mapping.right, file, needs)
    if mapping.arrow != ">":
        yield _rule(mapping, mapping.right, mapping.left, file, needs)


def _rule(
    mapping: Mapping,
    source: str,
    target: str,
    file: MonsterFile,
    needs: dict[str, set[str]],
) -> ImportedRule:
    text = f"{source} > {target}" if mapping.arrow == "<>" else mapping.text
    instances = file.instances
    try:
        for side in (source, target):
            if "{" not in side.partition(".")[0]:
                instance_of(side, instances)
        sources, targets = expand(source), expand(target)
        if len(sources) != len(targets):
            if 1 not in (len(sources), len(targets)):
                raise ValueError(f"{len(sources)} channels cannot be mapped to {len(targets)}")
            count = max(len(sources), len(targets))
            sources *= count // len(sources)
            targets *= count // len(targets)
        pairs = [
            (channel_of(a, file, is_target=False), channel_of(b, file, is_target=True))
            for a, b in zip(sources, targets, strict=True)
        ]
        routes = [route for pair in pairs for route in _routes(*pair, instances)]
    except ValueError as error:
        return ImportedRule(mapping.line, text, reason=str(error))
    for source_channel, target_channel in pairs:
        needs.setdefault(source_channel.instance, set()).add(source_channel.needs)
        if instances[target_channel.instance].backend != "mqtt":  # topics are for sources only
            needs.setdefault(target_channel.instance, set()).add(target_channel.needs)
        for each in (source_channel, target_channel):
            if each.fine:
                needs[each.instance].add(each.fine)
    notes = list(dict.fromkeys(each.note for each, _ in pairs if each.note))
    more = [f"and {len(notes) - MAX_NOTES} more"] if len(notes) > MAX_NOTES else []
    return ImportedRule(mapping.line, text, routes, "; ".join((*notes[:MAX_NOTES], *more)))


def _routes(
    source: Channel, target: Channel, instances: dict[str, Instance]
) -> Iterator[TomlTable]:
    yield _checked(_route(source, target), instances[target.instance])
    if source.off_match:
        yield _off_route(source, target)


def _off_route(source: Channel, target: Channel) -> TomlTable:
    """The route of messages that mean the lowest value."""
    route: dict[str, TomlValue] = {"from": _name(source.instance), "match": source.off_match}
    options = dict(target.options)
    if target.send:
        return {**route, "send": f"{target.send} {target.low}", "to": _name(target.instance)}
    if target.value_key:
        options[target.value_key] = target.low
        return {**route, "to": _name(target.instance), "midi": options}
    del options["payload"]
    options["constant"] = str(target.low)
    return {**route, "to": _name(target.instance), "mqtt": options}


def _route(source: Channel, target: Channel) -> TomlTable:
    route: dict[str, TomlValue] = {"from": _name(source.instance), "match": source.match}
    if _kinds(source) != _kinds(target):
        route["scale"] = [source.low, source.high, target.low, target.high]
    options = dict(target.options)
    if target.send:
        route["send"] = f"{target.send} {{{source.index}}}"
    elif target.value_key:
        options[target.value_key] = f"{{{source.index}}}"
    elif source.index:
        route["send"] = f"{{address}} {{{source.index}}}"
    route["to"] = _name(target.instance)
    if options:
        route["midi" if target.value_key else "mqtt"] = options
    return route


def _kinds(channel: Channel) -> tuple[float, float, bool]:
    """The range of a channel, and whether its values are whole numbers."""
    return channel.low, channel.high, isinstance(channel.high, int)


def _checked(route: TomlTable, instance: Instance) -> TomlTable:
    """The route, if its target can be sent to. Raises :class:`UnsupportedChannelError`."""
    if instance.backend == "osc":
        destination = _destination(instance)
        if not destination:
            raise UnsupportedChannelError(f"{instance.name} has no 'destination'")
    return route


def _destination(instance: Instance) -> str:
    return instance.options.get("destination", instance.options.get("dest", ""))


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _tables(
    instance: Instance, needs: list[str], backend_options: dict[str, str]
) -> dict[str, TomlTable]:
    """The bridge or endpoint of an instance; none if its backend has no counterpart."""
    name = _name(instance.name)
    match instance.backend:
        case "osc":
            return _osc_tables(name, instance, is_target="write" in needs)
        case "midi" | "winmidi" | "jack-port":
            ports: dict[str, TomlValue] = {}
            for key, option in (("input", "read"), ("output", "write")):
                if option in instance.options:
                    ports[key] = instance.options[option]
                elif option in needs:  # an instance has a port of its own for others to connect to
                    ports[key] = f"virtual:{instance.name}"
            backend = {"backend": "jack"} if instance.backend == "jack-port" else {}
            table = {"type": "midi", **backend, **ports, "addresses": "long", "on_start": "retry"}
            return {f"endpoint.{name}": table} if ports else {}
        case "mqtt":
            return {f"endpoint.{name}": _mqtt_table(instance, needs)}
        case "artnet" | "sacn" if needs:
            return {f"endpoint.{name}": dmx_table(instance, backend_options, needs)}
    return {}


def _osc_tables(name: str, instance: Instance, *, is_target: bool) -> dict[str, TomlTable]:
    destination, bind = _destination(instance), instance.options.get("bind")
    if destination and not destination.startswith("learn"):
        to: dict[str, TomlValue] = {"type": "osc", "to": f"udp://{with_port(destination)}"}
        return {f"endpoint.{name}": to | ({"listen": with_port(bind)} if bind else {})}
    if bind is None:
        return {}
    tables: dict[str, TomlTable] = {f"bridge.{name}": {"listen": f"udp://{with_port(bind)}"}}
    _, _, port = destination.partition("@")
    if port.isdecimal() and is_target:
        tables[f"bridge.{name}.clients"] = {"reply_port": int(port)}
    return tables


def _mqtt_table(instance: Instance, topics: list[str]) -> TomlTable:
    host = instance.options.get("host", "127.0.0.1")
    url = urlsplit(host if "://" in host else f"mqtt://{host}")
    table: dict[str, TomlValue] = {
        "type": "mqtt",
        "broker": f"{url.scheme}://{url.netloc.rpartition('@')[2]}",
        "default_routes": False,
    }
    user = instance.options.get("user") or url.username
    if user:
        table["username"] = user
    if "clientid" in instance.options:
        table["client_id"] = instance.options["clientid"]
    if instance.options.get("protocol") == "3.1.1":
        table["version"] = "3.1.1"
    if topics:
        table["subscribe"] = [
            {"topic": topic, "address": "/" + topic.strip("/"), "types": "f"} for topic in topics
        ]
    return table


IMPORTER: Final = Importer("configurations of midimonster (.cfg)", translate)

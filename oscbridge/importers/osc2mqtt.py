"""Configurations of osc2mqtt (``.ini``). Pure.

Source: the comments of osc2mqtt.ini and converter.py of https://github.com/SpotlightKid/osc2mqtt,
and of its fork https://github.com/lcb01a/osc2mqtt, whose replacements are those of ``str.format``.
A rule applies in both directions: to an OSC address, and to an MQTT topic.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import click

from oscbridge.contract.importing import ImportedFile, ImportedRule, Importer
from oscbridge.errors import InputError
from oscbridge.importers.regex_pattern import RegexPattern, UnsupportedRegexError, read_regex
from oscbridge.toml_text import TomlTable, TomlValue

__all__ = ["IMPORTER"]

_DEFAULTS: Final = {
    "match": r"^/?(.*)",
    "address": r"/\1",
    "topic": r"\1",
    "type": "struct",
    "format": "B",
    **dict.fromkeys(("from_mqtt", "from_osc", "osctags", "packed"), ""),
    **dict.fromkeys(("address_groups", "topic_groups"), ""),
}

_TAGS: Final = {"i": "i", "int": "i", "f": "f", "float": "f", "s": "s", "str": "s"}
"""Type tags by conversion."""

_ORDER: Final = (
    "osc2mqtt uses the first rule that matches a message; here all routes that match are used"
)

_PASSWORD: Final = (
    "the password of the broker is not copied: add "
    'password = { env = "NAME" } or { file = "path" } to endpoint.house'
)


def translate(text: str, text_payloads: bool = False) -> ImportedFile:
    """The endpoints, and for each rule a route in each direction.

    With ``text_payloads`` packed payloads are translated to text.
    """
    parser = _read(text)
    options = dict(parser.items("options")) if parser.has_section("options") else {}
    receiver = options.get("osc_receiver", "").strip()
    rules = [
        rule
        for name in parser.sections()
        if name.startswith(":")
        for rule in _rules(
            name, _line(text, name), _keys(parser.items(name), as_text=text_payloads), receiver
        )
    ]
    broker = options.get("mqtt_broker", "").strip() or "localhost:1883"
    filters = [each.strip() for each in options.get("subscriptions", "#").split(",")]
    house: dict[str, TomlValue] = {
        "type": "mqtt",
        "broker": f"mqtt://{_with_port(broker, 1883)}",
        "default_routes": False,
    }
    if receiver:
        house["subscribe"] = [each for each in filters if each]
    for key, option in (("username", "mqtt_username"), ("client_id", "client_id")):
        if value := options.get(option, "").strip():
            house[key] = value
    port = options.get("osc_port", "").strip() or "9001"
    tables: dict[str, TomlTable] = {
        "bridge.stage": {"listen": f"udp://0.0.0.0:{port}"},
        "endpoint.house": house,
    }
    if receiver:
        tables["endpoint.desk"] = {"type": "osc", "to": f"udp://{_with_port(receiver, 9000)}"}
    notes = [_ORDER] if len(rules) > 1 else []
    if options.get("mqtt_password"):
        notes.append(_PASSWORD)
    return ImportedFile(tables, rules, notes)


def _read(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.ParsingError as error:
        line = getattr(error, "lineno", None) or error.errors[0][0]
        raise InputError(line, "expected 'key = value' or '[section]'") from None
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
        raise InputError(error.lineno or 0, f"duplicate: {error.args[0]}") from None
    if not any(name == "options" or name.startswith(":") for name in parser.sections()):
        raise InputError(0, "no [options] and no rules such as [:light]; is it of osc2mqtt?")
    return parser


def _keys(items: Iterable[tuple[str, str]], *, as_text: bool) -> dict[str, str]:
    """The keys of a rule; ``packed`` is the type that text replaces."""
    keys = {**_DEFAULTS, **dict(items)}
    if as_text and keys["type"] in ("struct", "array"):
        keys |= {"type": "string", "packed": keys["type"]}
    return keys


def _line(text: str, section: str) -> int:
    """The line of a section's header."""
    lines = text.splitlines()
    return next(
        number for number, line in enumerate(lines, 1) if line.strip().startswith(f"[{section}]")
    )


def _with_port(host: str, port: int) -> str:
    return host if re.search(r":\d+$", host) else f"{host}:{port}"


def _rules(name: str, line: int, rule: Mapping[str, str], receiver: str) -> Iterator[ImportedRule]:
    directions = [("from OSC to MQTT", _to_mqtt)]
    if receiver:  # without one, osc2mqtt sends no OSC
        directions.append(("from MQTT to OSC", _to_osc))
    for direction, make in directions:
        yield _rule(line, f"[{name}] match = {rule['match']}, {direction}", rule, make)


def _rule(
    line: int,
    text: str,
    rule: Mapping[str, str],
    make: Callable[[RegexPattern, Mapping[str, str]], tuple[TomlTable, list[str]]],
) -> ImportedRule:
    try:
        made = [(pattern, *make(pattern, rule)) for pattern in read_regex(rule["match"])]
    except UnsupportedRegexError as error:
        return ImportedRule(line, text, reason=str(error))
    notes = dict.fromkeys(note for pattern, _, more in made for note in (*pattern.notes, *more))
    if rule["packed"]:
        notes[f"the payload is text here, and packed bytes ({rule['packed']}) in osc2mqtt"] = None
    return ImportedRule(line, text, [route for _, route, _ in made], "; ".join(notes))


def _to_mqtt(pattern: RegexPattern, rule: Mapping[str, str]) -> tuple[TomlTable, list[str]]:
    payload, notes = _payload(rule)
    _no_groups(rule, "address_groups")
    mqtt: dict[str, TomlValue] = {}
    match = pattern.match
    if not pattern.is_same(rule["topic"]) or match.startswith("//"):
        mqtt["topic"] = pattern.filled(rule["topic"], address=False)
        if pattern.uses_rest(rule["topic"]):
            match = pattern.capturing_match
    mqtt["payload"] = payload
    route: dict[str, TomlValue] = {"from": "stage", "match": match}
    if values := _values(rule["from_osc"]):
        route["send"] = f"{{address}} {values}"
        notes += _rounding(values)
    return {**route, "to": "house", "mqtt": mqtt}, notes


def _payload(rule: Mapping[str, str]) -> tuple[str, list[str]]:
    """The format of payloads. Raises for those that are bytes."""
    match rule["type"]:
        case "json":
            return "json", ["osc2mqtt writes a single value as a list, [1], and this route as 1"]
        case "struct" | "array":
            raise UnsupportedRegexError(_BINARY.format(rule["type"], rule["format"]))
    return "text", []


_BINARY: Final = (
    "payloads with type = {}, format = {} are packed bytes, which a route cannot make or read; "
    "use text on both sides (--text-payloads), or 'function'"
)


def _to_osc(pattern: RegexPattern, rule: Mapping[str, str]) -> tuple[TomlTable, list[str]]:
    if rule["type"] in ("struct", "array"):
        raise UnsupportedRegexError(_BINARY.format(rule["type"], rule["format"]))
    _no_groups(rule, "topic_groups")
    conversions = rule["from_mqtt"]
    if rule["osctags"]:
        if set(rule["osctags"]) - set("ifs"):
            raise UnsupportedRegexError(f"osctags = {rule['osctags']}: only i, f and s have values")
        conversions = ",".join(rule["osctags"])
    values = _values(conversions)
    is_same = pattern.is_same(rule["address"])
    captures = not is_same and pattern.uses_rest(rule["address"])
    match = pattern.capturing_match if captures else pattern.match
    route: dict[str, TomlValue] = {"from": "house", "match": match}
    if values or not is_same:
        address = "{address}" if is_same else pattern.filled(rule["address"], address=True)
        route["send"] = f"{address} {values or '{*}'}"
    return {**route, "to": "desk"}, _rounding(values)


def _rounding(values: str) -> list[str]:
    return (
        ["numbers are rounded, where osc2mqtt cuts off: 0.7 becomes 1"] if ":i}" in values else []
    )


def _no_groups(rule: Mapping[str, str], key: str) -> None:
    if rule[key].strip():
        raise UnsupportedRegexError(
            f"{key} = {rule[key]}: write the captures in 'send': '{{address}} {{*}} {{n}}'"
        )


def _values(conversions: str) -> str:
    """Conversion functions as arguments of ``send``: ``float, int`` as ``{0:f} {1:i}``."""
    if not conversions.strip():
        return ""
    words = []
    for index, each in enumerate(conversions.split(",")):
        function = each.strip()
        if function in ("b", "bool"):
            raise UnsupportedRegexError("the conversion 'bool' has no counterpart; use 'int'")
        tag = _TAGS.get(function)
        words.append(f"{{{index}:{tag}}}" if tag else f"{{{index}}}")
    return " ".join(words)


_TEXT_PAYLOADS: Final = click.Option(
    ["--text-payloads"],
    is_flag=True,
    help="Translate packed payloads (struct, array) to text. The other side has to change, too.",
)

IMPORTER: Final = Importer("configurations of osc2mqtt (.ini)", translate, [_TEXT_PAYLOADS])

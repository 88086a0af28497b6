"""The configuration file: TOML in, checked and frozen models out.

Everything that can be found without opening a socket is found here, and all of it at once.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from oscbridge.bridge.endpoint import Endpoint, Options
from oscbridge.errors import ConfigurationError, PatternError
from oscbridge.osc import Pattern
from oscbridge.url import OSCURL

__all__ = [
    "DEFAULT",
    "BridgeOptions",
    "Configuration",
    "EndpointEntry",
    "Mode",
    "RouteOptions",
    "load",
    "parse",
]

DEFAULT = """\
[bridge.osc]
listen = "udp://127.0.0.1:9000"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:8080"
"""
"""What runs without a file."""

MAX_FILE = 1 << 20
"""Bytes of a configuration file."""

Mode = Literal["asyncio", "blocking", "threading"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _pattern(value: str) -> str:
    if not value.startswith(("/", "*")):
        raise ValueError("an address starts with '/'")
    try:
        Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error)) from None
    return value


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]


class BridgeOptions(Options):
    """``[bridge.NAME]``: an OSC server and the routes that read from it."""

    listen: OSCURL = OSCURL("udp", "127.0.0.1", 9000)
    """Where to listen: ``udp://host:port``."""
    mode: Mode = "asyncio"
    """Who runs the handlers: ``asyncio``, ``blocking`` or ``threading``."""


class RouteOptions(Options):
    """``[[route]]``: from sources, by a match, to endpoints."""

    sources: Names = Field(alias="from")
    """Bridges and endpoints to read from: a name, or several in a list."""
    match: Annotated[str, AfterValidator(_pattern)] = "*"
    """An address; ``*`` ``?`` ``[a-z]`` ``{a,b}`` match, ``{name}`` captures one part."""
    to: Names
    """Endpoints to send to: a name, or several in a list."""


class _File(Options):
    """The whole file, before the endpoints' types are known."""

    bridge: Mapping[str, BridgeOptions] = MappingProxyType({})
    endpoint: Mapping[str, dict[str, Any]] = MappingProxyType({})
    route: tuple[RouteOptions, ...] = ()


@dataclass(frozen=True)
class EndpointEntry:
    """An endpoint that is configured and not yet made."""

    type_name: str
    factory: type[Endpoint]
    options: Options


@dataclass(frozen=True)
class Configuration:
    """A configuration in which every name and value is good."""

    bridges: Mapping[str, BridgeOptions]
    endpoints: Mapping[str, EndpointEntry]
    routes: Sequence[RouteOptions]


def load(path: Path, types: Mapping[str, type[Endpoint]]) -> Configuration:
    """Read a file. ``types`` are the endpoint types by name.

    Raises :class:`ConfigurationError` that lists every fault.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise ConfigurationError(f"{path}: larger than {MAX_FILE} bytes")
        return parse(raw.decode(), types, str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8: {error}") from None


def parse(text: str, types: Mapping[str, type[Endpoint]], name: str) -> Configuration:
    """Read TOML. ``name`` is the file's, for the errors.

    Raises :class:`ConfigurationError` that lists every fault.
    """
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not TOML: {error}") from None
    faults: list[str] = []
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        faults += [_explain(fault, _File) for fault in error.errors()]
        # What is well formed is looked at all the same: one run shows all faults.
        file = _File.model_construct(bridge={}, endpoint=_tables(raw.get("endpoint")), route=())
    endpoints: dict[str, EndpointEntry] = {}
    for key, table in file.endpoint.items():
        entry = _endpoint(key, table, types)
        if isinstance(entry, EndpointEntry):
            endpoints[key] = entry
        else:
            faults += entry
    faults += _names(file)
    if faults:
        raise ConfigurationError("\n".join(f"{name}: {fault}" for fault in faults))
    return Configuration(file.bridge, endpoints, file.route)


def _tables(value: object) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        return {}
    return {key: table for key, table in value.items() if isinstance(table, dict)}


def _endpoint(
    name: str, table: Mapping[str, Any], types: Mapping[str, type[Endpoint]]
) -> EndpointEntry | list[str]:
    """One ``[endpoint.NAME]``, or its faults."""
    where = f"endpoint.{name}"
    options = dict(table)
    type_name = options.pop("type", None)
    if type_name is None:
        return [f"{where}: the key 'type' is missing; known types: {_list(types)}"]
    if not isinstance(type_name, str) or type_name not in types:
        mend = _nearest(str(type_name), types) or (
            f"known types: {_list(types)}; a missing one comes with a plugin, "
            f"as by: pip install oscbridge-{type_name}"
        )
        return [f"{where}.type = {type_name!r}: no plugin offers this type; {mend}"]
    factory = types[type_name]
    try:
        return EndpointEntry(type_name, factory, factory.Options.model_validate(options))
    except ValidationError as error:
        return [_explain(fault, factory.Options, where) for fault in error.errors()]


def _names(file: _File) -> Iterator[str]:
    """Faults in and between the names."""
    for kind, names in (("bridge", file.bridge), ("endpoint", file.endpoint)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{kind}.{name}: a name has up to 64 letters, digits, '-' and '_'"
    for name in file.bridge.keys() & file.endpoint.keys():
        yield f"endpoint.{name}: a bridge has the same name; names must differ, as routes use them"
    for (name, bridge), (other, first) in combinations(list(file.bridge.items())[::-1], 2):
        if _collide(bridge.listen, first.listen):
            yield (
                f"bridge.{name}.listen = '{bridge.listen}': bridge.{other} listens on "
                f"'{first.listen}' already; choose another port"
            )
    known = {**file.bridge, **file.endpoint}
    for index, route in enumerate(file.route, 1):
        for name in route.sources:
            if name not in known:
                yield _unknown(
                    f"route {index}: from = {name!r}: no such bridge or endpoint", name, known
                )
        for name in route.to:
            if name not in file.endpoint:
                yield _unknown(
                    f"route {index}: to = {name!r}: no such endpoint", name, file.endpoint
                )


def _collide(one: OSCURL, other: OSCURL) -> bool:
    """Whether two listeners cannot both have their port."""
    if one.port == 0 or (one.scheme, one.port) != (other.scheme, other.port):
        return False
    hosts = {one.host, other.host}
    return len(hosts) == 1 or bool(hosts & {"0.0.0.0", "::"})


def _unknown(text: str, name: str, known: Mapping[str, object]) -> str:
    return f"{text}; {_nearest(name, known) or f'there is: {_list(known)}'}"


def _explain(fault: ErrorDetails, model: type[BaseModel], where: str = "") -> str:
    """One fault as a person wants to read it: where, which value, what is wrong, the mend."""
    location = list(fault["loc"])
    model_at = _model_at(model, location)
    place = _place(where, location)
    value = fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            keys = [f.alias or key for key, f in model_at.model_fields.items()] if model_at else []
            mend = _nearest(str(location[-1]), keys) or f"known keys: {_list(keys)}"
            return f"{place}: unknown key; {mend}"
        case "missing":
            return f"{place}: this key is missing"
        case "value_error":
            return f"{place} = {_show(value)}: {fault['ctx']['error']}"
        case _:
            return f"{place} = {_show(value)}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _model_at(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel] | None:
    """The model whose key is the last of a location."""
    if model is not _File or len(location) <= 1:
        return model
    models: dict[object, type[BaseModel]] = {"bridge": BridgeOptions, "route": RouteOptions}
    return models.get(location[0])


def _place(where: str, location: Sequence[int | str]) -> str:
    parts = list(location)
    if not where and len(parts) > 1 and parts[0] == "route" and isinstance(parts[1], int):
        where = f"route {parts[1] + 1}"
        parts = parts[2:]
        return ": ".join([where, ".".join(map(str, parts))]) if parts else where
    return ".".join([where, *map(str, parts)] if where else map(str, parts))


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _nearest(word: str, known: Mapping[str, object] | Sequence[str]) -> str:
    found = difflib.get_close_matches(word, list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""


def _list(names: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"

"""The configuration file: TOML in, checked and frozen models out.

Everything that can be found without opening a socket is found here, and all of it at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from oscbridge.bridge.endpoint import Endpoint, Options
from oscbridge.bridge.faults import choices, explain, nearest, show
from oscbridge.errors import ConfigurationError, PatternError
from oscbridge.os_errors import what_failed
from oscbridge.osc import Pattern
from oscbridge.url import OSCURL, HostPort

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
_SECTIONS = ("bridge", "endpoint", "route")

_Options = TypeVar("_Options", bound=Options)


def _pattern(value: str) -> str:
    if not value.startswith(("/", "*")):
        raise ValueError("an address starts with '/'")
    try:
        Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error).removeprefix(f"{value!r}: ")) from None
    return value


def _several(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
        raise ValueError('expected a name in quotes, or several: ["one", "two"]')
    return tuple(names)


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


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
    except FileNotFoundError:
        near = nearest(path.name, [each.name for each in path.parent.glob("*.toml")])
        text = f"{path}: there is no such file; {near or 'check the name'}"
        raise ConfigurationError(text) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {what_failed(error)}") from None
    if len(raw) > MAX_FILE:
        raise ConfigurationError(f"{path}: larger than {MAX_FILE} bytes; is it a configuration?")
    try:
        text = raw.decode("utf-8-sig")  # Windows' editors put a mark in front
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line}: not UTF-8; save it as UTF-8") from None
    return parse(text, types, str(path))


def parse(text: str, types: Mapping[str, type[Endpoint]], name: str) -> Configuration:
    """Read TOML. ``name`` is the file's, for the errors.

    Raises :class:`ConfigurationError` that lists every fault.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{name}: not TOML: nested too deeply") from None
    reader = _Reader(raw, types)
    if reader.faults:
        raise ConfigurationError("\n".join(f"{name}: {fault}" for fault in reader.faults))
    return Configuration(reader.bridges, reader.endpoints, list(reader.routes.values()))


class _Reader:
    """Reads part by part, so that a fault in one hides no fault in another."""

    def __init__(self, raw: Mapping[str, Any], types: Mapping[str, type[Endpoint]]) -> None:
        self.faults: list[str] = []
        self.bridges: dict[str, BridgeOptions] = {}
        self.endpoints: dict[str, EndpointEntry] = {}
        self.routes: dict[int, RouteOptions] = {}
        self._types = types
        for key in raw:
            if key not in _SECTIONS:
                self.faults.append(f"{key}: unknown key; {choices(key, _SECTIONS, 'known keys')}")
        bridges, endpoints = self._tables(raw, "bridge"), self._tables(raw, "endpoint")
        for name, table in bridges.items():
            bridge = self._validate(BridgeOptions, table, f"bridge.{name}")
            if bridge is not None:
                self.bridges[name] = bridge
        for name, table in endpoints.items():
            self._read_endpoint(name, table)
        for index, table in self._route_tables(raw):
            route = self._validate(RouteOptions, table, f"route {index}")
            if route is not None:
                self.routes[index] = route
        # Names are held against all tables: a broken one is reported once, not once a use.
        self.faults += _check_names(bridges, endpoints)
        self.faults += _check_listens(self.bridges, self.endpoints)
        for index, route in self.routes.items():
            self._check_route(f"route {index}", route, bridges, endpoints)

    def _tables(self, raw: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
        """The tables ``[kind.NAME]``."""
        section = raw.get(kind, {})
        if not isinstance(section, dict):
            self.faults.append(f"{kind} = {show(section)}: expected tables, as [{kind}.stage]")
            return {}
        tables = {}
        for name, table in section.items():
            if isinstance(table, dict):
                tables[name] = table
            else:
                self.faults.append(
                    f"{kind}.{name} = {show(table)}: expected a table; "
                    f"give it a name, as in [{kind}.stage], and write its keys below"
                )
        return tables

    def _route_tables(self, raw: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        """The tables ``[[route]]``, counted from 1."""
        section = raw.get("route", [])
        if isinstance(section, list) and all(isinstance(table, dict) for table in section):
            return list(enumerate(section, 1))
        self.faults.append(f"route = {show(section)}: write [[route]], with two brackets")
        return []

    def _validate(
        self, model: type[_Options], table: Mapping[str, Any], where: str
    ) -> _Options | None:
        try:
            return model.model_validate(table)
        except ValidationError as error:
            self.faults += [explain(fault, model, where) for fault in error.errors()]
            return None

    def _read_endpoint(self, name: str, table: Mapping[str, Any]) -> None:
        where = f"endpoint.{name}"
        options = dict(table)
        type_name = options.pop("type", None)
        if type_name is None:
            known = ", ".join(sorted(self._types)) or "none, as no plugin is installed"
            self.faults.append(f"{where}: the key 'type' is missing; known types: {known}")
            return
        factory = self._types.get(type_name) if isinstance(type_name, str) else None
        if factory is None:
            mend = choices(str(type_name), self._types, "known types")
            if isinstance(type_name, str) and not nearest(type_name, self._types):
                mend += f"; a plugin may bring it: pip install oscbridge-{type_name}"
            self.faults.append(
                f"{where}.type = {show(type_name)}: no plugin offers this type; {mend}"
            )
            return
        valid = self._validate(factory.Options, options, where)
        if valid is not None:
            self.endpoints[name] = EndpointEntry(type_name, factory, valid)

    def _check_route(
        self,
        where: str,
        route: RouteOptions,
        bridges: Mapping[str, object],
        endpoints: Mapping[str, object],
    ) -> None:
        known = {**bridges, **endpoints}
        for name in route.sources:
            if name not in known:
                mend = choices(name, known, "there is")
                self.faults.append(
                    f"{where}: from = {show(name)}: no such bridge or endpoint; {mend}"
                )
        for name in route.to:
            if name not in endpoints:
                mend = choices(name, endpoints, "there is")
                self.faults.append(f"{where}: to = {show(name)}: no such endpoint; {mend}")
            elif name in self.endpoints and not self.endpoints[name].factory.is_sink():
                self.faults.append(
                    f"{where}: to = {show(name)}: nothing can be sent to this endpoint; "
                    "it can only stand under 'from'"
                )


def _check_names(bridges: Mapping[str, object], endpoints: Mapping[str, object]) -> Iterator[str]:
    for kind, names in (("bridge", bridges), ("endpoint", endpoints)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{kind}.{name}: a name has up to 64 letters, digits, '-' and '_'"
    for name in endpoints:
        if name in bridges:
            yield f"endpoint.{name}: a bridge has this name too; routes need different ones"


def _check_listens(
    bridges: Mapping[str, BridgeOptions], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[str]:
    """What cannot listen as something before it in the file has the port."""
    listens: list[tuple[str, str, HostPort, str]] = [
        (f"bridge.{name}", bridge.listen.scheme, HostPort(*bridge.listen[1:]), str(bridge.listen))
        for name, bridge in bridges.items()
    ]
    for name, entry in endpoints.items():
        listen = getattr(entry.options, "listen", None)
        if isinstance(listen, HostPort):  # two of one type speak over the same transport
            listens.append((f"endpoint.{name}", f"type {entry.type_name}", listen, str(listen)))
    for first, later in combinations(listens, 2):
        if first[1] == later[1] and _collide(first[2], later[2]):
            yield (
                f"{later[0]}.listen = '{later[3]}': {first[0]} listens on '{first[3]}' already; "
                "choose another port"
            )


def _collide(one: HostPort, other: HostPort) -> bool:
    """Whether two sockets of one transport cannot both have their port."""
    if one.port == 0 or one.port != other.port:
        return False
    hosts = {one.host, other.host}
    if len(hosts) == 1 or "::" in hosts:  # which takes IPv4 as well, on most systems
        return True
    return "0.0.0.0" in hosts and not any(":" in host for host in hosts)

"""Reads a configuration part by part, so that a fault in one hides no fault in another."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from oscbridge.bridge.config.error_messages import choices, nearest, show, validate
from oscbridge.bridge.config.models import BridgeOptions, HostOptions, RouteOptions
from oscbridge.bridge.config.port_conflicts import (
    Listen,
    is_group,
    listen_of_bridge,
    listen_of_endpoint,
    reaches,
    share_a_port,
)
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_loops import endless
from oscbridge.bridge.config.routes import RouteReader
from oscbridge.bridge.sinks.runner import RunnerOptions
from oscbridge.bridge.sinks.spool.writer import SpoolBounds
from oscbridge.endpoint import Endpoint, Options
from oscbridge.net.url import OSCURL

__all__ = ["Reader"]

_Model = TypeVar("_Model", bound=Options)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SECTIONS: Final = ("bridge", "endpoint", "route", "http", "run")


class Reader:
    """Reads part by part, so that a fault in one hides no fault in another."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        types: Mapping[str, type[Endpoint]],
        directory: Path | None = None,
    ) -> None:
        self.faults: list[str] = []
        self.bridges: dict[str, BridgeOptions] = {}
        self.endpoints: dict[str, EndpointEntry] = {}
        self._types = types
        self._directory = directory
        for key in raw:
            if key not in _SECTIONS:
                self.faults.append(f"{key}: unknown key; {choices(key, _SECTIONS, 'known keys')}")
        bridges, endpoints = self._tables(raw, "bridge"), self._tables(raw, "endpoint")
        for name, table in bridges.items():
            bridge = validate(self.faults, BridgeOptions, table, f"bridge.{name}")
            if bridge is not None:
                self.bridges[name] = bridge
                self.faults += _check_interface(f"bridge.{name}", bridge)
        for name, table in endpoints.items():
            self._read_endpoint(name, table)
        # Names are held against all tables: a broken one is reported once, not once a use.
        self.faults += _check_names(bridges, endpoints)
        self.faults += _check_spools(self.endpoints)
        self.http = self._one_table(HTTPOptions, raw, "http")
        self.run = self._one_table(RunOptions, raw, "run") or RunOptions()
        listens = self._listens()
        self.faults += share_a_port(listens)
        routes = RouteReader(types, bridges, endpoints, directory)
        for index, table in self._route_tables(raw):
            routes.read(index, table)
        self.routes = routes.entries
        self.faults += routes.faults
        self.faults += self._rings(routes.options, listens)

    def _one_table(self, model: type[_Model], raw: Mapping[str, Any], name: str) -> _Model | None:
        """The table ``[name]``; None if there is none, or a faulty one."""
        table = raw.get(name)
        if table is None:
            return None
        if not isinstance(table, dict):
            self.faults.append(f"{name} = {show(table)}: expected a table; write [{name}]")
            return None
        return validate(self.faults, model, table, name, directory=self._directory)

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
        own = {key: options.pop(key) for key in HostOptions.model_fields if key in options}
        host = validate(self.faults, HostOptions, own, where, directory=self._directory)
        valid = validate(self.faults, factory.Options, options, where, HostOptions, self._directory)
        if host is not None and valid is not None:
            policy = host.policy or factory.policy
            spool = self._spool(name, host) if policy == "spool" else None
            if policy != "spool" and "spool" in own:
                text = f'nothing is on disk, as its policy is {policy!r}; set policy = "spool"'
                self.faults.append(f"{where}.spool: {text}")
            delivery = RunnerOptions(
                policy=policy,
                on_start=host.on_start or factory.on_start,
                outbox=host.outbox,
                spool=spool,
            )
            self.endpoints[name] = EndpointEntry(type_name, factory, valid, delivery)

    def _spool(self, name: str, host: HostOptions) -> SpoolBounds | None:
        path = host.spool.path
        if path is None:
            try:
                path = _state_folder() / f"{name}.spool"
            except RuntimeError:
                text = "say where, as there is no home folder for it"
                self.faults.append(f"endpoint.{name}.spool.path: {text}")
                return None
        return SpoolBounds(path, host.spool.size, host.spool.age)

    def _listens(self) -> list[Listen]:
        found = [listen_of_endpoint(name, entry.options) for name, entry in self.endpoints.items()]
        bridges = [listen_of_bridge(name, bridge) for name, bridge in self.bridges.items()]
        if self.http is not None:
            bridges.append(Listen("http", "tcp", self.http.listen, str(self.http.listen)))
        return bridges + [listen for listen in found if listen is not None]

    def _rings(
        self, routes: Mapping[int, RouteOptions], listens: Sequence[Listen]
    ) -> Iterator[str]:
        """Routes through OSC endpoints that send to where this bridge itself listens."""
        targets = {
            name: to
            for name, entry in self.endpoints.items()
            if entry.type_name == "osc"
            and isinstance(to := getattr(entry.options, "to", None), OSCURL)
        }
        comes_back = {
            name: [listen.name for listen in listens if reaches(to, listen)]
            for name, to in targets.items()
        }
        answers = {
            (listen.name, name)
            for name, to in targets.items()
            for listen in listens
            if reaches(to, listen)
        }
        for number, endpoint, way in endless(routes, comes_back, answers):
            yield (
                f"route {number}: to = {show(endpoint)}: what is sent there comes in again as it "
                f"was, without end: {way}; change the address with 'send', or narrow 'match'"
            )


def _check_names(bridges: Mapping[str, object], endpoints: Mapping[str, object]) -> Iterator[str]:
    for kind, names in (("bridge", bridges), ("endpoint", endpoints)):
        for name in names:
            if not _NAME.fullmatch(name):
                yield f"{kind}.{name}: a name has up to 64 letters, digits, '-' and '_'"
    for name in endpoints:
        if name in bridges:
            yield f"endpoint.{name}: a bridge has this name too; routes need different ones"


def _check_spools(endpoints: Mapping[str, EndpointEntry]) -> Iterator[str]:
    users: dict[Path, list[str]] = defaultdict(list)
    for name, entry in endpoints.items():
        if entry.delivery.spool is not None:
            users[entry.delivery.spool.path.resolve()].append(name)
    for path, (name, *others) in users.items():
        for other in others:
            yield (
                f"endpoint.{other}.spool.path: {path} is the file of endpoint.{name}; "
                "give each its own"
            )


def _state_folder() -> Path:
    """Where programs keep what they must not forget. Raises ``RuntimeError`` if nowhere."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "oscbridge"


def _check_interface(where: str, bridge: BridgeOptions) -> Iterator[str]:
    if bridge.interface and not is_group(bridge.listen):
        yield (
            f"{where}.interface = {show(bridge.interface)}: it says where to join a multicast "
            f"group, and '{bridge.listen}' is none"
        )

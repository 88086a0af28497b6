"""Reads a configuration part by part, so that a problem in one part hides none in another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from oscbridge.bridge.broken_endpoint import BrokenEndpoint, broken_type
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.client_sinks import (
    client_problems,
    client_sinks,
    client_warnings,
    clients_of_bridges,
    own_client_warnings,
)
from oscbridge.bridge.config.contradicting_types import contradicting_types
from oscbridge.bridge.config.endpoint_models import SPOOL_AGE, HostOptions
from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.file_models import SECTIONS
from oscbridge.bridge.config.leader_problems import leader_problems
from oscbridge.bridge.config.media import loop_warnings
from oscbridge.bridge.config.names import NAME, NAME_RULE
from oscbridge.bridge.config.plugin_bugs import bug_of
from oscbridge.bridge.config.plugin_packages import missing_type, suggest_type
from oscbridge.bridge.config.port_conflicts import (
    Listen,
    is_group,
    listen_of_bridge,
    listens_of_endpoint,
    port_conflicts,
    reaches,
)
from oscbridge.bridge.config.possible_loops import possible_loops
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, show
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.config.resolved import Configuration, EndpointEntry
from oscbridge.bridge.config.route_loops import endless
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.routes import RouteReader
from oscbridge.bridge.config.sink_problems import sink_problems
from oscbridge.bridge.config.state_path import state_directory
from oscbridge.bridge.config.tokens import read_tokens
from oscbridge.bridge.config.unknown_addresses import unknown_addresses
from oscbridge.bridge.config.variable_models import read_variables, state_file
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.net.url import OSCURL
from oscbridge.suggestions import suggest

if TYPE_CHECKING:
    from oscbridge.bridge.simulation.cases import Case

__all__ = ["Reader"]

_Model = TypeVar("_Model", bound=Options)


class Reader:
    """Reads the tables of a configuration: the valid parts, and the problems of the others."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        types: Mapping[str, type[AnyEndpoint]],
        directory: Path | None = None,
        configuration: str = "",
        *,
        with_tests: bool = False,
    ) -> None:
        self.problems: list[ConfigProblem] = []
        self.doubts: list[ConfigProblem] = []
        """What may be a mistake, but prevents nothing."""
        self.broken: list[ConfigProblem] = []
        """Endpoints whose plugin is broken."""
        self.bridges: dict[str, BridgeOptions] = {}
        self.endpoints: dict[str, EndpointEntry] = {}
        self._types = types
        self._directory, self._configuration = directory, configuration
        self._check_sections(raw)
        bridges, endpoints = self._tables(raw, "bridge"), self._tables(raw, "endpoint")
        for name, table in bridges.items():
            self._read_bridge(name, table)
        for name, table in endpoints.items():
            self._read_endpoint(name, table)
        # References are checked against all tables: an invalid one is reported once, not per use.
        self.problems += (*_check_names(bridges, endpoints), *_check_spools(self.endpoints))
        self.http = self._one_table(HTTPOptions, raw, "http")
        self.run = self._one_table(RunOptions, raw, "run") or RunOptions()
        self.tokens = read_tokens(raw, endpoints, types, directory)
        ports = self._listens()
        self.problems += (*self.tokens.problems, *port_conflicts(ports))
        self.variables = read_variables(raw.get("variables", {}), self.problems)
        self._state_file = state_file(self.variables, self.run, configuration, self.problems)
        routes = RouteReader(types, bridges, endpoints, directory, self.variables)
        for index, table in enumerate(self._route_tables(raw)):
            routes.read(index, table)
        self._set_bounds(self.run.max_addresses)
        self.routes = [replace(r, max_addresses=self.run.max_addresses) for r in routes.entries]
        self.dot_stars = routes.dot_stars
        self.client_warnings = list(client_warnings(self.bridges, self.routes))
        self.problems += (*routes.problems, *client_problems(self.bridges, self.routes, ports, raw))
        self.endpoints |= client_sinks(self.bridges, self.routes, self.run.max_addresses)
        self.doubts += routes.warnings
        found = routes.options, self.endpoints
        self.warnings = [*loop_warnings(*found), *unknown_addresses(*found)]
        self.warnings += contradicting_types(self.routes, *found)
        self.problems += self._loops(routes.options, ports)
        self.problems += sink_problems(*found, routes.endpoint_options, self.broken)
        self.problems += leader_problems(self.run.leader, endpoints, self.endpoints)
        self.tests = self._read_tests(raw, bridges, endpoints) if with_tests else []

    def _check_sections(self, raw: Mapping[str, Any]) -> None:
        for key in raw:
            if key not in SECTIONS:
                text = f"unknown key; {suggest(key, SECTIONS, 'known keys')}"
                self._problem((key,), text)

    def configuration(self) -> Configuration:
        """The configuration. To be called only without problems."""
        variables = {name: each for name, each in self.variables.items() if each is not None}
        return Configuration(
            self.bridges, self.endpoints, self.routes, self.http, self.run, variables,
            self._state_file, self.tokens.tokens,
        )  # fmt: skip

    def _set_bounds(self, max_addresses: int) -> None:
        for name, entry in self.endpoints.items():
            runner = replace(entry.runner, max_addresses=max_addresses)
            self.endpoints[name] = replace(entry, runner=runner)

    def _problem(self, path: KeyPath, text: str, value: object = None) -> None:
        self.problems.append(ConfigProblem(path, text, "" if value is None else show(value)))

    def _one_table(self, model: type[_Model], raw: Mapping[str, Any], name: str) -> _Model | None:
        """The table ``[name]``; None if it is missing or invalid."""
        table = raw.get(name)
        if table is None:
            return None
        if not isinstance(table, dict):
            self._problem((name,), f"expected a table; write [{name}]", table)
            return None
        return validate(self.problems, model, table, (name,), directory=self._directory)

    def _tables(self, raw: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
        """The tables ``[kind.NAME]``."""
        section = raw.get(kind, {})
        if not isinstance(section, dict):
            self._problem((kind,), f"expected tables, e.g. [{kind}.stage]", section)
            return {}
        for name, table in section.items():
            if not isinstance(table, dict):
                text = f"expected a table; give it a name, e.g. [{kind}.stage], above its keys"
                self._problem((kind, name), text, table)
        return {name: table for name, table in section.items() if isinstance(table, dict)}

    def _route_tables(self, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The tables ``[[route]]``."""
        section = raw.get("route", [])
        if isinstance(section, list) and all(isinstance(table, dict) for table in section):
            return section
        self._problem(("route",), "expected a list of tables; write [[route]]", section)
        return []

    def _read_tests(
        self,
        raw: Mapping[str, Any],
        bridges: Mapping[str, object],
        endpoints: Mapping[str, Mapping[str, Any]],
    ) -> list[Case]:
        """The tables ``[[test]]``."""
        from oscbridge.bridge.config.cases import CaseReader  # a running bridge does not need it

        types = {name: self._types.get(str(each.get("type"))) for name, each in endpoints.items()}
        sinks = [name for name, each in types.items() if each is None or each.is_sink()]
        sinks += bridges.keys() & self.endpoints.keys()  # those with clients
        reader = CaseReader([*bridges, *endpoints], sinks)
        reader.read(raw.get("test", []))
        self.problems += reader.problems
        return reader.cases

    def _read_bridge(self, name: str, table: Mapping[str, Any]) -> None:
        path = ("bridge", name)
        bridge = validate(self.problems, BridgeOptions, table, path)
        if bridge is None:
            return
        self.bridges[name] = bridge
        if bridge.interface and not is_group(bridge.listen):
            text = f"only for multicast groups, and '{bridge.listen}' is not one; remove it"
            self._problem((*path, "interface"), text, bridge.interface)

    def _read_endpoint(self, name: str, table: Mapping[str, Any]) -> None:
        path, options = ("endpoint", name), dict(table)
        type_name = options.pop("type", None)
        factory = self._factory(path, table)
        if factory is None:
            return
        shared = {key: options.pop(key) for key in HostOptions.model_fields if key in options}
        host = validate(self.problems, HostOptions, shared, path, directory=self._directory)
        failures: list[ConfigProblem] = []
        valid = validate(
            self.problems, factory.options_type, options, path, HostOptions, self._directory,
            configuration=self._configuration, failures=failures,
        )  # fmt: skip
        if valid is not None and (bug := bug_of(factory, valid)):
            failures.append(ConfigProblem(path, f"its plugin is broken: {bug}"))
        if failures:
            self.broken += failures
            factory = broken_type(failures[0].text)
            valid = factory.options_type()
        if host is None or valid is None:
            return
        policy = host.policy or factory.policy
        spool = self._spool(name, host) if policy == "spool" else None
        if policy != "spool" and "spool" in shared:
            text = f'no effect with the policy {policy!r}; set policy = "spool"'
            self.doubts.append(ConfigProblem((*path, "spool"), text))
        runner = RunnerOptions(
            policy=policy,
            on_start=host.on_start or factory.on_start,
            queue_size=host.queue,
            max_age=host.max_age,
            stall_timeout=host.stall_timeout,
            spool=spool,
        )
        self.endpoints[name] = EndpointEntry(str(type_name), factory, valid, runner)

    def _factory(self, path: KeyPath, table: Mapping[str, Any]) -> type[AnyEndpoint] | None:
        """The endpoint class of a table; None after reporting an unknown type."""
        if (type_name := table.get("type")) is None:
            self._problem(path, missing_type(table, self._types))
            return None
        factory = self._types.get(type_name) if isinstance(type_name, str) else None
        if factory is None:
            usable = [name for name, t in self._types.items() if not issubclass(t, BrokenEndpoint)]
            fix = suggest_type(str(type_name), usable)
            self._problem((*path, "type"), f"unknown endpoint type; {fix}", type_name)
        elif issubclass(factory, BrokenEndpoint):
            text = f"its plugin is broken: {factory.reason}"
            self.broken.append(ConfigProblem((*path, "type"), text, show(type_name)))
        return factory

    def _spool(self, name: str, host: HostOptions) -> SpoolBounds | None:
        path = host.spool.path
        if path is None:
            try:
                path = state_directory() / f"{name}.spool"
            except RuntimeError:
                text = "missing key; the default requires a home directory"
                self._problem(("endpoint", name, "spool", "path"), text)
                return None
        return SpoolBounds(path, host.spool.max_size, host.max_age or SPOOL_AGE)

    def _listens(self) -> list[Listen]:
        options = [(name, entry.options) for name, entry in self.endpoints.items()]
        found = [listen for each in options for listen in listens_of_endpoint(*each)]
        bridges = [listen_of_bridge(name, bridge) for name, bridge in self.bridges.items()]
        if self.http is not None:
            bridges.append(Listen("http", "tcp", self.http.listen, str(self.http.listen)))
        return bridges + found

    def _loops(
        self, routes: Mapping[int, RouteOptions], listens: Sequence[Listen]
    ) -> Iterator[ConfigProblem]:
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
        answers = {(source, name) for name, sources in comes_back.items() for source in sources}
        own_clients = clients_of_bridges(self.bridges, listens, comes_back)
        warned = list(own_client_warnings(routes, own_clients))
        self.client_warnings += warned
        comes_back |= own_clients
        echoes = {n: bool(b.clients and b.clients.echo) for n, b in self.bridges.items()}
        certain = list(endless(routes, comes_back, answers, echoes))
        if not certain:
            self.warnings += possible_loops(routes, comes_back, answers, echoes, dict(warned))
        for index, endpoint, loop in certain:
            text = (
                f"endless loop: messages sent there come back unchanged: {loop}; "
                "change the address with 'send', or narrow 'match'"
            )
            yield ConfigProblem(("route", index, "to"), text, show(endpoint))


def _check_names(
    bridges: Mapping[str, object], endpoints: Mapping[str, object]
) -> Iterator[ConfigProblem]:
    for kind, names in (("bridge", bridges), ("endpoint", endpoints)):
        for name in names:
            if not NAME.fullmatch(name):
                yield ConfigProblem((kind, name), f"invalid name; {NAME_RULE}")
    for name in endpoints:
        if name in bridges:
            text = "duplicate name: a bridge has it too, and routes need distinct names; rename one"
            yield ConfigProblem(("endpoint", name), text)


def _check_spools(endpoints: Mapping[str, EndpointEntry]) -> Iterator[ConfigProblem]:
    users: dict[Path, list[str]] = defaultdict(list)
    for name, entry in endpoints.items():
        if entry.runner.spool is not None:
            users[entry.runner.spool.path.resolve()].append(name)
    for path, (name, *others) in users.items():
        for other in others:
            text = f"{path} is already used by endpoint.{name}; choose another file"
            yield ConfigProblem(("endpoint", other, "spool", "path"), text)

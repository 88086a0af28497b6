"""Bridges as sinks: the options of their clients, and what of these cannot work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from oscbridge.bridge.clients.sink import BRIDGE, BridgeSink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.config.port_conflicts import Listen, is_group, reaches
from oscbridge.bridge.config.problem import ConfigProblem, show
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.net.any_host import is_any_host
from oscbridge.net.url import OSCURL

__all__ = [
    "client_problems",
    "client_sinks",
    "client_warnings",
    "clients_of_bridges",
    "own_client_warnings",
]

QUEUE: Final = 10_000
"""Messages that may wait for the clients of a bridge."""

_UDP_ONLY: Final = ("max", "forget", "reply_port", "static")


def client_sinks(
    bridges: dict[str, BridgeOptions], routes: Iterable[RouteConfig], max_addresses: int
) -> dict[str, EndpointEntry]:
    """The entries of bridges as sinks, by name: of those that routes lead to.

    Only these keep ``clients`` in ``bridges``; if the table is missing, they get its defaults.
    """
    sinks = {name for route in routes for name in route.to}
    runner = RunnerOptions("drop_oldest", "retry", QUEUE, max_addresses=max_addresses)
    found: dict[str, EndpointEntry] = {}
    for name, bridge in bridges.items():
        clients = (bridge.clients or BridgeClientOptions()) if name in sinks else None
        bridges[name] = bridge.model_copy(update={"clients": clients})
        if clients is not None:
            found[name] = EndpointEntry(BRIDGE, BridgeSink, clients, runner)
    return found


def client_warnings(
    bridges: Mapping[str, BridgeOptions], routes: Iterable[RouteConfig]
) -> Iterator[tuple[str, str]]:
    """What clients of bridges will miss, by bridge. Before :func:`client_sinks`."""
    sinks = {name for route in routes for name in route.to}
    for name, bridge in bridges.items():
        if bridge.clients is not None and name not in sinks:
            text = f'no effect, as no route leads there; add a [[route]] with to = "{name}"'
            yield name, f"bridge.{name}.clients: {text}"
        for key in _UDP_ONLY:
            is_set = bridge.clients is not None and key in bridge.clients.model_fields_set
            if is_set and bridge.listen.scheme != "udp":
                text = "no effect, only for udp://; all connected TCP clients get messages"
                yield name, f"bridge.{name}.clients.{key}: {text}"
        if name in sinks and bridge.mode == "blocking" and bridge.listen.scheme != "udp":
            text = (
                "mode 'blocking' serves one TCP client after another, so messages reach only one; "
                "use mode 'asyncio' or 'threading'"
            )
            yield name, f"bridge.{name}: {text}"


def client_problems(
    bridges: Mapping[str, BridgeOptions],
    routes: Sequence[RouteConfig],
    listens: Sequence[Listen],
    tables: Mapping[str, object],
) -> Iterator[ConfigProblem]:
    """What cannot work of bridges as sinks; ``tables`` are those of the file."""
    for index, route in enumerate(routes):
        for name in route.to:
            bridge = bridges.get(name)
            if bridge is not None and bridge.mode == "forking" and bridge.listen.scheme != "udp":
                text = (
                    "a forking bridge cannot send to TCP clients, as each has its own process; "
                    f"set another mode of bridge.{name}, or listen on udp://"
                )
                yield ConfigProblem(("route", index, "to"), text, show(name))
    for name, bridge in bridges.items():
        if bridge.clients is not None:
            for each in _problems(name, bridge, bridge.clients, listens):
                yield each.as_written(tables)


def _problems(
    name: str, bridge: BridgeOptions, clients: BridgeClientOptions, listens: Sequence[Listen]
) -> Iterator[ConfigProblem]:
    path = ("bridge", name, "clients")
    is_udp = bridge.listen.scheme == "udp"
    if is_udp and is_group(bridge.listen):
        text = "not available where the bridge listens to a multicast group; use an OSC endpoint"
        yield ConfigProblem(path, text, show(str(bridge.listen)))
    for own in (each for each in listens if each.where == f"bridge.{name}"):
        for index, target in enumerate(clients.static):
            if reaches(OSCURL("udp", target.host, target.port), own):
                text = "this is the bridge itself; remove it"
                yield ConfigProblem((*path, "static", index), text, show(str(target)))
    at = "::" if is_any_host(bridge.listen.host) else bridge.listen.host
    for index, target in enumerate(clients.static):
        if is_udp and at != "::" and "." in (at + target.host) and (":" in at + target.host):
            text = f"IPv4 and IPv6 do not meet: the bridge listens on '{bridge.listen}'"
            yield ConfigProblem((*path, "static", index), text, show(str(target)))


def own_client_warnings(
    routes: Mapping[int, RouteOptions], own_clients: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """Routes from a client of a bridge, in this program, to this bridge: they may form a loop.

    ``own_clients`` as of :func:`clients_of_bridges`.
    """
    for index, route in routes.items():
        for name in route.to:
            for source in route.sources:
                if source in own_clients.get(name, ()):
                    yield (
                        name,
                        (
                            f"route {index + 1}: possible endless loop: {source} is a client of "
                            f"bridge.{name}, so that what it sends there may come back to it"
                        ),
                    )


def clients_of_bridges(
    bridges: Mapping[str, BridgeOptions],
    listens: Sequence[Listen],
    comes_back: Mapping[str, Sequence[str]],
) -> dict[str, list[str]]:
    """By bridge as a sink, the sources of this program that are clients of it.

    These are static ones, and the OSC endpoints whose messages come back by the bridge.
    """
    return {
        name: [
            *(
                listen.name
                for listen in listens
                for each in bridge.clients.static
                if reaches(OSCURL("udp", each.host, each.port), listen)
            ),
            *(endpoint for endpoint, sources in comes_back.items() if name in sources),
        ]
        for name, bridge in bridges.items()
        if bridge.clients is not None
    }

"""The first lines of ``oscbridge run``: what runs, how others reach it, and what to try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import click

from oscbridge.bridge.app import App
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.cli.own_name import own_name
from oscbridge.discovery.interfaces import list_interfaces
from oscbridge.discovery.own_addresses import own_addresses
from oscbridge.distributions import version
from oscbridge.logs.format import visible
from oscbridge.monitoring.site_urls import site_urls
from oscbridge.net.any_host import is_any_host
from oscbridge.net.hosts import is_loopback
from oscbridge.net.url import OSCURL
from oscbridge.plugins.manager import Plugins

if TYPE_CHECKING:
    from oscbridge.monitoring.service import Service

__all__ = ["banner", "place_without_address", "reachable_places"]

NONE: Final = 'none; install them with: pip install "oscbridge[all]"'

MAX_PLACES: Final = 6
"""Lines about addresses for other devices."""


def banner(service: Service, plugins: Plugins, name: str, *, is_built_in: bool) -> str:
    """The running parts of a service with a configuration, and a command to try."""
    app = service.app
    lines = [click.style(f"oscbridge {version('oscbridge')}", bold=True) + f" with {name}"]
    if any(each.is_dry for each in app.endpoints.values()):
        lines.append(click.style("  dry run   nothing is sent", fg="yellow"))
    lines += _table(service)
    found = ", ".join(f"{p.name} {p.version}".strip() for p in plugins.working)
    lines.append(f"  plugins   {found or NONE}")
    addresses = [listener.address for listener in app.listeners.values()]
    everywhere = [each for each in addresses if _is_everywhere(each.host)]
    own = own_addresses() if everywhere else []  # finding them takes memory for good
    places = reachable_places(dict(zip(app.listeners, addresses, strict=True)), own)
    if not places and everywhere:
        places = [place_without_address(everywhere[0])]
    if not places and is_built_in and addresses:
        places = [f"only this computer can send; for others write a file: {own_name()} init"]
    lines += _labelled("devices", places)
    lines += _labelled("missing", _missing(service, plugins, is_built_in=is_built_in))
    lines += _labelled("open", [click.style(url, fg="green") for url in site_urls(service.http)])
    if addresses:
        lines += _labelled("try", [click.style(_send_command(addresses[0]), fg="green")])
    lines.append("Ctrl-C stops it.")
    return "\n".join(lines)


def reachable_places(listening: dict[str, OSCURL], own: Sequence[str]) -> list[str]:
    """What to type into devices so that they send to a bridge, one line per address.

    ``listening`` is where each bridge listens, by name; ``own`` the addresses of this machine.
    """
    found = [
        (host, url, name)
        for name, url in listening.items()
        for host in ([url.host] if not _is_everywhere(url.host) else own)
        if not is_loopback(host) and (url.host != "0.0.0.0" or ":" not in host)
    ]
    one = len({name for _, _, name in found}) == 1
    return [
        f"{host} port {url.port} ({_transport(url)}), e.g. in TouchOSC"
        + ("" if one else f"; bridge {name}")
        for host, url, name in found[:MAX_PLACES]
    ]


def place_without_address(listening: OSCURL) -> str:
    """What to type into devices where no address of this machine was found."""
    place = f"the address of this computer, port {listening.port} ({_transport(listening)})"
    try:
        list_interfaces()
    except ImportError:
        return f'{place}; to see it: pip install "oscbridge[discovery]"'
    except OSError:  # the system does not tell, e.g. in a sandbox
        return place
    return f"{place}; it is in no network now"


def _is_everywhere(host: str) -> bool:
    return is_any_host(host) or host == "0.0.0.0"


def _transport(url: OSCURL) -> str:
    return url.scheme.partition("+")[0].upper()


def _labelled(label: str, texts: Sequence[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        yield f"  {'' if index else label:8}  {text}"


def _missing(service: Service, plugins: Plugins, *, is_built_in: bool) -> list[str]:
    """The plugins for pages in a browser that are not installed, and how to add them."""
    wanted = {}
    if not plugins.sites and (is_built_in or service.http_address):
        wanted["ui"] = "the control room"
    if is_built_in and "websocket" not in plugins.endpoint_types:
        wanted["websocket"] = "pages of your own"
    if not wanted:
        return []
    return [f'{" and ".join(wanted.values())}: pip install "oscbridge[{",".join(wanted)}]"']


def _send_command(listening: OSCURL) -> str:
    # A server may detect the framing; a sender must choose it. A wildcard address is one to
    # listen on, not to send to.
    host = "127.0.0.1" if _is_everywhere(listening.host) else listening.host
    scheme = listening.scheme.removesuffix("+auto")
    address = str(listening._replace(scheme=scheme, host=host))
    to = "" if address == "udp://127.0.0.1:9000" else f"--to {address} "
    return f"{own_name()} send {to}/hello 1"


# --- the table of parts ------------------------------------------------------------------------


def _table(service: Service) -> Iterator[str]:
    app = service.app
    rows: list[tuple[str, str, str, str]] = [
        ("bridge", name, str(listener.address), _bridge_notes(app, name))
        for name, listener in app.listeners.items()
    ]
    rows += [
        ("bridge", name, str(bridge.listen), click.style(f"not listening: {problem}", fg="yellow"))
        for name, bridge in app.configuration.bridges.items()
        if (problem := app.problems.get(name)) and name not in app.listeners
    ]
    rows += [
        ("endpoint", name, visible(runner.describe()), _state(runner, name in app.idle))
        for name, runner in app.endpoints.items()
        if name not in app.configuration.bridges
    ]
    if service.http_address:
        pages = "healthz, readyz, metrics"
        if service.http.has_site:
            pages = f"control room, {pages}"
        rows.append(("http", "", service.http_address, pages))
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for kind, name, where, what in rows:
        shown = click.style(where.ljust(widths[2]), fg="cyan")
        yield f"  {kind:8}  {name.ljust(widths[1])}  {shown}  {what}"


def _state(runner: EndpointRunner, idle: bool) -> str:
    notes = []
    if not runner.connected:
        problem = runner.problem
        notes.append(f"not connected: {problem}" if problem else "not connected yet")
    if idle:
        notes.append("not used by any route")
    return ", ".join([runner.type, *(click.style(note, fg="yellow") for note in notes)])


def _bridge_notes(app: App, name: str) -> str:
    mode, announced = app.configuration.bridges[name].mode, str(app.announcer[name])
    return ", ".join(each for each in (mode, announced) if each)

"""``oscbridge devices``"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from oscbridge.cli.number import Number
from oscbridge.logs.format import visible

if TYPE_CHECKING:
    from oscbridge.nearby import DeviceSearch, SearchResult

__all__ = ["command"]

TIME: Final = 4.0
"""Seconds to look around by default."""


@click.command("devices")
@click.option(
    "--timeout",
    type=Number(0.1, 600),
    default=TIME,
    show_default=True,
    help="Look around in the network for this many seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per device.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, readable=False),
    help="Also load the plugins in the folder of this configuration.",
)
def command(timeout: float, as_json: bool, file: Path | None) -> None:
    """List the devices that could be added, each as the table of an endpoint.

    These are the ports of this machine (MIDI, serial), and what announces itself in the local
    network (OSC, OSCQuery, MQTT brokers).

    \b
    Examples:
      oscbridge devices
      oscbridge devices --timeout 10 --json
    """
    result = asyncio.run(_search(timeout, file))
    for line in _as_json(result) if as_json else _as_text(result):
        click.echo(line)
    for name, problem in result.problems.items():
        click.echo(click.style(f"{name}: {problem}", fg="yellow"), err=True)


async def _search(timeout: float, file: Path | None) -> SearchResult:
    from oscbridge.bridge.tasks import run_until  # completion does not need them
    from oscbridge.cli.loading import load_plugins
    from oscbridge.cli.until_signal import until_signal
    from oscbridge.discovery.discovery import Discovery
    from oscbridge.nearby import DeviceSearch

    discovery = Discovery()
    search = DeviceSearch(load_plugins(file).endpoint_types, lambda: discovery)
    end = search.watch(lambda: None)
    try:
        with until_signal() as stop:
            await run_until(_look(search, timeout), stop.wait())
        return search.result
    finally:
        end()
        await search.close()
        await discovery.close()


async def _look(search: DeviceSearch, timeout: float) -> None:
    await asyncio.gather(asyncio.sleep(timeout), search.listed())


def _as_json(result: SearchResult) -> Iterator[str]:
    for each in result.devices:
        fields = {"name": each.device.name, "place": each.device.place, "origin": each.origin}
        yield json.dumps({**fields, "endpoint": each.table}, ensure_ascii=False)


def _as_text(result: SearchResult) -> Iterator[str]:
    if not result.devices:
        yield "nothing found"
    taken: list[str] = []
    for each in result.devices:
        place = f", {visible(each.device.place)}" if each.device.place else ""
        yield f"# {visible(each.device.name)}{place}"
        yield each.toml(taken)
        yield ""
        taken.append(each.endpoint_name(taken))

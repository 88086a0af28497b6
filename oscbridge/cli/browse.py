"""``oscbridge browse``"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Final

import click

from oscbridge.bridge.tasks import run_until
from oscbridge.cli.number import Number
from oscbridge.cli.until_signal import until_signal
from oscbridge.discovery.discovery import Discovery
from oscbridge.discovery.handles import ServiceBrowser
from oscbridge.discovery.services import DiscoveredService
from oscbridge.errors import OSCBridgeError

__all__ = ["command"]

TYPES: Final = ("_osc._udp", "_osc._tcp", "_oscjson._tcp", "_apple-midi._udp")
"""The services that are looked for by default."""

TIME: Final = 4.0
"""Seconds to look around where the list is not live."""

REFRESH: Final = 0.25
"""Shortest time in seconds between two screens."""

PLAIN_WIDTH: Final = 120
"""Columns of a list that is not printed to a terminal."""


@click.command("browse")
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Look for these services, e.g. _http._tcp; by default for those of OSC, OSCQuery and "
    "network MIDI.",
)
@click.option(
    "--timeout",
    type=Number(0.1, 3600),
    help=f"Look for this many seconds, then exit; by default until Ctrl-C, or {TIME:g} s if the "
    "output is not a terminal.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per service.")
def command(types: tuple[str, ...], timeout: float | None, as_json: bool) -> None:
    """List the OSC programs and devices that announce themselves in the network.

    An endpoint reaches one of OSC by its name: to = "osc://NAME". Needs the package zeroconf.

    \b
    Examples:
      oscbridge browse
      oscbridge browse --timeout 3 --json
      oscbridge browse --type _http._tcp
    """
    for each in types:
        _check_type(each)
    is_live = sys.stdout.isatty() and not as_json
    if timeout is None and not is_live:
        timeout = TIME
    asyncio.run(_browse(types or TYPES, timeout, is_live, as_json))


def _check_type(text: str) -> None:
    name, _, protocol = text.partition(".")
    label = name.removeprefix("_")
    is_label = 0 < len(label) <= 15 and label.replace("-", "a").isalnum() and label.isascii()
    if not (name.startswith("_") and is_label and protocol in ("_udp", "_tcp")):
        text = f"{text!r} is not a type of service; write it as _osc._udp"
        raise click.BadParameter(text, param_hint="--type")


async def _browse(
    types: Sequence[str], timeout: float | None, is_live: bool, as_json: bool
) -> None:
    changed, discovery = asyncio.Event(), Discovery()
    with until_signal() as stop:
        browser = discovery.browse(types, on_change=changed.set)
        try:
            await run_until(browser.begin(), stop.wait())
            if is_live:
                await _watch(browser, changed, stop, timeout)
            else:
                await _wait(stop, timeout)
            found = browser.services
            problem = browser.problem
        finally:
            await discovery.close()
    if problem and not found:
        raise OSCBridgeError(f"nothing can be found: {problem}")
    if not is_live:
        _print(found, as_json)


async def _wait(stop: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


async def _watch(
    browser: ServiceBrowser, changed: asyncio.Event, stop: asyncio.Event, timeout: float | None
) -> None:
    """Draw the list again after each change; it stays when this ends."""
    from rich.console import Console
    from rich.live import Live

    from oscbridge.cli.browse_view import browse_view

    end = None if timeout is None else time.monotonic() + timeout
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        while not stop.is_set() and (end is None or time.monotonic() < end):
            changed.clear()
            note = browser.problem or "looking around; Ctrl-C ends it"
            live.update(browse_view(browser.services, console.height, note), refresh=True)
            await _wait(stop, REFRESH)
            if not changed.is_set():
                left = 1.0 if end is None else min(1.0, max(end - time.monotonic(), 0))
                await _first(changed, stop, left)
        live.update(browse_view(browser.services, None, ""), refresh=True)


async def _first(changed: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.create_task(each.wait()) for each in (changed, stop)]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


def _print(found: Sequence[DiscoveredService], as_json: bool) -> None:
    if as_json:
        from orjson import dumps

        for each in found:
            click.echo(dumps(each._asdict()).decode())
        return
    from rich.console import Console

    from oscbridge.cli.browse_view import browse_view

    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    with console.capture() as drawn:
        console.print(browse_view(found, None, ""))
    for line in drawn.get().splitlines():
        click.echo(line.rstrip())

"""``oscbridge mute``"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.completion import complete_route
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_calls import RouteState, mute, routes
from oscbridge.monitoring.control_client import choose

__all__ = ["change", "command"]


@click.command("mute")
@click.argument("name", nargs=-1, shell_complete=complete_route)
@file_option
@pid_option
def command(name: Sequence[str], file: Path | None, pid: int | None) -> None:
    """Let no message pass routes of the running bridge, until they are unmuted.

    NAME is the name of a route or its number; several may be given. What the route holds back
    in "delay" and "limit" is discarded, and "on_change" forgets the last values. A reload keeps
    routes muted, a restart of the bridge does not. Without NAME, all routes and their states
    are listed.

    \b
    Examples:
      oscbridge mute
      oscbridge mute faders
      oscbridge mute faders 3
    """
    if name:
        change(name, True, file, pid)
        return
    click.echo("\n".join(_table(asyncio.run(_list(file, pid)))))


def change(names: Sequence[str], on: bool, file: Path | None, pid: int | None) -> None:
    """Mute routes or unmute them, and print which have changed."""
    changed = asyncio.run(_change(names, on, file, pid))
    state = "muted" if on else "unmuted"
    for each in changed:
        click.echo(f"{visible(each)}: {state}")
    if not changed:
        click.echo(f"nothing changed: already {state}")


async def _change(names: Sequence[str], on: bool, file: Path | None, pid: int | None) -> list[str]:
    return await mute(await choose(pid, file), names, on)


async def _list(file: Path | None, pid: int | None) -> list[RouteState]:
    return await routes(await choose(pid, file))


def _table(found: Sequence[RouteState]) -> list[str]:
    """One line per route, below a heading."""
    if not found:
        return ["no routes in the configuration"]
    rows = [("ROUTE", "NAME", "STATE", "FROM → TO", "MATCH")]
    for each in found:
        way = f"{', '.join(each.sources)} → {', '.join(each.to)}"
        cells = (str(each.number), each.name or "-", _state(each), way, each.match)
        rows.append(tuple(map(visible, cells)))  # type: ignore[arg-type]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _state(route: RouteState) -> str:
    if not route.enabled:
        return "disabled, muted" if route.muted else "disabled"
    return "muted" if route.muted else "on"

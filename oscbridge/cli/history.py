"""``oscbridge history``"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.number import WholeNumber
from oscbridge.errors import ConfigurationError
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_calls import KnownVersion, history
from oscbridge.monitoring.control_client import choose

__all__ = ["command"]


@click.command("history")
@click.argument("number", type=WholeNumber(min=1), required=False)
@file_option
@pid_option
def command(number: int | None, file: Path | None, pid: int | None) -> None:
    """List the edits of the configuration that the running bridge has saved; show one.

    The last 20 edits from the control room are kept beside the file. With NUMBER, the changes
    of that edit are printed.

    
    Examples:
      oscbridge history
      oscbridge history 7
    """
    versions = asyncio.run(_history(file, pid))
    if number is not None:
        click.echo(_version(versions, number).diff.rstrip("\n"))
    elif versions:
        click.echo("\n".join(map(_line, versions)))
    else:
        click.echo("no saved edits; they come from the control room", err=True)


async def _history(file: Path | None, pid: int | None) -> Sequence[KnownVersion]:
    return await history(await choose(pid, file))


def _version(versions: Sequence[KnownVersion], number: int) -> KnownVersion:
    """Raises :class:`ConfigurationError`."""
    for version in versions:
        if version.number == number:
            return version
    known = ", ".join(str(each.number) for each in versions) or "none"
    raise ConfigurationError(f"{number}: no such edit; available: {known}")


def _line(version: KnownVersion) -> str:
    at = datetime.fromtimestamp(version.time).strftime("%Y-%m-%d %H:%M:%S")
    state = "  undone" if version.undone else ""
    return f"{version.number:4}  {at}  {visible(version.summary or 'changed')}{state}"

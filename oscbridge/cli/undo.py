"""``oscbridge undo``"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.number import WholeNumber
from oscbridge.logs.format import visible
from oscbridge.monitoring.control_calls import ChangedBack, undo
from oscbridge.monitoring.control_client import choose

__all__ = ["command", "print_change"]


@click.command("undo")
@click.argument("number", type=WholeNumber(min=1), required=False)
@click.option("--with-later", is_flag=True, help="Undo all edits after NUMBER, too.")
@file_option
@pid_option
def command(number: int | None, with_later: bool, file: Path | None, pid: int | None) -> None:
    """Undo an edit of the configuration, by default the last one, and reload.

    "oscbridge history" lists the saved edits with their numbers. If the file was changed in the
    same place after that edit, it is left as it is, and the exit code is 1.

    
    Examples:
      oscbridge undo
      oscbridge undo 7 --with-later
    """
    if with_later and number is None:
        raise click.UsageError("--with-later needs a NUMBER; 'oscbridge history' lists them")
    print_change(asyncio.run(_undo(number, with_later, file, pid)))


async def _undo(
    number: int | None, and_later: bool, file: Path | None, pid: int | None
) -> ChangedBack:
    return await undo(await choose(pid, file), number, and_later=and_later)


def print_change(change: ChangedBack) -> None:
    """Print the difference of the files, and what the reload changed."""
    click.echo(change.diff.rstrip("\n"))
    click.echo(visible(f"reloaded: {change.text}"))
    for problem in change.problems:
        click.echo(click.style("warning: ", fg="yellow", bold=True) + visible(problem), err=True)

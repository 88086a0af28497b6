"""``oscbridge redo``"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.number import WholeNumber
from oscbridge.cli.undo import print_change
from oscbridge.monitoring.control_calls import ChangedBack, redo
from oscbridge.monitoring.control_client import choose

__all__ = ["command"]


@click.command("redo")
@click.argument("number", type=WholeNumber(min=1), required=False)
@file_option
@pid_option
def command(number: int | None, file: Path | None, pid: int | None) -> None:
    """Make an edit of the configuration again that was undone, and reload.

    Without NUMBER, it is the edit that was undone last, unless others were saved after it.
    "oscbridge history" lists the saved edits with their numbers.

    
    Examples:
      oscbridge redo
      oscbridge redo 7
    """
    print_change(asyncio.run(_redo(number, file, pid)))


async def _redo(number: int | None, file: Path | None, pid: int | None) -> ChangedBack:
    return await redo(await choose(pid, file), number)

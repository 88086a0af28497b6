"""``oscbridge unmute``"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from oscbridge.cli.attaching import file_option, pid_option
from oscbridge.cli.completion import complete_route
from oscbridge.cli.mute import change

__all__ = ["command"]


@click.command("unmute")
@click.argument("name", nargs=-1, required=True, shell_complete=complete_route)
@file_option
@pid_option
def command(name: Sequence[str], file: Path | None, pid: int | None) -> None:
    """Let messages pass muted routes of the running bridge again.

    NAME is the name of a route or its number; several may be given. "oscbridge mute" lists the
    routes.

    \b
    Examples:
      oscbridge unmute faders
      oscbridge unmute faders 3
    """
    change(name, False, file, pid)

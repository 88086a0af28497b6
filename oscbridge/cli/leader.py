"""``oscbridge leader``"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oscbridge.cli.attaching import file_argument, pid_option
from oscbridge.errors import ConfigurationError
from oscbridge.logs.format import visible

if TYPE_CHECKING:
    from oscbridge.status.leader_status import LeaderStatus

__all__ = ["command"]


@click.command("leader")
@click.option("--hand-over", "is_over", is_flag=True, help="Let the other bridge deliver.")
@file_argument
@pid_option
def command(is_over: bool, file: Path | None, pid: int | None) -> None:
    """Show whether the running bridge delivers or stands by, or hand over to the other.

    Of the bridges with the same "leader" in [run], one delivers. Give the option --hand-over to
    that one. It returns when another one delivers; if there is none within three seconds, the
    exit code is 1, and this bridge asks for the lease again. FILE selects the bridge if several
    run.

    \b
    Examples:
      oscbridge leader
      oscbridge leader --hand-over
    """
    if is_over:
        click.echo(f"{visible(asyncio.run(_hand_over(file, pid)))} delivers now")
        return
    found = asyncio.run(_show(file, pid))
    if found is None:
        raise ConfigurationError("this bridge has no backup: set 'leader' in [run]")
    for name, text in _rows(found):
        click.echo(f"{name:8}{visible(text)}")


async def _show(file: Path | None, pid: int | None) -> LeaderStatus | None:
    from oscbridge.monitoring import control_client  # completion does not need it
    from oscbridge.monitoring.leader_calls import leader

    return await leader(await control_client.choose(pid, file))


async def _hand_over(file: Path | None, pid: int | None) -> str:
    from oscbridge.monitoring import control_client
    from oscbridge.monitoring.leader_calls import hand_over

    return await hand_over(await control_client.choose(pid, file))


def _rows(found: LeaderStatus) -> list[tuple[str, str]]:
    rows = [
        ("role", f"{found.role}, for {found.seconds:.0f} s"),
        ("name", found.name),
        ("leader", found.holder or "not known"),
        ("lease", f"{found.key} of endpoint.{found.endpoint}"),
    ]
    return [*rows, ("problem", found.problem)] if found.problem else rows

"""``oscbridge reload``"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.cli.attaching import file_argument, pid_option
from oscbridge.logs.format import visible
from oscbridge.monitoring import control_client

__all__ = ["command"]


@click.command("reload")
@file_argument
@pid_option
def command(file: Path | None, pid: int | None) -> None:
    """Make the running bridge read its configuration again.

    Unchanged parts keep running, with their connections. An invalid file is rejected with its
    problems: the bridge keeps its configuration, and the exit code is 2. FILE selects the
    bridge if several run.

    \b
    Examples:
      oscbridge reload
      oscbridge reload studio.toml
    """
    name, changes, problems = asyncio.run(_reload(file, pid))
    click.echo(f"reloaded {visible(name)}: {visible(changes)}")
    for problem in problems:
        click.echo(click.style("warning: ", fg="yellow", bold=True) + visible(problem), err=True)


async def _reload(file: Path | None, pid: int | None) -> tuple[str, str, list[str]]:
    process = await control_client.choose(pid, file)
    return (process.configuration, *await control_client.reload(process))

"""``oscbridge top``"""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.cli.attaching import file_argument, pid_option
from oscbridge.cli.number import Number

__all__ = ["command"]


@click.command("top")
@file_argument
@pid_option
@click.option("--once", is_flag=True, help="Print one snapshot and exit.")
@click.option(
    "--every",
    type=Number(0.2, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two snapshots, over which rates are measured.",
)
def command(file: Path | None, pid: int | None, once: bool, every: float) -> None:
    """Watch the running bridge: its endpoints, rates, queues, drops and addresses.

    Problems are shown first, in red. FILE selects the bridge if several run. Addresses are
    watched only while this command runs.

    \b
    Examples:
      oscbridge top
      oscbridge top studio.toml
      oscbridge top --once
    """
    from oscbridge.cli.watching import watch  # completion does not need it

    watch(file, pid, once=once, every=every)

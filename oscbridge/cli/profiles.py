"""``oscbridge profiles``"""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.cli.completion import complete_profile
from oscbridge.cli.uncut_group import UncutGroup

__all__ = ["command"]


@click.group("profiles", cls=UncutGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the device profiles; show or check one.

    A profile describes a device: its addresses with types, ranges and meaning, and what it needs
    to keep answering. An endpoint names it: profile = "x32".

    \b
    Examples:
      oscbridge profiles
      oscbridge profiles show x32
      oscbridge profiles check profiles/mydesk.toml
    """
    if ctx.invoked_subcommand is not None:
        return
    from oscbridge.cli.profile_text import profile_list  # completion does not need it

    for line in profile_list():
        click.echo(line)


@command.command("show")
@click.argument("name", shell_complete=complete_profile)
def show(name: str) -> None:
    """Show what a profile NAME knows: one that is listed, or a file."""
    from oscbridge.cli.profile_text import profile_lines

    for line in profile_lines(name):
        click.echo(line)


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
def check(file: Path) -> None:
    """Check a profile FILE. Every problem is shown with its key, its value and how to fix it.

    Exit code: 0 if FILE is valid, 2 if it has problems.
    """
    from oscbridge.cli.profile_text import summary

    found = summary(file)
    click.echo(f"{file}: {click.style('valid', fg='green')}: {found}")

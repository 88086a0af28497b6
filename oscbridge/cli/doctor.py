"""``oscbridge doctor``"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import click

from oscbridge.failures import failure_text
from oscbridge.logs.format import visible

if TYPE_CHECKING:
    from oscbridge.cli.doctor_facts import Fact
    from oscbridge.plugins.manager import Plugins

__all__ = ["command"]

WIDTH: Final = 14
"""Columns of the labels."""

MIN_ROOM: Final = 20
"""Columns of the texts, at least."""


@click.command("doctor")
def command() -> None:
    """Say what this machine has and lacks, on one screen to send to others.

    Python and plugins, running bridges, addresses and ports, devices, folders and the clock.
    Nothing is changed, and no secret is shown. The exit code is always 0.

    \b
    Example:
      oscbridge doctor
    """
    from oscbridge.cli.doctor_facts import SECTIONS  # completion does not need them
    from oscbridge.plugins.manager import Plugins

    plugins = Plugins()
    problems = 0
    for title, facts in SECTIONS:
        click.echo(click.style(title, bold=True))
        for label, text, is_problem in _facts(facts, plugins):
            problems += is_problem
            mark = click.style("!", fg="yellow", bold=True) if is_problem else " "
            click.echo(f"{mark} {label:{WIDTH}} {_wrapped(visible(text))}")
    noun = "problem" if problems == 1 else "problems"
    click.echo(f"\n{problems or 'no'} {noun} found" + (", marked with !" if problems else ""))


def _wrapped(text: str) -> str:
    """A text in lines that fit the terminal, if the output is one."""
    if not sys.stdout.isatty():
        return text
    indent = WIDTH + 3  # after the mark and the label
    room = max(get_terminal_size().columns - indent, MIN_ROOM)
    lines = wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def _facts(find: Callable[[Plugins], Iterator[Fact]], plugins: Plugins) -> Iterator[Fact]:
    """The lines of a part, and the failure of one that should not fail."""
    from oscbridge.cli.doctor_facts import Fact

    try:
        yield from find(plugins)
    except Exception as error:
        yield Fact("unknown", failure_text(error), True)

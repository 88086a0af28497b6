"""``oscbridge examples``"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import click

from oscbridge.cli.completion import complete_example
from oscbridge.cli.example_library import CONFIGURATION, find_example, shipped_examples
from oscbridge.cli.own_name import own_name
from oscbridge.cli.uncut_group import UncutGroup
from oscbridge.errors import ConfigurationError
from oscbridge.net.os_errors import what_failed

__all__ = ["command"]


@click.group("examples", cls=UncutGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the examples; show or copy one.

    An example is a folder with a configuration that works as it is, its tests, and a page about
    it.

    \b
    Examples:
      oscbridge examples
      oscbridge examples show shared-mixer
      oscbridge examples copy shared-mixer
    """
    if ctx.invoked_subcommand is not None:
        return
    examples = shipped_examples()
    width = max(map(len, examples), default=0)
    for name, example in examples.items():
        click.echo(f"{click.style(f'{name:{width}}', bold=True)}  {example.title}")
    click.echo(f"\nCopy one to change it: {own_name()} examples copy NAME")


@command.command("show")
@click.argument("name", shell_complete=complete_example)
def show(name: str) -> None:
    """Show what an example NAME does, and its configuration."""
    example = find_example(name)
    click.echo(f"{click.style(example.title, bold=True)}\n\n{example.summary}\n{example.needs}\n")
    click.echo(example.configuration, nl=False)


@command.command("copy")
@click.argument("name", shell_complete=complete_example)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def copy(name: str, folder: Path | None) -> None:
    """Copy an example NAME to a new FOLDER, by default one of the same name."""
    example = find_example(name)
    target = Path(name) if folder is None else folder
    try:
        target.mkdir(parents=True)
        for path in example.files:
            shutil.copyfile(path, target / path.name)
    except FileExistsError:
        raise ConfigurationError(
            f"{target}: exists already; name another folder: oscbridge examples copy {name} FOLDER"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{target}: {what_failed(error)}") from None
    click.echo(f"{target}: {', '.join(path.name for path in example.files)}")
    file = shlex.quote(str(target / CONFIGURATION))
    click.echo(f"{example.needs}\nThen: {own_name()} run {file}")

"""``oscbridge check``"""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.bridge.app import App
from oscbridge.cli.run import read_configuration
from oscbridge.plugin.manager import Plugins

__all__ = ["command"]


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Check a configuration FILE without opening anything.

    Every fault is shown with its key, its value and how to mend it. Ends with 2 if there
    is any.

    \b
    Example:
      oscbridge check studio.toml
    """
    plugins = Plugins()
    configuration = read_configuration(file, plugins)
    App(configuration, plugins)
    counts = (
        (len(configuration.bridges), "bridge"),
        (len(configuration.endpoints), "endpoint"),
        (len(configuration.routes), "route"),
    )
    summary = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
    click.echo(f"{file}: {click.style('good', fg='green')}: {summary}")

"""``oscbridge plugins show``"""

from __future__ import annotations

from pathlib import Path

import click

from oscbridge.cli.configuration_option import configuration_option

__all__ = ["command"]


@click.command("show")
@click.argument("type_name", metavar="TYPE")
@configuration_option
@click.option("--sample", is_flag=True, help="Print the sample configuration alone.")
@click.pass_context
def command(context: click.Context, type_name: str, file: Path | None, sample: bool) -> None:
    """Show the options of an endpoint TYPE, and a sample configuration.

    Each option with its type, its default and what it does, as the plugin documents it.

    \b
    Examples:
      oscbridge plugins show websocket
      oscbridge plugins show websocket --sample > studio.toml
    """
    from oscbridge.cli.plugins.showing import show_type  # loads the bridge

    show_type(type_name, file or context.obj, sample=sample)

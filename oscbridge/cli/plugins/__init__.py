"""``oscbridge plugins``: one module per command below it, loaded when it is called."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from oscbridge.cli.configuration_option import configuration_option
from oscbridge.cli.uncut_group import UncutGroup

__all__ = ["VERBS", "command"]

VERBS: Final = ("show", "new", "check")
"""The commands, each in the module of its name."""


class _Verbs(UncutGroup):
    """Finds a command in the module of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command


@click.group("plugins", cls=_Verbs, invoke_without_command=True)
@configuration_option
@click.pass_context
def command(context: click.Context, file: Path | None) -> None:
    """List the installed plugins, or show, start or check one.

    Shows the version, the features and the location of each. A plugin that cannot be used
    is shown with the reason.

    \b
    Examples:
      oscbridge plugins
      oscbridge plugins --config studio.toml
      oscbridge plugins show websocket
      oscbridge plugins new lamp
      oscbridge plugins check lamp
    """
    context.obj = file
    if context.invoked_subcommand is None:
        _list(file)


def _list(file: Path | None) -> None:
    from oscbridge.cli.loading import load_plugins
    from oscbridge.cli.plugins.listing import plugin_lines

    logging.getLogger("oscbridge").setLevel(logging.CRITICAL)  # the list shows the errors
    found = load_plugins(file)
    dict(found.endpoint_types)  # imports those that a configuration would
    if not found.plugins:
        click.echo('No plugins are installed. Try: pip install "oscbridge[all]"')
    for plugin in found.plugins:
        for line in plugin_lines(plugin):
            click.echo(line)

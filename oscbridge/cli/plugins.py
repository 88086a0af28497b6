"""``oscbridge plugins``"""

from __future__ import annotations

import logging

import click

from oscbridge.cli.plugins_check import check
from oscbridge.plugins import Plugin, Plugins

__all__ = ["command"]


@click.group("plugins", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the installed plugins, or check one.

    Shows the version, the features and the location of each. A plugin that cannot be used
    is shown with the reason.

    \b
    Examples:
      oscbridge plugins
      oscbridge plugins check websocket
    """
    if context.invoked_subcommand is None:
        list_plugins()


def list_plugins() -> None:
    """Print all plugins."""
    logging.getLogger("oscbridge").setLevel(logging.CRITICAL)  # the list shows the errors
    found = Plugins()
    dict(found.endpoint_types)  # imports those that a configuration would
    plugins = found.plugins
    if not plugins:
        click.echo("No plugins are installed. Try: pip install oscbridge[all]")
    for plugin in plugins:
        version = f" {plugin.version}" if plugin.version else ""
        click.echo(click.style(plugin.name, bold=True) + version)
        if plugin.error:
            reason = str(plugin.error).removeprefix(f"plugin {plugin.name!r}: ")
            click.echo(f"  {click.style('broken', fg='red', bold=True)}  {reason}")
        else:
            click.echo(f"  offers  {_offers(plugin)}")
        click.echo(f"  from    {plugin.location or plugin.value}")


command.add_command(check)


def _offers(plugin: Plugin) -> str:
    parts = [f"endpoint type {click.style(name, fg='cyan')}" for name in plugin.endpoints]
    if "oscbridge_register_routes" in plugin.hooks:
        parts.append("routes")
    if "oscbridge_commands" in plugin.hooks:
        parts.append("commands")
    if "oscbridge_importers" in plugin.hooks:
        parts.append("formats to import")
    return ", ".join(parts) or "nothing"

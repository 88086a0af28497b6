"""``oscbridge plugins``"""

from __future__ import annotations

import logging

import click
from rich.console import Console
from rich.table import Table

from oscbridge.plugin.manager import Plugin, Plugins

__all__ = ["command"]


@click.command("plugins")
def command() -> None:
    """List the plugins that are installed.

    For each: its version, what it offers and where it was loaded from. One that cannot be
    used is shown with the reason.

    \b
    Example:
      oscbridge plugins
    """
    logging.getLogger("oscbridge").setLevel(logging.CRITICAL)  # the table says it
    plugins = Plugins().plugins
    if not plugins:
        click.echo("No plugins are installed. Try: pip install oscbridge[all]")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("plugin", "version", "offers", "from"):
        table.add_column(column, overflow="fold")
    for plugin in plugins:
        offers = f"[red]broken: {plugin.error}[/red]" if plugin.error else _offers(plugin)
        table.add_row(plugin.name, plugin.version, offers, plugin.location or plugin.value)
    Console().print(table)


def _offers(plugin: Plugin) -> str:
    parts = [f"endpoint type [cyan]{name}[/cyan]" for name in plugin.endpoints]
    if "oscbridge_register_routes" in plugin.hooks:
        parts.append("routes")
    return ", ".join(parts) or "nothing"

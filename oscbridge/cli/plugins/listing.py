"""A plugin as text, for the list of plugins."""

from __future__ import annotations

from collections.abc import Iterator

import click

from oscbridge.plugins.manager import Plugin

__all__ = ["plugin_lines"]


def plugin_lines(plugin: Plugin) -> Iterator[str]:
    """The name and the version, then what it offers or why it cannot be used, then the origin."""
    version = f" {plugin.version}" if plugin.version else ""
    yield click.style(plugin.name, bold=True) + version
    if plugin.error:
        reason = str(plugin.error).removeprefix(f"plugin {plugin.name!r}: ")
        yield f"  {click.style('broken', fg='red', bold=True)}  {reason}"
    else:
        yield f"  offers  {_offers(plugin)}"
    if plugin.mismatch:
        yield f"  {click.style('version', fg='yellow', bold=True)}  {plugin.mismatch}"
    yield f"  from    {plugin.location or plugin.value}"


def _offers(plugin: Plugin) -> str:
    parts = [f"endpoint type {click.style(name, fg='cyan')}" for name in plugin.endpoints]
    if "oscbridge_register_routes" in plugin.hooks:
        parts.append("routes")
    if "oscbridge_commands" in plugin.hooks:
        parts.append("commands")
    if "oscbridge_importers" in plugin.hooks:
        parts.append("formats to import")
    if "oscbridge_sites" in plugin.hooks:
        parts.append("pages")
    return ", ".join(parts) or "nothing"

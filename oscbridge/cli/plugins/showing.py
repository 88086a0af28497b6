"""What ``oscbridge plugins show`` does."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from oscbridge.bridge.broken_endpoint import BrokenEndpoint
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.json_schema import configuration_schema
from oscbridge.bridge.config.plugin_packages import suggest_type
from oscbridge.cli.loading import load_plugins
from oscbridge.cli.plugins.option_text import Schema, option_lines, resolved
from oscbridge.cli.plugins.sample import sample_configuration
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.errors import OSCBridgeError
from oscbridge.plugins.endpoint_types import EndpointTypeMap
from oscbridge.plugins.manager import Plugins

__all__ = ["show_type"]

WIDEST: Final = 100
"""Columns of the output, at most."""


def show_type(type_name: str, file: Path | None, *, sample: bool) -> None:
    """Print the options of an endpoint type and a sample configuration, or the sample alone.

    Raises :class:`OSCBridgeError` and :class:`click.UsageError`.
    """
    logging.getLogger("oscbridge").setLevel(logging.CRITICAL)  # an error of this type is shown
    plugins = load_plugins(file)
    types = plugins.endpoint_types.with_fallbacks(plugins.broken_types)
    factory = _endpoint_class(types, type_name)
    shown = _ShownType(type_name, factory)
    configuration = sample_configuration(type_name, factory, shown.own, shown.definitions)
    if not sample:
        for line in _header(plugins, type_name, factory):
            click.echo(line)
        for line in shown.lines(min(_width(), WIDEST)):
            click.echo(line)
        click.echo(click.style("\nSample configuration", bold=True) + "\n")
    click.echo(configuration)
    try:
        parse(configuration, types, "the sample")
    except OSCBridgeError as error:
        for line in str(error).splitlines():
            click.echo(click.style("needs a change: ", fg="yellow") + line, err=True)


def _endpoint_class(types: EndpointTypeMap, name: str) -> type[AnyEndpoint]:
    if name not in types:
        usable = [each for each in types if not issubclass(types[each], BrokenEndpoint)]
        raise click.UsageError(f"unknown endpoint type {name!r}; {suggest_type(name, usable)}")
    factory = types[name]
    if issubclass(factory, BrokenEndpoint):
        raise OSCBridgeError(f"type {name!r}: its plugin is broken: {factory.reason}")
    return factory


def _header(plugins: Plugins, name: str, factory: type[AnyEndpoint]) -> Iterator[str]:
    owner = next(each for each in plugins.plugins if name in each.endpoints)
    origin = f"{owner.distribution or owner.location} {owner.version}".strip()
    yield click.style(name, bold=True) + f" of {origin}"
    if factory.__doc__:
        first = inspect.cleandoc(factory.__doc__).partition("\n\n")[0]
        yield first.replace("\n", " ").replace("``", "`")


class _ShownType:
    """The options of a type, by their JSON Schema."""

    def __init__(self, name: str, factory: type[AnyEndpoint]) -> None:
        schema = configuration_schema({name: factory})
        self.definitions: dict[str, Any] = schema["$defs"]
        table = self.definitions[f"endpoint.{name}"]
        self._name = name
        self._factory = factory
        self._host = self._part(table, is_host=True)
        self.own = self._part(table, is_host=False)
        """The schema of the options that other types do not have."""
        route = self.definitions["RouteOptions"]["properties"].get(name, {})
        self._route = resolved(route, self.definitions) if factory.route_options_type else {}

    @staticmethod
    def _part(table: Schema, *, is_host: bool) -> Schema:
        host = HostOptions.model_fields
        properties = {
            key: each
            for key, each in table["properties"].items()
            if key != "type" and (key in host) is is_host
        }
        return {**table, "properties": properties, "required": [
            key for key in table["required"] if key in properties
        ]}  # fmt: skip

    def lines(self, width: int) -> Iterator[str]:
        """All options, in sections."""
        lines = list(option_lines(self.own, self.definitions, width))
        yield click.style("\nOptions of [endpoint.NAME]", bold=True)
        yield from lines or ["  none"]
        if self._route:
            title = f"\nOptions of a [[route]] to it, {self._name} = {{ ... }}"
            yield click.style(title, bold=True)
            yield from list(option_lines(self._route, self.definitions, width)) or ["  none"]
        yield click.style("\nOptions of all types", bold=True)
        yield from option_lines(self._host, self.definitions, width)


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns

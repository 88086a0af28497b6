"""``oscbridge schema``"""

from __future__ import annotations

import json

import click

from oscbridge.bridge.config.json_schema import configuration_schema
from oscbridge.plugins import Plugins

__all__ = ["command"]


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the configuration file, for editors.

    It includes the endpoint types of all installed plugins. An editor that knows it completes
    keys, shows what they mean, and marks mistakes.

    \b
    Example:
      oscbridge schema > oscbridge.schema.json
    """
    schema = configuration_schema(Plugins().endpoint_types)
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))

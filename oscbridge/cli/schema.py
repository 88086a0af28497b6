"""``oscbridge schema``"""

from __future__ import annotations

import json
from pathlib import Path

import click

from oscbridge.cli.configuration_option import configuration_option

__all__ = ["command"]


@click.command("schema")
@configuration_option
def command(file: Path | None) -> None:
    """Print the JSON Schema of the configuration file, for editors.

    It includes the endpoint types of all installed plugins. An editor that knows it completes
    keys, shows what they mean, and marks mistakes.

    \b
    Example:
      oscbridge schema > oscbridge.schema.json
    """
    from oscbridge.bridge.config.json_schema import configuration_schema  # not for completion
    from oscbridge.cli.loading import load_plugins

    schema = configuration_schema(load_plugins(file).endpoint_types)
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))

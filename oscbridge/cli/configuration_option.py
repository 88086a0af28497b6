"""The option that names a configuration whose plugins a command includes."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["configuration_option"]

configuration_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Include the plugin files of a configuration ([run] plugins).",
)

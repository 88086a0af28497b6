"""``oscbridge grafana``"""

from __future__ import annotations

from importlib import resources

import click

__all__ = ["command"]


@click.command("grafana")
def command() -> None:
    """Print a dashboard for Grafana, which shows the metrics of bridges.

    Import it in Grafana, and choose the Prometheus that scrapes /metrics as its data source.

    \b
    Example:
      oscbridge grafana > oscbridge-dashboard.json
    """
    dashboard = resources.files(__package__).joinpath("grafana.json").read_text(encoding="utf-8")
    click.echo(dashboard, nl=False)

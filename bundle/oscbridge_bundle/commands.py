"""Commands that only the bundled program has."""

from __future__ import annotations

import sys

import click

from oscbridge.bridge.config.configuration_source import default_file
from oscbridge_bundle.login import LoginError, login_start

__all__ = ["commands"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Commands of the bundled program."""


@commands.command("login")
@click.argument("state", type=click.Choice(["on", "off", "status"]), default="status")
def login(state: str) -> None:
    """Start the bridge when you log in, or no longer.

    \b
    Examples:
      oscbridge login on
      oscbridge login off
      oscbridge login status
    """
    start = login_start()
    try:
        if state == "on":
            start.switch_on(sys.executable)
        elif state == "off":
            start.switch_off()
        is_on = start.is_on()
    except LoginError as error:
        raise click.ClickException(str(error)) from None
    text = "oscbridge starts when you log in" if is_on else "oscbridge does not start at login"
    click.echo(f"{text} ({start.place})")


@commands.command("folder")
def folder() -> None:
    """Create the folder of the configuration, and show it in the file manager."""
    file = default_file()
    if file is None:
        raise click.ClickException("unknown home directory; set HOME")
    file.parent.mkdir(parents=True, exist_ok=True)
    click.echo(str(file.parent))
    click.launch(str(file.parent))

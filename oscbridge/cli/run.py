"""``oscbridge run``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from oscbridge.logs.setup import Form

__all__ = ["command"]


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option(
    "--log",
    "form",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    show_default=True,
    help="Log format: coloured in a terminal (auto), plain text, or one JSON object per line.",
)
@click.option(
    "--dry", is_flag=True, help="Log the messages that endpoints would send, and send nothing."
)
@click.option(
    "--qr", is_flag=True, help="Draw the address of the control room for the camera of a phone."
)
@click.option("--verbose", "-v", is_flag=True, help="Log details and tracebacks.")
def command(file: Path | None, form: Form, dry: bool, qr: bool, verbose: bool) -> None:
    """Run the bridge until Ctrl-C.

    Without FILE it reads $XDG_CONFIG_HOME/oscbridge/oscbridge.toml (~/.config/oscbridge), which
    the first save in the control room writes. Without that file it receives OSC on
    udp://127.0.0.1:9000, serves WebSocket clients on ws://127.0.0.1:8080, and shows everything at
    http://127.0.0.1:9180. SIGHUP, or `oscbridge reload`, reads FILE again.

    \b
    Examples:
      oscbridge run
      oscbridge run studio.toml
      oscbridge run studio.toml --log json
      oscbridge run studio.toml --dry
    """
    from oscbridge.cli.running import run_bridge  # completion does not need it

    run_bridge(file, form, dry=dry, qr=qr, verbose=verbose)

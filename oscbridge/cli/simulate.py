"""``oscbridge simulate``"""

from __future__ import annotations

import click

from oscbridge.cli.completion import complete_profile
from oscbridge.cli.parameters import URL
from oscbridge.net.url import OSCURL

__all__ = ["command"]


@click.command("simulate")
@click.argument("name", metavar="PROFILE", shell_complete=complete_profile)
@click.option(
    "--listen",
    type=URL,
    help="Where to listen; by default at the port and by the transport of the profile, on "
    "127.0.0.1.",
)
@click.option(
    "--passcode",
    default="",
    help="What clients must log in with, if the device has a login; by default anything.",
)
@click.option("--quiet", is_flag=True, help="Do not print incoming messages.")
def command(name: str, listen: OSCURL | None, passcode: str, quiet: bool) -> None:
    """Simulate a device, to try a setup without it.

    It behaves as PROFILE says: it answers questions, keeps new values, and tells clients with a
    subscription about changes of others until it expires. PROFILE is one that "oscbridge profiles"
    lists, or a file. Over UDP it answers to the reply port of the profile, if there is one.

    \b
    Examples:
      oscbridge simulate x32
      oscbridge simulate x32 --listen udp://0.0.0.0:10023
      oscbridge simulate profiles/mydesk.toml --listen tcp://127.0.0.1:9000
    """
    from oscbridge.cli.simulating import simulate  # completion does not need it

    simulate(name, listen, passcode, quiet=quiet)

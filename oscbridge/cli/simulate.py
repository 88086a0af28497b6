"""``oscbridge simulate``"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.cli.completion import complete_profile
from oscbridge.cli.message_line import message_line
from oscbridge.cli.parameters import URL
from oscbridge.cli.until_signal import until_signal
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message
from oscbridge.profiles.device_server import serve_device
from oscbridge.profiles.library import find_profile
from oscbridge.profiles.profile import Profile, read_profile

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
    try:
        profile = read_profile(find_profile(name, Path()))
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    if passcode and profile.options.login is None:
        raise click.UsageError(f"the profile {profile.name!r} has no login; remove --passcode")
    asyncio.run(_simulate(profile, listen or _usual(profile), passcode, quiet))


def _usual(profile: Profile) -> OSCURL:
    options = profile.options
    if options.port is None:
        raise click.UsageError(f"the profile {profile.name!r} has no port; add --listen")
    return OSCURL.parse(f"{options.transport}://127.0.0.1:{options.port}")


async def _simulate(profile: Profile, listen: OSCURL, passcode: str, quiet: bool) -> None:
    def show(peer: ClientAddress, message: Message) -> None:
        if not quiet:
            click.echo(message_line(peer, message))

    with until_signal() as stop:
        try:
            async with serve_device(profile, listen, show, passcode) as served:
                title = profile.options.title
                click.echo(f"simulating {title} on {served}; Ctrl-C stops it", err=True)
                await stop.wait()
        except OSError as error:
            raise OSCBridgeError(f"{listen}: {what_failed(error)}") from None

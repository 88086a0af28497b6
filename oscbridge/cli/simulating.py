"""What ``oscbridge simulate`` does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from oscbridge.cli.message_line import message_line
from oscbridge.cli.until_signal import until_signal
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message
from oscbridge.profiles.device_server import serve_device
from oscbridge.profiles.library import find_profile
from oscbridge.profiles.profile import Profile, read_profile

__all__ = ["simulate"]


def simulate(name: str, listen: OSCURL | None, passcode: str, *, quiet: bool) -> None:
    """Simulate the device of a profile until a signal.

    Raises :class:`~oscbridge.errors.ConfigurationError` and :class:`click.UsageError`.
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

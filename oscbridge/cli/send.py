"""``oscbridge send``"""

from __future__ import annotations

import click

from oscbridge.cli.parameters import URL
from oscbridge.errors import EncodeError, OSCBridgeError
from oscbridge.literal import parse_arguments
from oscbridge.osc import Message
from oscbridge.udp_client import UDPClient
from oscbridge.url import OSCURL

__all__ = ["command"]


@click.command("send", context_settings={"ignore_unknown_options": True})
@click.argument("address")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--types", metavar="TAGS", help="Type tags of the arguments, as ifs.")
@click.option(
    "--to",
    type=URL,
    default="udp://127.0.0.1:9000",
    show_default=True,
    help="Where to send it.",
)
def command(address: str, args: tuple[str, ...], types: str | None, to: OSCURL) -> None:
    """Send one OSC message.

    Without --types, whole numbers are sent as i, other numbers as f, true and false as T
    and F, nil as N, and everything else as s.

    \b
    Examples:
      oscbridge send /hello 1
      oscbridge send /mixer/1/fader 0.5 --to udp://192.168.1.20:10023
      oscbridge send /cue --types sf intro 2       "intro" and 2.0
      oscbridge send /list --types "i[ss]" 1 a b   an array
      oscbridge send /raw --types bm 00ff 00903c7f blob and MIDI, as hex
    """
    try:
        tags, values = parse_arguments(args, types)
        message = Message.of(address, *values, types=tags)
    except EncodeError as error:
        raise click.UsageError(str(error)) from None
    try:
        with UDPClient(to.host, to.port) as client:
            client.send(message)
    except OSError as error:
        raise OSCBridgeError(f"{to}: {error.strerror or error}") from None

"""``oscbridge send``"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from oscbridge.cli.parameters import TARGET_URL, ValuesCommand
from oscbridge.errors import DecodeError, EncodeError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message, decode_message, encode_message
from oscbridge.osc.lenient import is_bare_address
from oscbridge.osc.text import format_message, parse_arguments

if TYPE_CHECKING:
    from oscbridge.client.tcp import TCPClient
    from oscbridge.client.udp import UDPClient

__all__ = ["command", "read_message"]

_HOST_AND_PORT: Final = re.compile(r"(\[[0-9a-f:.%]+\]|[\w.-]+):[0-9]+", re.IGNORECASE)


@click.command("send", cls=ValuesCommand, context_settings={"ignore_unknown_options": True})
@click.argument("address")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--types", metavar="TAGS", help="Type tags of the arguments, e.g. ifs.")
@click.option(
    "--to",
    type=TARGET_URL,
    default="udp://127.0.0.1:9000",
    show_default=True,
    help="Where to send it: udp, tcp (OSC 1.1, SLIP) or tcp+1.0 (length prefix).",
)
def command(address: str, args: tuple[str, ...], types: str | None, to: OSCURL) -> None:
    """Send one OSC message, and print it as it was sent.

    Without --types, whole numbers are sent as i (above 32 bits as h), other numbers as f,
    true and false as T and F, nil as N, and everything else as s.

    \b
    Examples:
      oscbridge send /hello 1
      oscbridge send /mixer/1/fader 0.5 --to udp://192.168.1.20:10023
      oscbridge send /go --to tcp://192.168.1.30:3032
      oscbridge send node ch/01                     an address without a slash
      oscbridge send /cue --types sf intro 2        "intro" and 2.0
      oscbridge send /list --types "i[ss]" 1 a b    an array
      oscbridge send /raw --types bm 00ff 00903c7f  blob and MIDI, as hex
      oscbridge send /text -- -x --y                text that looks like an option
    """
    if not to.port:
        raise click.UsageError(f"{to}: cannot send to port 0")
    if to.framing == "auto":
        raise click.UsageError(
            f"{to}: only a server can detect the framing; write tcp:// (OSC 1.1) or tcp+1.0://"
        )
    message = _message(address, args, types)
    try:
        with _client(to) as client:
            client.send(message)
    except OSError as error:
        raise OSCBridgeError(f"{to}: {what_failed(error)}") from None
    click.echo(f"sent {format_message(message)} to {to}")


def read_message(words: Sequence[str]) -> Message:
    """The message of ``oscbridge send`` as a bridge reads it: its address begins with a slash.

    Raises :class:`click.UsageError`.
    """
    with command.make_context("send", list(words)) as ctx:
        message = _message(ctx.params["address"], ctx.params["args"], ctx.params["types"])
    try:
        read = decode_message(encode_message(message))  # so that its floats have 32 bits
    except DecodeError as error:
        raise click.UsageError(str(error)) from None
    return read if read.address.startswith("/") else read._replace(address=f"/{read.address}")


def _message(address: str, args: tuple[str, ...], types: str | None) -> Message:
    if not address.startswith("/"):
        _check_bare(address, args)
    words = address.split()
    if words != [address] and not args and types is None:
        raise click.UsageError(
            f"{address!r} is a single address with a blank in it; did you mean: oscbridge send "
            f"{' '.join(words)}? (to send to this address without arguments, add --types '')"
        )
    try:
        tags, values = parse_arguments(args, types)
        message = Message.of(address, *values, types=tags)
        encode_message(message)
    except EncodeError as error:
        raise click.UsageError(str(error)) from None
    return message


def _check_bare(address: str, args: Sequence[str]) -> None:
    """Check an address without a slash, which some devices use. Raises :class:`click.UsageError`.

    A target in its place, as oscsend takes it, would be sent as an address to the wrong target.
    """
    fix = ""
    if "://" in address:
        fix = f"; write --to {address}"
    elif _HOST_AND_PORT.fullmatch(address):
        fix = f"; write --to udp://{address}"
    elif len(args) > 1 and args[0].isdecimal() and args[1].startswith("/"):
        fix = f"; write {args[1]} first, and --to udp://{address}:{args[0]}"
    elif is_bare_address(address):
        return
    raise click.UsageError(f"address must start with '/', got {address!r}{fix}")


def _client(to: OSCURL) -> UDPClient | TCPClient:
    if to.scheme == "udp":
        from oscbridge.client.udp import UDPClient  # one of them: the program ends soon

        return UDPClient(to.host, to.port)
    from oscbridge.client.tcp import TCPClient

    return TCPClient(to.host, to.port, mode=to.framing)

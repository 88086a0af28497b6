"""``oscbridge dump``"""

from __future__ import annotations

import asyncio

import click

from oscbridge.cli.message_line import message_line
from oscbridge.cli.parameters import URL
from oscbridge.cli.serving import serving
from oscbridge.cli.until_signal import until_signal
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message

__all__ = ["command"]


@click.command("dump")
@click.option(
    "--listen",
    type=URL,
    default="udp://127.0.0.1:9000",
    show_default=True,
    help="Where to listen: udp, tcp (OSC 1.1, SLIP), tcp+1.0 (length prefix) or tcp+auto.",
)
def command(listen: OSCURL) -> None:
    """Print incoming OSC messages, one per line.

    A line has the time, the sender, the address, the type tags and the values. The messages
    of a bundle are shown at once, with its time tag.

    \b
    Examples:
      oscbridge dump
      oscbridge dump --listen udp://0.0.0.0:9001
      oscbridge dump --listen tcp+auto://127.0.0.1:9001
    """
    asyncio.run(_dump(listen))


async def _dump(listen: OSCURL) -> None:
    dispatcher = Dispatcher(strict_timing=False)
    dispatcher.map("*", _show, needs_message=True)
    with until_signal() as stop:
        async with serving(listen, dispatcher) as served:
            click.echo(f"listening on {served}; Ctrl-C stops it", err=True)
            await stop.wait()


def _show(message: Message) -> None:
    click.echo(message_line(message.origin.peer if message.origin is not None else None, message))

"""``oscbridge dump``"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime

import click

from oscbridge.cli.parameters import URL
from oscbridge.cli.until_signal import until_signal
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.literal import format_message
from oscbridge.os_errors import what_failed
from oscbridge.osc import Message
from oscbridge.osc_server import AsyncIOOSCUDPServer
from oscbridge.osc_tcp_server import AsyncOSCTCPServer
from oscbridge.url import OSCURL

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
    """Print the OSC messages that arrive, a line each.

    A line is the time, the sender, the address, the type tags and the values; bundles are
    taken apart, and their messages shown at once with their time tag.

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
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(until_signal())
        try:
            port = await _open(listen, dispatcher, stack)
        except OSError as error:
            raise OSCBridgeError(f"{listen}: {what_failed(error)}") from None
        click.echo(f"listening on {listen._replace(port=port)}; Ctrl-C stops it", err=True)
        await stop.wait()


async def _open(listen: OSCURL, dispatcher: Dispatcher, stack: AsyncExitStack) -> int:
    """Start the server; it stops with the stack. Its port."""
    port: int
    if listen.scheme == "udp":
        loop = asyncio.get_running_loop()
        udp = AsyncIOOSCUDPServer((listen.host, listen.port), dispatcher, loop)
        transport, _ = await udp.create_serve_endpoint()
        stack.callback(transport.close)
        port = transport.get_extra_info("sockname")[1]
        return port
    tcp = AsyncOSCTCPServer(listen.host, listen.port, dispatcher, listen.framing)
    await tcp.listen()
    stack.push_async_callback(tcp.stop)
    port = tcp.sockets[0].getsockname()[1]
    return port


def _show(message: Message) -> None:
    peer = message.origin.peer if message.origin is not None else None
    sender = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "?"
    parts = [
        click.style(datetime.now().strftime("%H:%M:%S.%f")[:-3], dim=True),
        click.style(sender, fg="cyan"),
        format_message(message),
    ]
    if message.timetag is not None and not message.timetag.immediate:
        parts.append(click.style(f"@ {message.timetag.datetime().isoformat()}", fg="yellow"))
    click.echo(" ".join(parts))

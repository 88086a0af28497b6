"""Runs an OSC server over TCP on the event loop."""

from __future__ import annotations

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.clients.tcp import TCPClientLink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.sources.listener_protocol import Listener
from oscbridge.bridge.sources.local_listener import LocalListener
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.url import OSCURL
from oscbridge.server.tcp_asyncio import AsyncOSCTCPServer

__all__ = ["listen_tcp"]


async def listen_tcp(options: BridgeOptions, dispatcher: Dispatcher) -> Listener:
    """Start the server of a bridge over TCP, in the mode asyncio.

    Raises ``OSError`` if the address is not available, and ``ValueError`` if it is invalid.
    """
    url = options.listen
    server = AsyncOSCTCPServer(url.host, url.port, dispatcher, url.framing)
    server.allow = options.allow
    server.limits = options.limits.stream_limits()
    server.watcher = followed = TCPClientLink(options.limits.max_packet_size)
    await server.listen()
    return _AsyncTCPListener(url, server, followed)


class _AsyncTCPListener(LocalListener):
    def __init__(self, url: OSCURL, server: AsyncOSCTCPServer, clients: ClientLink) -> None:
        self._server = server
        self.clients = clients
        self.address = url._replace(port=server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        return self._server.connections

    def pause(self, on: bool) -> None:
        self._server.pause(on)

    async def stop(self) -> bool:
        self.stop_sending()
        await self._server.stop()
        return True

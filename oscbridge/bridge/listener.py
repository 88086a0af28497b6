"""Runs the OSC server of one bridge in the mode that was picked."""

from __future__ import annotations

import asyncio
import threading
from typing import Final, Protocol

from oscbridge.bridge.config import BridgeOptions
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_server import (
    AsyncIOOSCUDPServer,
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
)
from oscbridge.url import OSCURL

__all__ = ["Listener", "listen"]

POLL_INTERVAL: Final = 0.1
"""Seconds within which a server on a thread sees that it is to stop."""

STOP_TIMEOUT: Final = 0.5
"""Seconds that a server on a thread is given to stop."""

_SERVERS: Final[dict[str, type[OSCUDPServer]]] = {
    "blocking": BlockingOSCUDPServer,
    "threading": ThreadingOSCUDPServer,
}


class Listener(Protocol):
    """A server that runs."""

    address: OSCURL
    """Where it listens, with the port that the system chose for port 0."""

    async def stop(self) -> bool:
        """Take nothing more in. False if handlers did not return in time."""


async def listen(options: BridgeOptions, dispatcher: Dispatcher) -> Listener:
    """Start the server of one bridge. Raises ``OSError`` when its address cannot be had."""
    url = options.listen
    if options.mode == "asyncio":
        server = AsyncIOOSCUDPServer((url.host, url.port), dispatcher, asyncio.get_running_loop())
        transport, _ = await server.create_serve_endpoint()
        return _OnLoop(url, transport)
    return _OnThread(url, _SERVERS[options.mode]((url.host, url.port), dispatcher))


class _OnLoop:
    def __init__(self, url: OSCURL, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.address = url._replace(port=transport.get_extra_info("sockname")[1])

    async def stop(self) -> bool:
        self._transport.close()
        await asyncio.sleep(0)
        return True


class _OnThread:
    def __init__(self, url: OSCURL, server: OSCUDPServer) -> None:
        self.address = url._replace(port=server.server_address[1])
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(POLL_INTERVAL,), name=f"bridge {url}", daemon=True
        )
        self._thread.start()

    async def stop(self) -> bool:
        return await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> bool:
        self._server.request_shutdown()
        self._thread.join(STOP_TIMEOUT)
        self._server.server_close()
        return not self._thread.is_alive()

"""A server for a command that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.net.url import OSCURL
from oscbridge.server.tcp_asyncio import AsyncOSCTCPServer
from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer

__all__ = ["serving"]


@asynccontextmanager
async def serving(url: OSCURL, dispatcher: Dispatcher) -> AsyncIterator[OSCURL]:
    """Serve within the context; yields the URL with its port. Raises :class:`OSCBridgeError`."""
    if url.scheme == "udp":
        loop = asyncio.get_running_loop()
        udp = AsyncIOOSCUDPServer((url.host, url.port), dispatcher, loop)
        try:
            transport, _ = await udp.create_serve_endpoint()
        except OSError as error:
            raise _failed(url, error) from None
        try:
            yield url._replace(port=transport.get_extra_info("sockname")[1])
        finally:
            transport.close()
        return
    tcp = AsyncOSCTCPServer(url.host, url.port, dispatcher, url.framing)
    try:
        await tcp.listen()
    except OSError as error:
        raise _failed(url, error) from None
    try:
        yield url._replace(port=tcp.sockets[0].getsockname()[1])
    finally:
        await tcp.stop()


def _failed(url: OSCURL, error: OSError) -> OSCBridgeError:
    return OSCBridgeError(f"{url}: {what_failed(error)}")

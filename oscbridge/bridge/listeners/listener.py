"""Runs the OSC server of one bridge in the mode that was picked."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from oscbridge.bridge.configuration.options import BridgeOptions
from oscbridge.bridge.listeners.forking import ForkedListener, RoutePair
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_server import (
    AsyncIOOSCUDPServer,
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
)
from oscbridge.osc_tcp_server import (
    AsyncOSCTCPServer,
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)
from oscbridge.transport.stream import StreamLimits
from oscbridge.url import OSCURL

__all__ = ["Listener", "listen"]

POLL_INTERVAL: Final = 0.5
"""Seconds between looks of a server on a thread at what nothing wakes it for."""

STOP_TIMEOUT: Final = 0.5
"""Seconds that handlers are given to return when the bridge stops."""

JOIN_TIMEOUT: Final = 0.2
"""Seconds more for the thread of a server whose own threads have not returned."""


_log: Final = logging.getLogger(__name__)


class Listener(Protocol):
    """A server that runs."""

    @property
    def address(self) -> OSCURL:
        """Where it listens, with the port that the system chose for port 0."""

    @property
    def problem(self) -> str:
        """Why nothing can come in, for people; nothing when all is well."""

    def pause(self, on: bool) -> None:
        """Take nothing in for the time being, or go on. On the loop."""

    async def stop(self) -> bool:
        """Take nothing more in. False if handlers did not return in time."""


async def listen(
    name: str, options: BridgeOptions, dispatcher: Dispatcher, routes: Sequence[RoutePair]
) -> Listener:
    """Start the server of one bridge.

    ``routes`` are for the mode forking, whose routes run elsewhere; in the other modes
    they are on the dispatcher. Raises ``OSError`` when its address cannot be had.
    """
    if options.mode == "forking":
        listener = ForkedListener(name, options, dispatcher, routes)
        await listener.start()
        return listener
    try:
        if options.mode == "asyncio":
            return await _on_loop(options, dispatcher)
        return _OnThread(name, options.listen, _server(options, dispatcher))
    except ValueError as error:  # a host or an interface that is none
        raise OSError(str(error)) from error


def _server(options: BridgeOptions, dispatcher: Dispatcher) -> OSCUDPServer | OSCTCPServer:
    """The server of the modes blocking and threading."""
    url = options.listen
    address = (url.host, url.port)
    threads = options.mode == "threading"
    if url.scheme == "udp":
        kind = ThreadingOSCUDPServer if threads else BlockingOSCUDPServer
        server = kind(address, dispatcher, bind_and_activate=False)
        server.multicast_interface = options.interface
        if isinstance(server, ThreadingOSCUDPServer):
            server.max_threads = options.workers
            server.stop_timeout = STOP_TIMEOUT
        try:
            server.server_bind()
        except BaseException:
            server.server_close()
            raise
        return server
    if threads:
        stream_server = ThreadingOSCTCPServer(address, dispatcher, url.framing)
        stream_server.limits = StreamLimits(connections=options.workers)
        stream_server.stop_timeout = STOP_TIMEOUT
        return stream_server
    return BlockingOSCTCPServer(address, dispatcher, url.framing)


async def _on_loop(options: BridgeOptions, dispatcher: Dispatcher) -> Listener:
    url = options.listen
    if url.scheme == "udp":
        server = AsyncIOOSCUDPServer((url.host, url.port), dispatcher, asyncio.get_running_loop())
        server.multicast_interface = options.interface
        transport, _ = await server.create_serve_endpoint()
        return _UDPOnLoop(url, transport)
    stream_server = AsyncOSCTCPServer(url.host, url.port, dispatcher, url.framing)
    await stream_server.listen()
    return _TCPOnLoop(url, stream_server)


class _UDPOnLoop:
    problem = ""

    def __init__(self, url: OSCURL, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.address = url._replace(port=transport.get_extra_info("sockname")[1])

    def pause(self, on: bool) -> None:
        method = getattr(self._transport, "pause_reading" if on else "resume_reading", None)
        if method is not None:  # the transport of Windows' loop has none: there it drops
            method()

    async def stop(self) -> bool:
        self._transport.close()
        await asyncio.sleep(0)
        return True


class _TCPOnLoop:
    problem = ""

    def __init__(self, url: OSCURL, server: AsyncOSCTCPServer) -> None:
        self._server = server
        self.address = url._replace(port=server.sockets[0].getsockname()[1])

    def pause(self, on: bool) -> None:
        self._server.pause(on)

    async def stop(self) -> bool:
        await self._server.stop()
        return True


class _OnThread:
    def __init__(self, name: str, url: OSCURL, server: OSCUDPServer | OSCTCPServer) -> None:
        self.address = url._replace(port=server.server_address[1])
        self.problem = ""
        self._name = name
        self._server = server
        self._thread = threading.Thread(target=self._serve, name=f"bridge.{name}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._server.serve_forever(POLL_INTERVAL)
        except BaseException as error:  # or nobody would know
            self.problem = f"its thread ended with {error!r}"
            _log.critical("bridge.%s: %s", self._name, self.problem, exc_info=error)

    def pause(self, on: bool) -> None:
        """Nothing to do: its threads wait for room in the outbox themselves."""

    async def stop(self) -> bool:
        return await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> bool:
        self._server.request_shutdown()
        self._thread.join(STOP_TIMEOUT + JOIN_TIMEOUT)
        self._server.server_close()
        return not self._thread.is_alive()

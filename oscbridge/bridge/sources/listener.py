"""Runs the OSC server of one bridge in the configured mode."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.clients.tcp import TCPClientLink
from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.kernel_drops import KernelDrops
from oscbridge.bridge.sources.listener_protocol import Listener
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.url import OSCURL
from oscbridge.server.tcp import (
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)
from oscbridge.server.tcp_asyncio import AsyncOSCTCPServer
from oscbridge.server.udp import (
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
)
from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer, DispatchingProtocol

__all__ = ["Listener", "listen", "set_limits"]

POLL_INTERVAL: Final = 0.5
"""Seconds between the periodic actions of a server on a thread."""

STOP_TIMEOUT: Final = 0.5
"""Seconds for handlers to return when the bridge stops."""

JOIN_TIMEOUT: Final = 0.2
"""Further seconds for the thread of a server whose own threads have not returned."""


_log: Final = logging.getLogger(__name__)


async def listen(
    name: str, options: BridgeOptions, dispatcher: Dispatcher, routes: Sequence[Route]
) -> Listener:
    """Start the server of one bridge.

    ``routes`` are for mode forking, whose routes run in another process; in the other modes
    they are mapped in the dispatcher. Sets the dispatcher's limits. Raises ``OSError`` if the
    address is not available.
    """
    set_limits(dispatcher, options.limits)
    dispatcher.forwards_tags = options.time_tags == "forward"
    if options.mode == "forking":
        from oscbridge.bridge.sources.forked.supervisor import ForkingListener  # few need it

        listener = ForkingListener(name, options, dispatcher, routes)
        await listener.start()
        return listener
    try:
        if options.mode == "asyncio":
            return await _start_on_loop(options, dispatcher)
        return _ThreadListener(name, options.listen, _server(options, dispatcher), dispatcher)
    except ValueError as error:  # an invalid host or interface
        raise OSError(str(error)) from error


def set_limits(dispatcher: Dispatcher, limits: LimitOptions) -> None:
    """Set the limits of a bridge in its dispatcher and its scheduler."""
    scheduler = dispatcher.scheduler
    scheduler.max_pending = limits.max_pending
    scheduler.horizon = limits.horizon
    scheduler.too_early = limits.too_early
    dispatcher.max_route_calls = limits.max_route_calls
    if dispatcher.limits != limits.packet_limits():
        dispatcher.set_limits(limits.packet_limits())


def _server(options: BridgeOptions, dispatcher: Dispatcher) -> OSCUDPServer | OSCTCPServer:
    """The server of the modes blocking and threading."""
    url = options.listen
    address = (url.host, url.port)
    threads = options.mode == "threading"
    if url.scheme == "udp":
        kind = ThreadingOSCUDPServer if threads else BlockingOSCUDPServer
        server = kind(address, dispatcher, bind_and_activate=False)
        server.multicast_interface = options.interface
        server.allow = options.allow
        if isinstance(server, ThreadingOSCUDPServer):
            server.max_threads = options.workers
            server.stop_timeout = STOP_TIMEOUT
        try:
            server.server_bind()
        except BaseException:
            server.server_close()
            raise
        return server
    stream_kind = ThreadingOSCTCPServer if threads else BlockingOSCTCPServer
    stream_server = stream_kind(address, dispatcher, url.framing)
    limits = options.limits.stream_limits()
    stream_server.allow = options.allow
    stream_server.limits = replace(
        limits, max_connections=min(limits.max_connections, options.workers)
    )
    if isinstance(stream_server, ThreadingOSCTCPServer):
        stream_server.stop_timeout = STOP_TIMEOUT
    return stream_server


async def _start_on_loop(options: BridgeOptions, dispatcher: Dispatcher) -> Listener:
    url = options.listen
    if url.scheme == "udp":
        server = AsyncIOOSCUDPServer((url.host, url.port), dispatcher, asyncio.get_running_loop())
        server.multicast_interface = options.interface
        server.allow = options.allow
        transport, protocol = await server.create_serve_endpoint()
        clients = UDPClientLink(
            transport.get_extra_info("socket"), options.allow, cast(DispatchingProtocol, protocol)
        )
        return _AsyncUDPListener(url, transport, dispatcher, clients)
    stream_server = AsyncOSCTCPServer(url.host, url.port, dispatcher, url.framing)
    stream_server.allow = options.allow
    stream_server.limits = options.limits.stream_limits()
    stream_server.watcher = followed = TCPClientLink(options.limits.max_packet_size)
    await stream_server.listen()
    return _AsyncTCPListener(url, stream_server, followed)


class _LocalListener:
    """Base of the listeners whose handlers run in this process."""

    problem = ""
    children = 0
    clients: ClientLink | None = None
    _drops: KernelDrops | None = None
    """Over UDP."""

    @property
    def connections(self) -> int:
        return 0

    @property
    def threads(self) -> int:
        return 0

    def watch(self, on: bool) -> None:
        pass

    def update_counts(self) -> None:
        if self._drops is not None:
            self._drops.update()

    def flush_reports(self, *, everything: bool = False) -> None:
        if self._drops is not None:
            self._drops.flush_reports(everything=everything)

    async def reroute(self, routes: Sequence[Route]) -> None:
        pass

    def _stop_sending(self) -> None:
        if self.clients is not None:
            self.clients.close()


class _AsyncUDPListener(_LocalListener):
    def __init__(
        self,
        url: OSCURL,
        transport: asyncio.DatagramTransport,
        dispatcher: Dispatcher,
        clients: ClientLink,
    ) -> None:
        self._transport = transport
        self.clients = clients
        self._drops = KernelDrops(transport.get_extra_info("socket"), dispatcher)
        self.address = url._replace(port=transport.get_extra_info("sockname")[1])

    def pause(self, on: bool) -> None:
        method = getattr(self._transport, "pause_reading" if on else "resume_reading", None)
        if method is not None:  # the transport of Windows' loop has none
            method()

    async def stop(self) -> bool:
        self._stop_sending()
        self._transport.close()
        self.update_counts()  # its socket is closed in the next turn of the loop
        await asyncio.sleep(0)
        return True


class _AsyncTCPListener(_LocalListener):
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
        self._stop_sending()
        await self._server.stop()
        return True


class _ThreadListener(_LocalListener):
    def __init__(
        self,
        name: str,
        url: OSCURL,
        server: OSCUDPServer | OSCTCPServer,
        dispatcher: Dispatcher,
    ) -> None:
        if isinstance(server, OSCUDPServer):
            self._drops = KernelDrops(server.socket, dispatcher)
            self.clients: ClientLink | None = UDPClientLink(server.socket, server.allow, server)
        else:
            server.watcher = self.clients = TCPClientLink(server.limits.max_packet_size)
        self.address = url._replace(port=server.server_address[1])
        self._name = name
        self._server = server
        self._thread = threading.Thread(target=self._serve, name=f"bridge.{name}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._server.serve_forever(POLL_INTERVAL)
        except BaseException as error:  # otherwise nobody would notice
            self.problem = f"its thread ended with {error!r}"
            _log.critical("bridge.%s: %s", self._name, self.problem, exc_info=error)

    @property
    def connections(self) -> int:
        return self._server.connections if isinstance(self._server, OSCTCPServer) else 0

    @property
    def threads(self) -> int:
        match self._server:
            case ThreadingOSCUDPServer() as server:
                more = server.threads
            case ThreadingOSCTCPServer() as server:
                more = server.connections
            case _:
                more = 0
        return self._thread.is_alive() + more

    def pause(self, on: bool) -> None:
        """Nothing to do: its threads wait for room in the send queue themselves."""

    async def stop(self) -> bool:
        return await in_daemon_thread(self._shut_down, f"stop bridge.{self._name}")

    def _shut_down(self) -> bool:
        self._stop_sending()
        self._server.request_shutdown()
        self._thread.join(STOP_TIMEOUT + JOIN_TIMEOUT)
        self.update_counts()
        self._server.server_close()
        return not self._thread.is_alive()

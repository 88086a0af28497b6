"""Runs an OSC server on threads: the modes blocking and threading."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Final

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.clients.tcp import TCPClientLink
from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.bridge.sources.kernel_drops import KernelDrops
from oscbridge.bridge.sources.local_listener import LocalListener
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.server.tcp import (
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)
from oscbridge.server.udp import (
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
)

__all__ = ["ThreadListener"]

POLL_INTERVAL: Final = 0.5
"""Seconds between the periodic actions of a server on a thread."""

STOP_TIMEOUT: Final = 0.5
"""Seconds for handlers to return when the bridge stops."""

JOIN_TIMEOUT: Final = 0.2
"""Further seconds for the thread of a server whose own threads have not returned."""

_log: Final = logging.getLogger(__name__)


class ThreadListener(LocalListener):
    """A server on a thread of its own, which starts at once."""

    def __init__(
        self,
        name: str,
        options: BridgeOptions,
        dispatcher: Dispatcher,
    ) -> None:
        """Raises ``OSError`` if the address is not available, ``ValueError`` if it is invalid."""
        server = _server(options, dispatcher)
        if isinstance(server, OSCUDPServer):
            self.drops = KernelDrops(server.socket, dispatcher)
            self.clients: ClientLink | None = UDPClientLink(server.socket, server.allow, server)
        else:
            server.watcher = self.clients = TCPClientLink(server.limits.max_packet_size)
        self.address = options.listen._replace(port=server.server_address[1])
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
        self.stop_sending()
        self._server.request_shutdown()
        self._thread.join(STOP_TIMEOUT + JOIN_TIMEOUT)
        self.update_counts()
        self._server.server_close()
        return not self._thread.is_alive()


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

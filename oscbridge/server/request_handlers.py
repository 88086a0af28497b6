"""Handlers of single requests, as :mod:`socketserver` calls them.

The servers of this package serve without them. They are for programs that call or extend those of
python-osc.
"""

from __future__ import annotations

import socket
import socketserver
from typing import Protocol, cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.replies import packet_for
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import CHUNK
from oscbridge.osc.framing import stream_decoder

__all__ = ["PrefixHandler", "SLIPHandler", "UDPHandler"]


class Server(Protocol):
    """The server of a request."""

    @property
    def dispatcher(self) -> Dispatcher:
        """Calls the handlers."""


class UDPHandler(socketserver.BaseRequestHandler):
    """Calls the handlers of one datagram, and sends the replies."""

    def __init__(
        self,
        request: tuple[bytes, socket.socket],
        client_address: ClientAddress,
        server: socketserver.BaseServer,
    ) -> None:
        self.socket = request[1]
        super().__init__(request, client_address, server)

    def handle(self) -> None:
        dispatcher = cast(Server, self.server).dispatcher
        for result in dispatcher.call_handlers_for_packet(self.request[0], self.client_address):
            packet = packet_for(dispatcher, self.client_address, result)
            if packet is not None:
                self.socket.sendto(packet, self.client_address)


class SLIPHandler(socketserver.BaseRequestHandler):
    """Serves one connection to its end."""

    mode = "1.1"

    def handle(self) -> None:
        dispatcher = cast(Server, self.server).dispatcher
        framing = stream_decoder(self.mode)
        while framing.error is None and (data := self.request.recv(CHUNK)):
            for packet in framing.feed(data):
                for result in dispatcher.call_handlers_for_packet(packet, self.client_address):
                    reply = packet_for(dispatcher, self.client_address, result)
                    if reply is not None:
                        self.request.sendall(framing.encode(reply))
        error = framing.error or framing.cut()
        if error is not None:
            dispatcher.report_bad(error, self.client_address)


class PrefixHandler(SLIPHandler):
    """The same for packets with a length prefix."""

    mode = "1.0"

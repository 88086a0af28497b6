"""The UDP server that handles each packet in its own process. Requires ``os.fork``."""

from __future__ import annotations

import selectors
import socket
from functools import partial
from typing import TypeAlias

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.osc.packet import split_packet
from oscbridge.server.children import Children
from oscbridge.server.forking_attributes import ForkingAttributes
from oscbridge.server.loop import INPUT
from oscbridge.server.udp import OSCUDPServer

__all__ = ["ForkingOSCUDPServer"]

_Request: TypeAlias = tuple[bytes, socket.socket]


class ForkingOSCUDPServer(OSCUDPServer, ForkingAttributes):
    """Each packet is handled in its own process, at most ``max_children`` simultaneously.

    All children are reaped; further packets wait in the socket. Invalid packets, and those
    without a handler, start no process. The serving process must have no other threads.
    """

    max_children = 40
    stop_timeout = 5.0
    """Seconds that a closing server waits for children before it kills them."""

    def _prepare(self, dispatcher: Dispatcher) -> None:
        super()._prepare(dispatcher)
        self.children = Children(self.max_children)
        self._succeeded = self._failed = 0  # messages, as counted last

    def process_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Handle one datagram in processes: one per time tag."""
        fork = partial(self._fork, request[1], client_address)
        self._dispatcher.examine(request[0], client_address, fork)

    def _fork(self, sock: socket.socket, client: ClientAddress, packet: bytes) -> None:
        messages = sum(1 for _ in split_packet(packet, self._dispatcher.limits))
        while not self._may_fork():
            if self._gives_up():
                why = "no process was free before the stop"
                self._dispatcher.report_dropped("stopped", messages, why)
                return
        try:
            self.children.fork(partial(self._in_child, (packet, sock), client), messages)
        except OSError as error:  # no more processes available
            self._dispatcher.report_failure("fork", error)
            self._dispatcher.statistics.dropped["fork"] += messages

    def _may_fork(self) -> bool:
        """Wait at most a second until another fork is allowed. Whether it is."""
        self.children.limit = self.max_children
        return self.children.wait_below_limit(1.0)

    def _gives_up(self) -> bool:
        """Whether a packet is dropped that waits for another child to end."""
        return self._stopping.is_set()

    def _in_child(self, request: _Request, client_address: ClientAddress) -> None:
        # Scheduled messages belong to the parent, and this packet is due.
        self._dispatcher.scheduler.clear()
        self._dispatcher.strict_timing = False
        self.finish_request(request, client_address)

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        selector.register(self, selectors.EVENT_READ, INPUT)
        while not self._stopping.is_set():
            if self.children.wait_below_limit(poll_interval):
                # Reap children soon.
                wait = min(poll_interval, 0.05) if self.children else poll_interval
                if self._wait(selector, wait):
                    self._take_one()
            self._dispatcher.scheduler.run_due()
            self._count_children()
            self.service_actions()

    def _count_children(self) -> None:
        """Count the messages of the children that have ended since the last call."""
        statistics, children = self._dispatcher.statistics, self.children
        statistics.routed += children.succeeded - self._succeeded
        self._succeeded = children.succeeded
        self._count_failed()

    def _count_failed(self) -> None:
        if failed := self.children.failed - self._failed:
            self._failed += failed
            why = "the process that handled it ended early"
            self._dispatcher.report_dropped("child", failed, why)

    def server_close(self) -> None:
        """Close the socket and end the children."""
        super().server_close()
        self.children.stop(self.stop_timeout if self.block_on_close else 0.0)
        self._count_children()

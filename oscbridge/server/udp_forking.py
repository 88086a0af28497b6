"""The UDP server that handles each packet in its own process. Requires ``os.fork``."""

from __future__ import annotations

import selectors
import socket
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.overrides import HANDLER_ERRORS
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_receive import BATCH
from oscbridge.osc.packet import split_packet
from oscbridge.server.children import Children
from oscbridge.server.forking_attributes import ForkingAttributes
from oscbridge.server.loop import INPUT
from oscbridge.server.udp import OSCUDPServer

if TYPE_CHECKING:
    from oscbridge.server.child_pool import ChildPool

__all__ = ["ForkingOSCUDPServer"]

_Request: TypeAlias = tuple[bytes, socket.socket]


class ForkingOSCUDPServer(OSCUDPServer, ForkingAttributes):
    """Each packet is handled in its own process, at most ``max_children`` simultaneously.

    All children are reaped; further packets wait in the socket. Invalid packets, and those
    without a handler, start no process. The serving process must have no other threads.

    With ``max_messages_per_child`` above 1, a child handles packets one after another, until it
    has handled so many messages. A crash still costs only the message being handled. What a
    handler changes in its process, for example a global variable, lasts as long as the child.
    """

    max_children = 40
    max_messages_per_child = 1
    """Messages after which a child is replaced. A packet is never split. Above 1 on Linux only,
    elsewhere it is 1."""
    idle_timeout = 10.0
    """Seconds without a packet after which a child ends, if it may handle several."""
    stop_timeout = 5.0
    """Seconds that a closing server waits for children before it kills them."""

    _pool: ChildPool | None = None

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
        messages = 1
        if packet.startswith(b"#"):
            messages = sum(1 for _ in split_packet(packet, self._dispatcher.limits))
        try:
            while not self._start(sock, client, packet, messages):
                if self._gives_up():
                    why = "no process was free before the stop"
                    self._dispatcher.report_dropped("stopped", messages, why)
                    return
        except OSError as error:  # no more processes available
            self._dispatcher.report_failure("fork", error)
            self._dispatcher.statistics.dropped["fork"] += messages

    def _start(
        self, sock: socket.socket, client: ClientAddress, packet: bytes, messages: int
    ) -> bool:
        """Hand a packet to a child, after a second at most. Whether that was possible."""
        pool = self._current_pool()
        if pool is not None and pool.give(packet, client, messages):
            return True
        if not self._may_fork():
            return False
        if pool is not None:
            return pool.give(packet, client, messages)
        self.children.fork(partial(self._in_child, (packet, sock), client), messages)
        return True

    def _may_fork(self) -> bool:
        """Wait at most a second until a child may take another packet. Whether it may."""
        return self._wait_for_child(1.0)

    def _wait_for_child(self, timeout: float) -> bool:
        self.children.limit = self.max_children
        pool = self._current_pool()
        return self.children.wait_below_limit(timeout) if pool is None else pool.wait(timeout)

    def _current_pool(self) -> ChildPool | None:
        """The children that handle several messages; None if each handles one."""
        if self.max_messages_per_child <= 1 or sys.platform != "linux":
            return None
        if self._pool is None:
            from oscbridge.server.child_pool import ChildPool  # a small process forks faster

            self._pool = ChildPool(self.children, self._enter_child, self._handle_in_child)
        self._pool.max_messages = self.max_messages_per_child
        self._pool.idle_timeout = self.idle_timeout
        return self._pool

    def _gives_up(self) -> bool:
        """Whether a packet is dropped that waits for another child to end."""
        return self._stopping.is_set()

    def _in_child(self, request: _Request, client_address: ClientAddress) -> None:
        self._enter_child()
        self.finish_request(request, client_address)

    def _enter_child(self) -> None:
        """Called first in each child."""
        # Scheduled messages belong to the parent, and the packets for a child are due.
        self._dispatcher.scheduler.clear()
        self._dispatcher.strict_timing = False

    def _handle_in_child(self, packet: bytes, client: ClientAddress) -> None:
        """Handle one of several packets. Exits if that raises an exception."""
        request = (packet, self.socket)
        has_failed = True

        def work() -> None:
            nonlocal has_failed
            self.finish_request(request, client)
            has_failed = False

        # The context is that of the fork: there another request was handled.
        token = HANDLER_ERRORS.set(None)
        self._guard(work, request, client)
        HANDLER_ERRORS.reset(token)
        if has_failed:
            raise SystemExit(1)

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        selector.register(self, selectors.EVENT_READ, INPUT)
        pool = self._current_pool()
        if pool is not None:
            selector.register(pool, selectors.EVENT_READ)
        while not self._stopping.is_set():
            if self._wait_for_child(poll_interval) and self._wait(
                selector, self._pause(poll_interval)
            ):
                self._take_some()
            self._dispatcher.scheduler.run_due()
            self._count_children()
            self.service_actions()

    def _pause(self, poll_interval: float) -> float:
        """Seconds after which children must be looked at."""
        pool = self._current_pool()
        if pool is None:
            return min(poll_interval, 0.05) if self.children else poll_interval
        pause = pool.pause
        return poll_interval if pause is None else min(poll_interval, pause)

    def _take_some(self) -> None:
        """Take one datagram; several if children handle several."""
        if self._current_pool() is None:
            self._take_one()
            return
        for _ in range(BATCH):
            if not self._take_one() or self._stopping.is_set():
                break

    def _count_children(self) -> None:
        """Count the messages that children have handled since the last call."""
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
        deadline = time.monotonic() + (self.stop_timeout if self.block_on_close else 0.0)
        pool, self._pool = self._pool, None
        try:
            if pool is not None:
                pool.finish(deadline - time.monotonic())
        except BaseException:  # for example a second Ctrl-C
            deadline = 0.0
            raise
        finally:
            self.children.stop(max(0.0, deadline - time.monotonic()))
            self._count_children()
            if pool is not None and (left := pool.close()):
                self._dispatcher.report_dropped("stopped", left, "not handled before the stop")

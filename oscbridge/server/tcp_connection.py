"""One TCP connection, served on the calling thread."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.replies import packet_for, report_unsent
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import CHUNK, prepare_tcp_socket
from oscbridge.osc.framing import stream_decoder
from oscbridge.server.connected_client import StreamWatcher
from oscbridge.server.connection_limits import StreamLimits
from oscbridge.server.stream_output import StreamOutput

__all__ = ["TCPConnection"]

# For one socket. Unlike epoll it needs no descriptor, which may be exhausted.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class TCPConnection:
    """Reads packets from a socket, dispatches them and sends the replies."""

    def __init__(
        self,
        sock: socket.socket,
        client: ClientAddress,
        dispatcher: Dispatcher,
        mode: str,
        limits: StreamLimits,
        watcher: StreamWatcher | None = None,
    ) -> None:
        prepare_tcp_socket(sock)
        self._sock = sock
        self.client = client
        self._watcher = watcher
        self._is_known = False  # to the watcher
        self._output = StreamOutput(sock)
        self._dispatcher = dispatcher
        self._dispatch = dispatcher.entry()
        self._limits = limits
        self._framing = stream_decoder(mode, limits.max_packet_size)
        self._sending = threading.Lock()
        self._close_reason = ""

    def serve(self, stopping: Callable[[], bool], poll_interval: float) -> None:
        """Serve until the client disconnects, a limit is exceeded, or ``stopping`` returns true.

        Also runs due messages of the dispatcher's scheduler.
        """
        scheduler, limits = self._dispatcher.scheduler, self._limits
        heard = begun = time.monotonic()
        with _Selector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            self._introduce()
            while not self._close_reason and not stopping():
                try:
                    data = self._sock.recv(CHUNK)
                except BlockingIOError:
                    self._watch_output(selector)
                    selector.select(scheduler.wait(poll_interval))
                    scheduler.run_due()
                    now = time.monotonic()
                    if now - heard > limits.idle_timeout:
                        self._close_reason = "idle_timeout"
                    elif self._framing.pending and now - begun > limits.packet_timeout:
                        self._close_reason = "packet_timeout"
                    continue
                except OSError:
                    data = b""
                if not data:
                    self._report_cut()
                    break
                heard = time.monotonic()
                if self._receive(data) or not self._framing.pending:
                    begun = heard
                scheduler.run_due()
        if self._close_reason:
            self._dispatcher.report_closed(self._close_reason, self.client)
        self._dispatcher.client_disconnected(self.client)
        if self._is_known and self._watcher is not None:
            self._watcher.disconnected(self, self._output.count_unsent())

    def _receive(self, data: bytes) -> bool:
        """Dispatch the completed packets. Whether there were any."""
        framing = self._framing
        packets = framing.feed(data)
        self._introduce()
        for packet in packets:
            self._dispatch(packet, self.client, self._reply)
        if framing.error is not None:
            self._dispatcher.report_bad(framing.error, self.client)
            self._close_reason = framing.error.reason
        return bool(packets)

    # --- packets except replies ---------------------------------------------------------

    @property
    def framing(self) -> str:
        """The client's framing; empty until it is known."""
        return self._framing.mode or ""

    def offer(self, frames: Sequence[bytes]) -> None:
        """Send framed packets without waiting; one thread may call it, beside the serving one."""
        if frames and not self._close_reason:
            self._output.add(frames)
            if len(self._output) > self._limits.max_reply_bytes:
                self._close_reason = "max_reply_bytes"

    def _introduce(self) -> None:
        """Report the client to the watcher once its framing is known."""
        if self._watcher is not None and not self._is_known and self._framing.mode is not None:
            self._is_known = True
            self._watcher.connected(self)

    def _watch_output(self, selector: selectors.BaseSelector) -> None:
        """Send the output; then wake up when there is room, unless the client takes too long."""
        if self._watcher is None:
            return
        output = self._output
        output.flush()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if len(output) else 0)
        selector.modify(self._sock, events)
        if len(output) and time.monotonic() - output.progress > self._limits.reply_timeout:
            self._close_reason = "reply_timeout"

    def _report_cut(self) -> None:
        """Count the packet that the end of the stream truncates."""
        error = self._framing.cut()
        if error is not None:
            self._dispatcher.report_bad(error, self.client)

    def _reply(self, client: ClientAddress, result: object) -> None:
        packet = packet_for(self._dispatcher, client, result)
        if packet is None:
            return
        try:
            self._send(self._framing.encode(packet))
        except TimeoutError:
            self._close_reason = "reply_timeout"
        except (OSError, ValueError) as error:  # a closed socket cannot be registered
            report_unsent(self._dispatcher, client, error)

    def _send(self, data: bytes) -> None:
        """Send all of the data. Raises ``TimeoutError`` if the client does not read it."""
        deadline = time.monotonic() + self._limits.reply_timeout
        view = memoryview(data)
        with self._sending:  # a scheduled message may run on another thread
            while view and not self._close_reason:
                try:
                    view = view[self._sock.send(view) :]
                except BlockingIOError:
                    self._wait_writable(deadline - time.monotonic())

    def _wait_writable(self, seconds: float) -> None:
        with _Selector() as selector:
            selector.register(self._sock, selectors.EVENT_WRITE)
            if seconds <= 0 or not selector.select(seconds):
                raise TimeoutError

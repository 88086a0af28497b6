"""One connection: TLS, its handshakes, and the HTTP around them.

The websockets library implements WebSocket. This module adds: connections are counted before
any handshake, TLS starts after that, every response has the common headers, and requests that
are not valid HTTP get a response.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import SecurityError
from websockets.protocol import Event
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike

import oscbridge
from oscbridge.http import describe_tls_error, tls_handshake
from oscbridge_websocket.client_options import ClientOptions
from oscbridge_websocket.protocol import WebSocketProtocol
from oscbridge_websocket.read_throttle import ReadThrottle
from oscbridge_websocket.rejection import Rejection
from oscbridge_websocket.responses import parse_query, text_response
from oscbridge_websocket.shared_state import AuthResult, SharedState

__all__ = [
    "CLOSE_TIMEOUT",
    "OPEN_TIMEOUT",
    "PING_TIMEOUT",
    "WebSocketConnection",
]

OPEN_TIMEOUT: Final = 5.0
CLOSE_TIMEOUT: Final = 0.4
"""Seconds for each opening handshake (TLS, WebSocket), and for the closing handshake. The host
allows little more for the latter."""

PING_TIMEOUT: Final = 20.0
"""Seconds for the pong to a ping; without one a client is disconnected."""

MAX_REQUEST_HEAD: Final = 32_768
"""The size of a request line and its headers together, in bytes."""

DRAIN_TIMEOUT: Final = 60.0
"""Seconds in which data received before the end of a connection is parsed."""

MIN_FRAME_RATE: Final = 1_000
"""Frames per second that are read from one connection, including pings and fragments, if
``max_rate`` is smaller."""


class WebSocketConnection(ServerConnection):
    """A connection that is registered before its handshakes, and read at a limited rate."""

    network: str
    """The network that limits apply to; behind trusted proxies that of the client."""
    via: str = ""
    """The address of the trusted proxy that the connection came by, if any."""
    is_closing: Callable[[], bool]
    write_now: Callable[[bytes], None]
    """The fastest ways to :attr:`is_gone` and to write, once its WebSocket handshake begins."""
    is_clear = False
    """Whether frames may be written to its socket: its WebSocket is open, the system has taken all
    data, and it was not written to otherwise since then. Set by who sees that, reset here."""
    auth_result: AuthResult = None
    client_options: ClientOptions | None = None
    """What its URL asks for; None before the request is checked."""

    def __init__(
        self,
        _protocol: ServerProtocol,
        server: Server,
        *,
        shared: SharedState[WebSocketConnection],
        logger: LoggerLike,
        **options: Any,  # the library's own
    ) -> None:
        current = shared.registry.options
        self._websocket = WebSocketProtocol(max_size=current.max_packet_size, logger=logger)
        options["ping_interval"] = current.ping_interval or None  # it may have been reloaded
        super().__init__(self._websocket, server, **options)
        self._shared = shared
        self._raw_transport: asyncio.Transport | None = None
        self._handshake_started: float | None = None
        """When the WebSocket handshake started, in loop time."""
        self._early_data: list[bytes] = []
        self._head_size = 0
        self._is_rejected = False
        self._is_aborted = False
        self._is_lost = False
        """Whether it has ended with an error."""
        self._peer: Any = ("", 0)
        self._throttle: ReadThrottle | None = None
        self._frames = 0
        self.on_discarded: Callable[[int], None] | None = None
        """Called with the number of packets that were received and will not be handled."""
        self._open_timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None
        """Ends the connection, whose transport is closed, if its data is not parsed in time."""

    @property
    def is_gone(self) -> bool:
        """Whether the transport is closing, maybe unknown to the library: each write would warn."""
        return self._raw_transport is None or self._raw_transport.is_closing()

    @property
    def remote_address(self) -> Any:
        """The client's socket address, which the transport forgets when it is closed."""
        return self._peer

    @property
    def query(self) -> dict[str, str]:
        """The query of the request's URL: the last value of each key."""
        return {} if self.request is None else parse_query(self.request)

    @property
    def unsent(self) -> int:
        """Bytes that wait to be sent, here or below TLS."""
        raw, size = self._raw_transport, self.transport.get_write_buffer_size()
        if raw is not None and raw is not self.transport:
            size += raw.get_write_buffer_size()
        return size

    def unsent_meter(self) -> Callable[[], int]:
        """A function that returns :attr:`unsent`, the fastest one, after the handshakes."""
        if self._raw_transport is self.transport:
            return self.transport.get_write_buffer_size
        return lambda: self.unsent

    @property
    def has_sent_all(self) -> bool:
        """Whether it has ended with both closing handshakes, after all data was sent."""
        protocol = self._websocket
        is_closed = protocol.close_sent is not None and protocol.close_rcvd is not None
        return is_closed and not self._is_lost and not self._is_aborted

    def reject(self, rejection: Rejection) -> None:
        """Complete the handshake only to send the reason: a page sees nothing else."""
        self._websocket.is_rejected = True
        self.auth_result = rejection

    def abort(self) -> None:
        """Close the connection immediately, in any state. Received data is not parsed."""
        self._is_aborted, self.is_clear = True, False
        if self._ending is not None:
            self._end()
        elif self._raw_transport is not None:
            self._raw_transport.abort()

    async def pause(self, seconds: float) -> None:
        """Wait, or return early when the connection ends."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait_closed()
        except TimeoutError:
            pass

    # --- called by the event loop ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = self._raw_transport = cast(asyncio.Transport, transport)
        peer = raw.get_extra_info("peername")
        self.network = oscbridge.network_of(peer[0]) if peer else ""
        self._peer, self.is_closing = peer or ("", 0), raw.is_closing
        shared = self._shared
        if peer and peer[0] in shared.registry.options.trusted_proxies:
            self.via = peer[0]
        refusal = shared.registry.add(self) if peer else "a connection that has already ended"
        if refusal:
            shared.on_refused(refusal)
            if shared.tls is None:
                raw.write(text_response(503, "Too many connections.\n").serialize())
                raw.close()
            else:
                raw.abort()
        elif shared.tls is None:
            self._start_websocket(raw)
        else:
            raw.pause_reading()  # data received before TLS starts would be parsed as HTTP
            task = self.loop.create_task(self._start_tls(raw, shared.tls))
            shared.handshakes.add(task)
            task.add_done_callback(shared.handshakes.discard)

    async def _start_tls(self, raw: asyncio.Transport, context: ssl.SSLContext) -> None:
        secured: asyncio.Transport | None = None
        try:
            secured = await tls_handshake(
                raw, self, context, timeout=OPEN_TIMEOUT, shutdown_timeout=CLOSE_TIMEOUT
            )
        except OSError as error:
            self._shared.on_refused(
                f"a connection from {self.network}: TLS handshake failed: "
                f"{describe_tls_error(error)}"
            )
        finally:
            if secured is None:
                self._shared.registry.remove(self)
            else:
                self._start_websocket(secured)

    def _start_websocket(self, transport: asyncio.BaseTransport) -> None:
        self._handshake_started = self.loop.time()
        self._open_timer = self.loop.call_later(OPEN_TIMEOUT, self.abort)
        super().connection_made(transport)
        self.write_now = self.transport.write
        rate = max(self._shared.registry.options.max_rate, MIN_FRAME_RATE)
        throttle = ReadThrottle(self.transport, rate, self._feed, partial(self._throttled, rate))
        self._throttle = throttle
        self.recv_messages.pause, self.recv_messages.resume = throttle.pause, throttle.resume
        early, self._early_data = self._early_data, []
        for data in early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self.request is None:
            if self._handshake_started is None:
                if self._shared.tls is not None:
                    self._early_data.append(data)  # arrived with the last TLS handshake record
                return
            self._read_head(data)
        else:
            assert self._throttle is not None
            self._throttle.receive(data)

    def _feed(self, data: bytes) -> int:
        self._frames = 0
        super().data_received(data)
        self._send_pongs()
        return self._frames

    def _throttled(self, rate: int) -> None:
        host, port = self.remote_address[:2]
        self._shared.on_throttled(f"{host}:{port} sends more than {rate} frames per second")

    def process_event(self, event: Event) -> None:
        self._frames += 1
        super().process_event(event)

    def send_data(self) -> None:
        self.is_clear = False  # the transport may not get rid of it, and it may end the WebSocket
        super().send_data()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_pongs()

    def _send_pongs(self) -> None:
        """Respond to pings, unless the write buffer is full."""
        if self.paused:
            self._websocket.drop_oldest_pongs()
        elif not self.is_gone and self._websocket.send_pending_pongs():
            self.is_clear = False
            self.transport.write(b"".join(self.protocol.data_to_send()))

    def _read_head(self, data: bytes) -> None:
        self._head_size += len(data)
        if self._head_size <= MAX_REQUEST_HEAD or self._is_rejected:
            super().data_received(data)
        else:
            self.protocol.handshake_exc = SecurityError("the request is too large")
            self.protocol.send_response(self.protocol.reject(431, "The request is too large.\n"))
            self.send_data()
        if self.request is not None and self._open_timer is not None:
            self._open_timer.cancel()  # data after it has its own limits
            self._open_timer = None
        if self.protocol.handshake_exc is not None and not self._is_rejected:
            # The response is sent. The library would keep reading until the open timeout.
            self._is_rejected = True
            self.loop.call_later(CLOSE_TIMEOUT, self.abort)

    def eof_received(self) -> None:
        if self._throttle is not None and not self._throttle.has_data:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        throttle = self._throttle
        self._is_lost, self.is_clear = exc is not None, False
        if exc is None and not self._is_aborted and throttle is not None and throttle.has_data:
            # One read of TLS can contain data and its end. The connection counts as open until
            # the data is parsed, at the client's rate.
            self._ending = self.loop.call_later(DRAIN_TIMEOUT, self._end)
            throttle.call_when_parsed(self._end)
        else:
            self._end(exc)

    def _end(self, exc: Exception | None = None) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._open_timer is not None:
            self._open_timer.cancel()
            self._open_timer = None
        shared, started = self._shared, self._handshake_started
        shared.registry.remove(self)
        if started is not None:
            assert self._throttle is not None
            unparsed = self._throttle.discard()
            if self.on_discarded is not None and (count := self._websocket.count_packets(unparsed)):
                self.on_discarded(count)
            self.on_discarded = None
            if self.request is None and self.loop.time() - started >= OPEN_TIMEOUT:
                shared.on_refused(
                    f"a connection from {self.network}: no request within {OPEN_TIMEOUT:g} s"
                )
            super().connection_lost(exc)

"""One connection: TLS, its handshakes, and the HTTP around them.

The library serves WebSocket. What is added here: a connection counts from the moment that
it is there, TLS begins after that, every answer has the usual headers, and what is no HTTP
is told so.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import InvalidMessage, SecurityError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import CONNECTING, OPEN, Event
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike, Subprotocol

from oscbridge_websocket.admission import Admission
from oscbridge_websocket.answers import add_usual_headers, answer
from oscbridge_websocket.failures import network_of
from oscbridge_websocket.pace import Pace
from oscbridge_websocket.tokens import Grant

__all__ = ["BINARY", "CLOSE_TIMEOUT", "JSON", "OPEN_TIMEOUT", "Connection", "Doorway", "Refusal"]

BINARY: Final = Subprotocol("osc.binary")
JSON: Final = Subprotocol("osc.json")

OPEN_TIMEOUT: Final = 5.0
CLOSE_TIMEOUT: Final = 0.4
"""Seconds for each of the handshakes that open a connection (TLS, WebSocket), and for the one
that closes it. The bridge allows little more for the latter."""

MAX_HEAD: Final = 32_768
"""Bytes of a request: its first line and its headers."""

MIN_FRAMES: Final = 1_000
"""Frames a second from one connection, pings and pieces of messages included, that are read
however small ``max_rate`` is; otherwise as many as that."""


@dataclass(frozen=True)
class Refusal:
    """A client that is told over WebSocket why it may not stay: all that a page can see."""

    code: int
    reason: str
    delay: float = 0.0
    """Seconds before it is told."""
    retry_after: int = 0
    """Seconds before it is of use to try again, if that helps."""


Verdict: TypeAlias = Grant | Refusal | None
"""What the request showed; None is nothing yet."""


@dataclass
class Doorway:
    """What all connections of an endpoint share."""

    admission: Admission
    context: ssl.SSLContext | None
    """For TLS; it is looked at when a connection begins."""
    refused: Callable[[str], None]
    slowed: Callable[[str], None]
    """Called once for a connection that is read no faster."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """TLS handshakes that go on."""


class Protocol(ServerProtocol):
    """The library's, with other answers to what is no WebSocket, and to pings."""

    unanswered: Frame | None = None
    """The answer to the last ping, not sent yet: all others need none (RFC 6455, 5.5.3)."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """The first of the client's that is known; without any, frames are binary.

        One that holds a token is never among them, so it is not sent back.
        """
        return next((name for name in subprotocols if name in (BINARY, JSON)), None)

    def reject(self, status: Any, text: str) -> Response:
        return add_usual_headers(super().reject(status, text))

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            # The library would send one for each, also to a client that reads nothing.
            self.unanswered = frame
        else:
            super().send_frame(frame)

    def answer_ping(self) -> bool:
        """Answer the last ping. Returns whether there is anything to write."""
        frame, self.unanswered = self.unanswered, None
        if frame is None or self.state is not OPEN:
            return False
        super().send_frame(frame)
        return True

    def send_eof(self) -> None:
        if self.state is CONNECTING and isinstance(self.handshake_exc, InvalidMessage):
            # The library would end here without a word.
            self.writes.append(answer(400, "This is no request that is taken here.\n").serialize())
        super().send_eof()


class Connection(ServerConnection):
    """Counted from the start, not only when the handshakes are done."""

    network: str
    verdict: Verdict = None

    def __init__(
        self,
        _protocol: ServerProtocol,
        server: Server,
        *,
        doorway: Doorway,
        logger: LoggerLike,
        **options: Any,  # the library's own
    ) -> None:
        limit = doorway.admission.options.max_packet_size
        self._pings = Protocol(max_size=limit, logger=logger)
        super().__init__(self._pings, server, **options)
        self._doorway = doorway
        self._wire: asyncio.Transport | None = None
        self._begun: float | None = None
        """When the handshake of WebSocket began."""
        self._early: list[bytes] = []
        self._head = 0
        self._ending = False
        self._pace: Pace | None = None
        self._frames = 0

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be written any more, though the library does not know that yet.

        Each further write would be a line in the log.
        """
        return self._wire is None or self._wire.is_closing()

    def abort(self) -> None:
        """End it at once, whatever it is doing."""
        if self._wire is not None:
            self._wire.abort()

    async def pause(self, seconds: float) -> None:
        """Wait, unless the connection ends."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait_closed()
        except TimeoutError:
            pass

    # --- called by the event loop ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = self._wire = cast(asyncio.Transport, transport)
        peer = wire.get_extra_info("peername")
        self.network = network_of(peer[0]) if peer else ""
        doorway = self._doorway
        refusal = doorway.admission.enter(self) if peer else "a connection that is gone already"
        if refusal:
            doorway.refused(refusal)
            if doorway.context is None:
                wire.write(answer(503, "Too many connections.\n").serialize())
                wire.close()
            else:
                wire.abort()
        elif doorway.context is None:
            self._begin(wire)
        else:
            wire.pause_reading()  # or what comes before TLS has begun would be taken as HTTP
            task = self.loop.create_task(self._secure(wire, doorway.context))
            doorway.tasks.add(task)
            task.add_done_callback(doorway.tasks.discard)

    async def _secure(self, wire: asyncio.Transport, context: ssl.SSLContext) -> None:
        secured: asyncio.Transport | None = None
        try:
            # It would wait for ever on a connection that is gone already.
            if not wire.is_closing():
                secured = await self.loop.start_tls(
                    wire,
                    self,
                    context,
                    server_side=True,
                    ssl_handshake_timeout=OPEN_TIMEOUT,
                    ssl_shutdown_timeout=CLOSE_TIMEOUT,
                )
        except OSError as error:
            self._doorway.refused(f"{self.network}: no TLS: {_what(error)}")
        finally:
            if secured is None or secured.is_closing():
                wire.abort()
                self._doorway.admission.leave(self)
            else:
                self._begin(secured)

    def _begin(self, transport: asyncio.BaseTransport) -> None:
        self._begun = self.loop.time()
        super().connection_made(transport)
        rate = max(self._doorway.admission.options.max_rate, MIN_FRAMES)
        pace = self._pace = Pace(self.transport, rate, self._feed, partial(self._slowed, rate))
        self.recv_messages.pause, self.recv_messages.resume = pace.hold, pace.release
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self.request is None:
            if self._begun is None:
                if self._doorway.context is not None:
                    self._early.append(data)  # what came with the end of the TLS handshake
                return
            self._read_head(data)
        else:
            assert self._pace is not None
            self._pace.put(data)

    def _feed(self, data: bytes) -> int:
        self._frames = 0
        super().data_received(data)
        self._answer_ping()
        return self._frames

    def _slowed(self, rate: int) -> None:
        host, port = self.remote_address[:2]
        self._doorway.slowed(f"{host}:{port} sends more than {rate} frames a second")

    def process_event(self, event: Event) -> None:
        self._frames += 1
        super().process_event(event)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._answer_ping()

    def _answer_ping(self) -> None:
        """Answer the last ping, once there is room for that."""
        if not self.paused and not self.is_gone and self._pings.answer_ping():
            self.send_data()

    def _read_head(self, data: bytes) -> None:
        self._head += len(data)
        if self._head <= MAX_HEAD or self._ending:
            super().data_received(data)
        else:
            self.protocol.handshake_exc = SecurityError("the request is too large")
            self.protocol.send_response(self.protocol.reject(431, "The request is too large.\n"))
            self.send_data()
        if self.protocol.handshake_exc is not None and not self._ending:
            # It has its answer. The library would read on until the time to open is over.
            self._ending = True
            self.loop.call_later(CLOSE_TIMEOUT, self.abort)

    def eof_received(self) -> None:
        if self._pace is not None:
            self._pace.finish()
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._doorway.admission.leave(self)
        if self._begun is not None:
            assert self._pace is not None
            self._pace.drop()
            if self.request is None and self.loop.time() - self._begun >= OPEN_TIMEOUT:
                self._doorway.refused(f"{self.network}: no request within {OPEN_TIMEOUT:g} s")
            super().connection_lost(exc)


def _what(error: OSError) -> str:
    """Why a TLS handshake failed, in a few words that the peer has no part in."""
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        if reason in ("http request", "wrong version number"):
            return "it speaks something else; a URL begins with https:// or wss://"
        return reason or "the handshake failed"
    if isinstance(error, ConnectionAbortedError):
        return "the handshake took too long"
    return "it left"

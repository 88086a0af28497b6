"""One HTTP connection: reads requests with h11, in small pieces, and writes responses.

It supports only what clients of a few pages need: bodies are not read, and neither is a second
request before the first is answered. It does not know the pages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol, cast

import h11

from oscbridge.dispatch.handler import ClientAddress
from oscbridge.net.tcp_socket import prepare_stream

__all__ = ["Answer", "HTTPConnection", "HTTPLimits", "Site", "plain"]

CHUNK: Final = 4_096
"""Bytes per read."""

IGNORED: Final = 65_536
"""Bytes that a client may still send after the last response of a connection."""

HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
"""Headers of every response: browsers must not store, sniff, embed or run anything."""

_TEXT: Final = "text/plain; charset=utf-8"
_UNKNOWN: Final[ClientAddress] = ("", 0)


@dataclass(frozen=True, slots=True)
class HTTPLimits:
    """Limits for clients. A client that exceeds one gets a response, if possible, and is closed."""

    max_connections: int = 32
    """Concurrent connections. An idle one is closed to make room for a new one; without one, the
    one that has waited longest for its request."""
    max_head_size: int = 8_192
    """Bytes of a request line and its headers; the last read may exceed it."""
    request_timeout: float = 5.0
    """Seconds to receive a request; for the first one, since the connection was accepted."""
    idle_timeout: float = 75.0
    """Seconds between requests: more than the interval of most monitoring systems."""
    send_timeout: float = 5.0
    """Seconds for a client to read a response."""
    linger_timeout: float = 1.0
    """Seconds for a client that is still sending to read the response."""


class Answer(NamedTuple):
    """The response to a request."""

    status: int
    body: bytes
    content_type: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()


def plain(status: HTTPStatus, text: str = "", *headers: tuple[str, str]) -> Answer:
    """A text response; without ``text``, the phrase of the status."""
    body = text or f"{status.phrase}\n"
    return Answer(status, body.encode("utf-8", "backslashreplace"), headers=headers)


class Site(Protocol):
    """The server that a connection belongs to."""

    limits: HTTPLimits

    def enter(self, connection: HTTPConnection, client: ClientAddress) -> bool:
        """Register a connection. Returns False to reject it."""

    def leave(self, connection: HTTPConnection) -> None:
        """Unregister a closed connection."""

    def ask(self, connection: HTTPConnection, request: h11.Request) -> None:
        """Queue a request, which :meth:`HTTPConnection.answer` will answer."""

    def answered(self, status: int) -> None:
        """Count a response."""

    def report_closed(self, reason: str, client: ClientAddress) -> None:
        """Count and log a connection that is closed because of a limit."""


class HTTPConnection(asyncio.BufferedProtocol):
    """Handles one request after another on a persistent connection.

    Nothing is read while a request is being answered.
    """

    def __init__(self, site: Site) -> None:
        self.is_idle = False
        """Whether it waits for a further request; false before the first one."""
        self.reading_since: float | None = None
        """Since when it waits for a request, in loop time; None while one is answered."""
        self._site = site
        self._limits = site.limits
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is closed."""
        self._http = h11.Connection(
            h11.SERVER, max_incomplete_event_size=self._limits.max_head_size
        )
        self._buffer = bytearray(CHUNK)
        self.client = _UNKNOWN
        self.local_address = ""
        """The IP address at which the connection arrived."""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._goes_on = False  # after the response is sent
        self._ignored = -1  # bytes ignored after the last response; -1 before

    # --- called by the transport --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.client = transport.get_extra_info("peername") or _UNKNOWN
        self.reading_since = self._loop.time()
        self.local_address = (transport.get_extra_info("sockname") or _UNKNOWN)[0]
        if not self._site.enter(self, self.client):
            self.abort()
            return
        prepare_stream(transport.get_extra_info("socket"))
        self._transport.set_write_buffer_limits(high=0)
        self._watch("slow_request", self._limits.request_timeout)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._ignored >= 0:
            self._ignored += nbytes
            if self._ignored > IGNORED:
                self.abort()
            return
        self._http.receive_data(bytes(memoryview(self._buffer)[:nbytes]))
        if self.is_idle:
            self.is_idle = False
            self.reading_since = self._loop.time()
            self._watch("slow_request", self._limits.request_timeout)
        self._read()

    def eof_received(self) -> None:
        """Let the transport close: no response is outstanding."""

    def resume_writing(self) -> None:
        if self._goes_on:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._transport = None
        self._site.leave(self)
        if not self.closed.done():
            self.closed.set_result(None)

    # --- actions ------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connection after sending buffered data."""
        self._unwatch()
        self._goes_on = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection immediately."""
        self._unwatch()
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Pass on a request that is complete."""
        assert self._transport is not None
        try:
            request = self._http.next_event()
            if not isinstance(request, h11.Request):
                return
            self._http.next_event()  # end of message, if there is no body
        except h11.RemoteProtocolError as error:
            self._send(plain(HTTPStatus(error.error_status_hint)))
            return
        self._unwatch()
        self.reading_since = None
        self._transport.pause_reading()
        self._site.ask(self, request)

    def answer(self, request: h11.Request, answer: Answer) -> None:
        """Answer the request, unless the client disconnected."""
        if self._transport is not None and not self._transport.is_closing():
            self._send(answer, without_body=request.method == b"HEAD")

    def _send(self, answer: Answer, *, without_body: bool = False) -> None:
        assert self._transport is not None
        # After a body or a pipelined request, the connection is not reused.
        is_done = self._http.their_state not in _UNDONE and not self._http.trailing_data[0]
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *HEADERS,
            *answer.headers,
        ]
        if not is_done:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(answer.status).phrase
        events: list[h11.Event] = [
            h11.Response(status_code=answer.status, headers=headers, reason=reason)
        ]
        if not without_body:
            events.append(h11.Data(answer.body))
        events.append(h11.EndOfMessage())
        self._site.answered(answer.status)
        self._watch("slow_reader", self._limits.send_timeout)
        self._transport.write(b"".join(self._http.send(event) or b"" for event in events))
        if not is_done:
            self._ignore()
        elif self._http.our_state is not h11.DONE:
            self._transport.close()
        elif self._transport.get_write_buffer_size():
            self._goes_on = True
        else:
            self._next()

    def _next(self) -> None:
        assert self._transport is not None
        self._goes_on = False
        self._http.start_next_cycle()
        self.is_idle = True
        self.reading_since = self._loop.time()
        self._watch("idle", self._limits.idle_timeout)
        self._transport.resume_reading()

    def _ignore(self) -> None:
        """Ignore further data. Closing immediately would lose the response."""
        assert self._transport is not None
        self._ignored = 0
        self._watch("linger", self._limits.linger_timeout)
        self._transport.write_eof()
        self._transport.resume_reading()

    # --- time-outs ----------------------------------------------------------------------------

    def _watch(self, reason: str, seconds: float) -> None:
        self._unwatch()
        self._timer = self._loop.call_later(seconds, self._late, reason)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, reason: str) -> None:
        if reason in ("slow_request", "slow_reader"):
            self._site.report_closed(reason, self.client)
        if reason == "slow_request" and self._http.trailing_data[0]:  # it had started
            self._send(plain(HTTPStatus.REQUEST_TIMEOUT))
        else:
            self.abort()


_UNDONE: Final = (h11.IDLE, h11.SEND_BODY, h11.ERROR)
"""Client states in which data of its request may still follow."""

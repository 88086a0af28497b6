"""One HTTP connection: reads requests by h11, a few bytes at a time, and writes answers.

It takes what a client of a few pages needs and nothing else: a body is not read, nor a second
request before the first is answered. Knows no page.
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
"""Bytes that are read at once."""

IGNORED: Final = 65_536
"""Bytes that a client may still send after an answer that ends the connection."""

HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
"""What every answer has: a browser shall neither keep, guess at, embed nor run anything."""

_TEXT: Final = "text/plain; charset=utf-8"
_UNKNOWN: Final[ClientAddress] = ("", 0)


@dataclass(frozen=True, slots=True)
class HTTPLimits:
    """What clients may do. One that passes a limit is answered, if it can be, and closed."""

    connections: int = 32
    """Connections at once. One that waits for its next request makes room for a new one."""
    head: int = 8_192
    """Bytes of a request line and its headers; what came with the last of them may be more."""
    request: float = 5.0
    """Seconds in which a request must be whole; for the first, from the connection on."""
    idle: float = 75.0
    """Seconds between requests: more than the interval of most who watch."""
    send: float = 5.0
    """Seconds in which a client must take an answer."""
    linger: float = 1.0
    """Seconds in which a client that is not done sending may take the answer to it."""


class Answer(NamedTuple):
    """What a request is answered with."""

    status: int
    body: bytes
    content_type: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()


def plain(status: HTTPStatus, text: str = "", *headers: tuple[str, str]) -> Answer:
    """An answer of one or more lines for people; without a text, what the status means."""
    body = text or f"{status.phrase}\n"
    return Answer(status, body.encode("utf-8", "backslashreplace"), headers=headers)


class Site(Protocol):
    """What a connection belongs to."""

    limits: HTTPLimits

    def enter(self, connection: HTTPConnection, client: ClientAddress) -> bool:
        """Whether a connection may begin."""

    def leave(self, connection: HTTPConnection) -> None:
        """It has ended."""

    def ask(self, connection: HTTPConnection, request: h11.Request) -> None:
        """A request has come: :meth:`HTTPConnection.answer` it when there is time."""

    def answered(self, status: int) -> None:
        """An answer is sent."""

    def report_closed(self, reason: str, client: ClientAddress) -> None:
        """A connection is ended, as a limit was passed."""


class HTTPConnection(asyncio.BufferedProtocol):
    """Takes one request after another, and keeps the connection in between.

    Nothing is read while a request is being answered.
    """

    def __init__(self, site: Site) -> None:
        self.is_idle = False
        """Whether it waits for its next request. The first one is not waited for like that."""
        self._site = site
        self._limits = site.limits
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection has ended."""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head)
        self._buffer = bytearray(CHUNK)
        self._client = _UNKNOWN
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._goes_on = False  # once the answer is out
        self._ignored = -1  # bytes that were, once nothing more is listened to

    # --- called by the transport -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client = transport.get_extra_info("peername") or _UNKNOWN
        if not self._site.enter(self, self._client):
            self.abort()
            return
        prepare_stream(transport.get_extra_info("socket"))
        self._transport.set_write_buffer_limits(high=0)
        self._watch("slow_request", self._limits.request)

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
            self._watch("slow_request", self._limits.request)
        self._read()

    def eof_received(self) -> None:
        """The client sends no more, and is owed nothing: the transport closes itself."""

    def resume_writing(self) -> None:
        if self._goes_on:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._transport = None
        self._site.leave(self)
        if not self.closed.done():
            self.closed.set_result(None)

    # --- what it does ------------------------------------------------------------------------

    def close(self) -> None:
        """End the connection when what was written has gone out."""
        self._unwatch()
        self._goes_on = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._unwatch()
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Look whether a request is whole, and have it answered."""
        assert self._transport is not None
        try:
            request = self._http.next_event()
            if not isinstance(request, h11.Request):
                return
            self._http.next_event()  # its end, if it has no body
        except h11.RemoteProtocolError as error:
            self._send(plain(HTTPStatus(error.error_status_hint)))
            return
        self._unwatch()
        self._transport.pause_reading()
        self._site.ask(self, request)

    def answer(self, request: h11.Request, answer: Answer) -> None:
        """Answer the request, unless the client has left."""
        if self._transport is not None and not self._transport.is_closing():
            self._send(answer, without_body=request.method == b"HEAD")

    def _send(self, answer: Answer, *, without_body: bool = False) -> None:
        assert self._transport is not None
        # What has a body, or another request right behind it, is the last one here.
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
        self._watch("slow_reader", self._limits.send)
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
        self._watch("idle", self._limits.idle)
        self._transport.resume_reading()

    def _ignore(self) -> None:
        """Listen to nothing more. Closed at once, the client would not get the answer."""
        assert self._transport is not None
        self._ignored = 0
        self._watch("linger", self._limits.linger)
        self._transport.write_eof()
        self._transport.resume_reading()

    # --- limits of time ----------------------------------------------------------------------

    def _watch(self, reason: str, seconds: float) -> None:
        self._unwatch()
        self._timer = self._loop.call_later(seconds, self._late, reason)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, reason: str) -> None:
        if reason in ("slow_request", "slow_reader"):
            self._site.report_closed(reason, self._client)
        if reason == "slow_request" and self._http.trailing_data[0]:  # it had begun
            self._send(plain(HTTPStatus.REQUEST_TIMEOUT))
        else:
            self.abort()


_UNDONE: Final = (h11.IDLE, h11.SEND_BODY, h11.ERROR)
"""States of a client from which more may come that belongs to its request."""

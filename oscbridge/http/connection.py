"""One HTTP connection: limits around the protocol of aiohttp.

aiohttp parses requests and writes responses. This adds what it lacks for a server that anybody
can reach: connections are counted before any handshake, the head of a request has a time-out and
a size as a whole, one request is handled at a time, a client that does not read is closed, and a
response arrives although the client is still sending.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import StreamReader, hdrs, web

from oscbridge.http.client_wire import ClientWire
from oscbridge.http.connection_owner import ConnectionOwner
from oscbridge.http.connection_phase import ConnectionPhase
from oscbridge.http.request_head import HeadBuffer, HeadError
from oscbridge.net.tls import tls_handshake

__all__ = ["HTTPConnection"]

IGNORED: Final = 65_536
"""Bytes that a client may send besides its request, while it is answered and afterwards."""

MAX_HEADERS: Final = 128
"""Headers of a request."""


class HTTPConnection(web.RequestHandler):
    """Handles one request after another on a persistent connection."""

    def __init__(self, owner: ConnectionOwner, server: web.Server) -> None:
        limits = self._limits = owner.limits
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_timeout + limits.request_timeout,  # ours end earlier
            tcp_keepalive=False,  # ClientWire sets it
            access_log=cast(Any, None),
            max_line_size=limits.max_head_size,
            max_field_size=limits.max_head_size,
            max_headers=MAX_HEADERS,
            lingering_time=0,  # ours is bounded
            auto_decompress=False,  # a small body could become a large one
        )
        self._owner = owner
        self.wire = ClientWire(self._late, self._give_way)
        self._phase = ConnectionPhase.HANDSHAKE
        self._head = HeadBuffer(limits.max_head_size)
        self._rest = b""
        """Data after the head, until the request is being handled."""
        self._body: StreamReader | None = None
        self._remaining: int | None = 0
        """Bytes of the body that are still to come; None if only the parser knows."""
        self._ignored = 0  # bytes besides the request
        self._error: HTTPStatus | None = None
        """The status of a request that could not be handled."""

    # --- called by the transport --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw, context = self.wire.open(transport), self._owner.tls
        self.wire.now_reading()
        if not self._owner.enter(self.wire):
            self.wire.close_with(self._owner.busy_response() if context is None else b"")
        elif context is None:
            self._begin(raw)
        else:
            self.wire.pause()  # until TLS starts
            self._owner.handshake(self._start_tls(raw, context))

    async def _start_tls(self, raw: asyncio.Transport, context: ssl.SSLContext) -> None:
        timeout, shutdown = self._limits.request_timeout, self._limits.linger_timeout
        secured = None
        try:
            secured = await tls_handshake(
                raw, self, context, timeout=timeout, shutdown_timeout=shutdown
            )
        except OSError as error:
            if not self.wire.is_aborted:
                self._owner.report_handshake(error, self.wire.client)
        finally:
            if secured is None:
                self._leave()
            else:
                self.wire.secure(secured)
                self._begin(secured)

    def _begin(self, transport: asyncio.Transport) -> None:
        """Read requests, after the handshake."""
        self._phase = ConnectionPhase.HEAD
        self.wire.watch("slow_request", self._limits.request_timeout)
        super().connection_made(transport)
        if self._head:  # it arrived with the end of the handshake
            self._read_head()

    def data_received(self, data: bytes) -> None:
        if not data or self._phase is ConnectionPhase.UPGRADED:  # without: parse the received part
            super().data_received(data)
            return
        match self._phase:
            case ConnectionPhase.HANDSHAKE:
                self._head.add(data)
            case ConnectionPhase.HEAD:
                if self.wire.is_idle:
                    self.wire.is_idle = False
                    self.wire.now_reading()
                    self.wire.watch("slow_request", self._limits.request_timeout)
                self._head.add(data)
                self._read_head()
            case ConnectionPhase.BODY:
                self._feed_body(data)
            case ConnectionPhase.ANSWER | ConnectionPhase.STREAM | ConnectionPhase.OVER:
                self._ignore(data)

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio.Protocol has it
        """Whether the transport stays open: only for a response that is to come."""
        return self._phase is ConnectionPhase.ANSWER and not self.wire.is_secure

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._phase is not ConnectionPhase.OVER:
            self.wire.watch("slow_reader", self._limits.send_timeout)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._phase is not ConnectionPhase.OVER:
            self.wire.unwatch()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._phase is not ConnectionPhase.HANDSHAKE:
            super().connection_lost(exc)
        self._leave()

    def _give_way(self) -> None:
        """Close the connection immediately: another one takes its place."""
        is_new = self._phase is ConnectionPhase.HEAD and not self.wire.is_idle
        self.wire.close_with(self._owner.busy_response() if is_new else b"")

    def _leave(self) -> None:
        self.wire.lost()
        self._owner.leave(self.wire)

    # --- a request ----------------------------------------------------------------------------

    def _read_head(self) -> None:
        """Pass on a head that is complete."""
        try:
            found = self._head.take()
        except HeadError as error:
            self._refuse(error.status)
            return
        if found is None:
            return
        head, rest = found
        self._phase, self._remaining = ConnectionPhase.ANSWER, head.body
        self.wire.reading_since = None
        # With the first line of a chunked body: nonsense is answered as such.
        first = rest.find(b"\n") + 1 if head.body is None else 0
        self._rest = rest[first:]
        self.wire.pause()
        self._parse(head.data + rest[:first])

    def _parse(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except ValueError:  # the target is not a valid URL
            self._refuse(HTTPStatus.BAD_REQUEST)

    def begin_request(self, body: StreamReader) -> None:
        """The head is valid, and its request is being handled."""
        if self._phase is ConnectionPhase.OVER:
            return
        self.wire.unwatch()
        self._body, rest, self._rest = body, self._rest, b""
        if self._remaining != 0:
            self._phase = ConnectionPhase.BODY
            self.wire.now_reading()  # slow bodies make room for other clients, too
            # Later than handlers that know the limit: they answer.
            timeout = self._limits.request_timeout + self._limits.linger_timeout
            self.wire.watch("slow_body", timeout)
            self.wire.resume()
            if rest:
                self._feed_body(rest)
        elif rest:
            self._ignore(rest)

    @contextmanager
    def making_room(self) -> Iterator[None]:
        """Meanwhile the connection may be closed to make room for another one."""
        self.wire.now_reading()
        try:
            yield
        finally:
            self.wire.reading_since = None

    def _feed_body(self, data: bytes) -> None:
        length = len(data) if self._remaining is None else min(len(data), self._remaining)
        if self._remaining is not None:
            self._remaining -= length
            if not self._remaining:
                self._phase = ConnectionPhase.ANSWER
                self.wire.unwatch()
                self.wire.pause()
        self._parse(data[:length])
        if not self._remaining and (self._body is None or self._body.is_eof()):
            self.wire.reading_since = None
        if len(data) > length:
            self._ignore(data[length:])

    def _ignore(self, data: bytes) -> None:
        """Ignore data that no request needs, up to a limit."""
        self._ignored += len(data)
        if self._ignored > IGNORED:
            self.wire.abort()

    # --- the response -------------------------------------------------------------------------

    @property
    def _is_last(self) -> bool:
        """Whether the client has sent, or will send, data that cannot be a further request."""
        return self._remaining != 0 or self._ignored > 0

    def prepare_response(self, response: web.StreamResponse) -> None:
        """Complete the headers of a response before they are sent."""
        headers = response.headers
        headers.popall(hdrs.SERVER, None)
        for name, value in self._owner.headers.items():
            headers.setdefault(name, value)
        if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._phase = ConnectionPhase.UPGRADED
            self.wire.resume()
            return
        if self._is_last:
            response.force_close()
        elif not isinstance(response, web.Response):
            self._phase = ConnectionPhase.STREAM
            self.wire.resume()  # only so is it noticed that the client disconnects
        if not response.keep_alive:
            headers[hdrs.CONNECTION] = "close"

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response, and prepare for the next request or the end of the connection."""
        if self._error is not None:
            self._refuse(self._error)
        if self._phase is ConnectionPhase.OVER or not self.wire.is_open:
            await self.wire.wait_closed()
            return resp, True
        result = await super().finish_response(request, resp, start_time)
        self._owner.answered(resp.status)
        if not await self.wire.wait_sent(self._limits.send_timeout):
            self._late("slow_reader")
        if self._phase is ConnectionPhase.UPGRADED or not self.wire.is_open:
            return result
        if self._is_last:
            self._linger()
            await self.wire.wait_closed()
            return resp, True
        if resp.keep_alive:
            self._phase, self.wire.is_idle = ConnectionPhase.HEAD, True
            self.wire.now_reading()
            self.wire.watch("idle", self._limits.idle_timeout)
            self.wire.resume()
        return result

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to an invalid request or a failed handler; :meth:`_refuse` replaces it."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client disconnected
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and exc is not None:
            self._owner.report_failure(exc)
        if request.writer.output_size:
            raise ConnectionError("a part of the response is sent already")
        self._error = HTTPStatus(status)
        return web.Response(status=status)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer what cannot be handled, and close the connection."""
        if self.wire.is_open and self._phase is not ConnectionPhase.OVER:
            self._owner.answered(status)
            self.wire.write(self._owner.error_response(status))
            self._linger()

    def _linger(self) -> None:
        """Ignore further data. Closing immediately would lose the response."""
        self._phase = ConnectionPhase.OVER
        self.wire.reading_since = None
        self.transport = None  # aiohttp must neither write nor close from now on
        self.wire.watch("linger", self._limits.linger_timeout)
        self.wire.finish()

    def _late(self, reason: str) -> None:
        """A time-out has expired."""
        if reason == "slow_body" and self._body is not None and self._body.is_eof():
            return  # a chunked one, which only the parser knows to be complete
        if reason in ("slow_request", "slow_body", "slow_reader"):
            self._owner.report_closed(reason, self.wire.client)
        if reason == "slow_request" and (self._head or self._phase is ConnectionPhase.ANSWER):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.wire.abort()

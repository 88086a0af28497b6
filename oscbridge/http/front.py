"""An HTTP server that anybody can reach: an application of aiohttp behind limits and rules."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from oscbridge.dispatch.statistics import Reporting
from oscbridge.failures import failure_text
from oscbridge.http.client_wire import ClientWire
from oscbridge.http.connection import HTTPConnection
from oscbridge.http.errors import ErrorFormat, HTTPProblem, problem_document, raw_response
from oscbridge.http.limits import HTTPLimits
from oscbridge.http.rules import HTTPRules, check_request
from oscbridge.net.acceptor import Acceptor, listen
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import discard_received, prepare_tcp_socket
from oscbridge.net.tls import describe_tls_error
from oscbridge.net.url import HostPort

__all__ = ["HTTPFront", "making_room"]

STOP_TIMEOUT: Final = 0.5
"""Seconds to send responses when the server stops; then connections are aborted."""

BUSY: Final = "no connection is available; try again"
RETRY_AFTER: Final = "1"
"""Seconds after which a client may try again that is closed because of a limit."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response that does not set them: browsers must not store, sniff, embed or run
anything."""


_LIMITS: Final = HTTPLimits()


class HTTPFront:
    """Serves an application on the running loop.

    Before the handlers of ``app`` are called, connections are limited and requests checked by
    ``rules``. Errors, also those that aiohttp raises, are written by ``error_format``. A handler
    whose client disconnects is cancelled. ``tls`` may be replaced: it is used for new connections.
    """

    def __init__(
        self,
        app: web.Application,
        rules: HTTPRules,
        log: logging.Logger,
        *,
        limits: HTTPLimits = _LIMITS,
        tls: ssl.SSLContext | None = None,
        error_format: ErrorFormat = problem_document,
        headers: Mapping[str, str] = HEADERS,
    ) -> None:
        self.rules = rules
        self.limits = limits
        self.tls = tls
        self.headers = headers
        self.responses: Counter[int] = Counter()
        """Responses by status."""
        self.reporting = Reporting(log)
        """Counters and rate-limited log of its clients; :meth:`stop` flushes it."""
        self._error_format = error_format
        app.middlewares.insert(0, self._guard)
        app.on_response_prepare.append(_prepare_response)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=STOP_TIMEOUT
        )
        self._server: web.Server | None = None
        self._is_stopped = False
        self._acceptors: list[Acceptor] = []
        self._wires: dict[ClientWire, None] = {}
        self._handshakes: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Number of connected clients."""
        return len(self._wires)

    @property
    def port(self) -> int:
        """The port that it listens on; 0 if it does not listen."""
        for acceptor in self._acceptors:
            port: int = acceptor.socket.getsockname()[1]
            return port
        return 0

    async def start(self, where: HostPort | Sequence[socket.socket]) -> None:
        """Serve in the background until :meth:`stop`, once. Raises ``OSError``.

        ``where``: the address to listen on, or sockets that do, which are closed at the stop.
        """
        sockets = await listen(*where) if isinstance(where, HostPort) else where
        self._acceptors = [
            Acceptor(sock, self.reporting, self._new_connection, self._refusal, self._dismiss)
            for sock in sockets
        ]
        await self._runner.setup()
        self._server = self._runner.server
        assert self._server is not None
        self._handler = self._server.request_handler
        self._server.request_handler = self._handle
        for acceptor in self._acceptors:
            await acceptor.start()

    async def stop(self) -> None:
        """Stop accepting, send pending responses, and close all connections."""
        self._is_stopped = True
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            await acceptor.close()
        for task in self._handshakes:
            task.cancel()
        await self._runner.cleanup()
        left = tuple(self._wires)
        for wire in left:
            wire.abort()
        if left:
            await asyncio.wait([each.closed for each in left], timeout=STOP_TIMEOUT)
        self.reporting.flush_reports(everything=True)

    # --- connections --------------------------------------------------------------------------

    def _new_connection(self) -> HTTPConnection:
        assert self._server is not None
        return HTTPConnection(self, self._server)

    def _refusal(self, client: ClientAddress) -> str:
        """The reason to reject a client; empty to accept it."""
        most = self.limits.max_connections_per_address
        if most is not None:
            own = [each for each in self._wires if each.client[0] == client[0]]
            if len(own) >= most and not self._make_room(own, "max_connections_per_address"):
                return "max_connections_per_address"
        if self.connections < self.limits.max_connections:
            return ""
        made_room = self._make_room(self._wires, "max_connections")
        return "" if made_room else "max_connections"

    def _make_room(self, wires: Iterable[ClientWire], reason: str) -> bool:
        """Close one of some connections. Returns False if all are being answered."""
        reading = [each for each in wires if each.reading_since is not None]
        # Idle ones first; then those that send their request slowest: a health check is quick.
        oldest = min(reading, key=_eviction_order, default=None)
        if oldest is None:
            return False
        if not oldest.is_idle:
            self.report_closed(reason, oldest.client)
        self.leave(oldest)
        oldest.give_way()
        return True

    def _dismiss(self, sock: socket.socket) -> None:
        """Close the socket of a client that is refused."""
        if self.tls is None:
            prepare_tcp_socket(sock)
            discard_received(sock.fileno())
            with suppress(OSError):  # already disconnected
                sock.send(self.busy_response())
        sock.close()

    def enter(self, wire: ClientWire) -> bool:
        """Register a connection. Returns False to reject it."""
        if self._is_stopped:  # accepted just before the stop
            return False
        reason = self._refusal(wire.client)  # again: others may have connected meanwhile
        if reason:
            self.report_closed(reason, wire.client)
            return False
        self._wires[wire] = None
        return True

    def leave(self, wire: ClientWire) -> None:
        """Unregister a connection that is closed."""
        self._wires.pop(wire, None)

    def handshake(self, work: Coroutine[object, object, None]) -> None:
        """Run a TLS handshake in the background."""
        task = asyncio.create_task(work)
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    # --- what happens to clients --------------------------------------------------------------

    def report_closed(self, reason: str, client: ClientAddress) -> None:
        """Count and log a connection that is closed because of a limit."""
        self.reporting.report_closed(reason, client)

    def report_handshake(self, error: OSError, client: ClientAddress) -> None:
        """Count and log a TLS handshake that failed."""
        why = f"TLS handshake failed: {describe_tls_error(error)}"
        self.reporting.report_closed("tls", client, why)

    def report_failure(self, error: BaseException) -> None:
        """Count and log a bug in a handler."""
        self.reporting.report_failure("an HTTP answer", error)

    def answered(self, status: int) -> None:
        """Count a response."""
        self.responses[int(status)] += 1

    def error_response(self, status: HTTPStatus) -> bytes:
        """The response to what cannot be handled."""
        return raw_response(status, self._error_format(status, ""), self.headers)

    def busy_response(self) -> bytes:
        """The response to a client whose connection is closed because of a limit."""
        self.answered(HTTPStatus.SERVICE_UNAVAILABLE)
        problem = self._error_format(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
        headers = {**self.headers, hdrs.RETRY_AFTER: RETRY_AFTER}
        return raw_response(HTTPStatus.SERVICE_UNAVAILABLE, problem, headers)

    # --- requests -----------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, HTTPConnection):
            request.protocol.begin_request(request.content)
        return await self._handler(request)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await check_request(request, self.rules)
            return await handler(request)
        except HTTPProblem as problem:
            return self._error(problem.status, problem.detail, problem.headers)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            kept = {str(each): error.headers[each] for each in _KEPT if each in error.headers}
            standard = f"{error.status}: {error.reason}"
            detail = error.text if error.text and error.text != standard else ""
            return self._error(HTTPStatus(error.status), detail, kept)
        except (ConnectionError, asyncio.CancelledError):  # the client disconnected
            raise
        except BaseException as error:
            if request.writer.output_size:  # a stream: its connection is closed
                if isinstance(error, Exception):
                    raise
                raise RuntimeError(failure_text(error)) from error  # not the end of the loop
            self.report_failure(error)
            return self._error(HTTPStatus.INTERNAL_SERVER_ERROR, "", {})

    def _error(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        content_type, body = self._error_format(status, detail)
        fields = {**headers, hdrs.CONTENT_TYPE: content_type}
        return web.Response(status=status, body=body, headers=fields)


_KEPT: Final = (hdrs.ALLOW, hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE)
"""Headers of aiohttp's own errors that are passed on."""


def making_room(request: web.BaseRequest) -> AbstractContextManager[None]:
    """Meanwhile the connection of a request may be closed to make room for another one.

    Also after its upgrade to a WebSocket, as long as nobody knows whether the client has access.
    """
    connection = request.protocol
    assert isinstance(connection, HTTPConnection)
    return connection.making_room()


async def _prepare_response(request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(request.protocol, HTTPConnection):
        request.protocol.prepare_response(response)


def _eviction_order(wire: ClientWire) -> tuple[bool, float]:
    return not wire.is_idle, wire.reading_since or 0.0

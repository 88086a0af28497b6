"""Health and metrics over HTTP.

================ ===========================================================================
``/healthz``     200 while the event loop runs
``/readyz``      200, or 503 with one line per problem
``/metrics``     metrics for Prometheus
================ ===========================================================================

Imported on demand: its dependencies take a tenth of a second to load.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

import h11

from oscbridge.dispatch.handler import ClientAddress
from oscbridge.dispatch.statistics import Reporting
from oscbridge.logs.format import visible
from oscbridge.monitoring.http_connection import Answer, HTTPConnection, HTTPLimits, plain
from oscbridge.monitoring.metrics import HTTPCounters, Metrics
from oscbridge.monitoring.status import Reloads, Status
from oscbridge.net.acceptor import Acceptor, listen
from oscbridge.net.any_host import is_any_host
from oscbridge.net.hosts import HostPolicy
from oscbridge.net.url import HostPort

__all__ = ["HTTPServer"]

SHARE: Final = 0.1
"""Share of the event loop's time for responses when clients flood it with requests."""

STOP_TIMEOUT: Final = 0.5
"""Seconds to send responses when the server stops; then connections are aborted."""

_log: Final = logging.getLogger(__name__)

_METHODS: Final = (b"GET", b"HEAD")
_ALLOW: Final = ("Allow", "GET, HEAD, OPTIONS")
_VERSIONS: Final = (b"1.0", b"1.1")


class HTTPServer:
    """Serves health and metrics of ``status`` on the running loop. ``listen`` may have port 0.

    ``hosts`` are names under which clients may address it, besides the host of ``listen`` and
    those that :class:`HostPolicy` accepts anyway. ``reloads`` returns the reload counters.
    """

    limits = HTTPLimits()
    """Limits for clients. May be overridden."""

    def __init__(
        self,
        listen: HostPort,
        status: Callable[[], Status],
        *,
        hosts: Collection[str] = (),
        reloads: Callable[[], Reloads] = Reloads,
    ) -> None:
        self._listen = listen
        named = () if is_any_host(listen.host) else (listen.host,)  # in a policy, "*" is any name
        self._policy = HostPolicy((*named, *hosts))
        self._status = status
        self._reporting = Reporting(_log)
        self._reporting.part = "http"
        self._responses: Counter[int] = Counter()
        self._metrics = Metrics(status, self._counters, reloads)
        self._acceptors: list[Acceptor] = []
        self._connections: dict[HTTPConnection, None] = {}
        self._stopped = False
        self._asked: dict[HTTPConnection, h11.Request] = {}  # in order
        self._turn: asyncio.TimerHandle | None = None
        self._free_at = 0.0
        self._pages: dict[bytes, Callable[[h11.Request], Answer]] = {
            b"/healthz": self._healthz,
            b"/readyz": self._readyz,
            b"/metrics": self._show_metrics,
        }

    @property
    def address(self) -> HostPort:
        """Where it listens, with the port chosen by the system for port 0."""
        for acceptor in self._acceptors:
            return self._listen._replace(port=acceptor.socket.getsockname()[1])
        return self._listen

    @property
    def connections(self) -> int:
        """Number of connected clients."""
        return len(self._connections)

    @property
    def reporting(self) -> Reporting:
        """Counters and rate-limited log of its clients. :meth:`stop` flushes it."""
        return self._reporting

    async def start(self) -> None:
        """Bind, and serve in the background until :meth:`stop`. Raises ``OSError``."""
        if self._acceptors:
            return
        self._stopped = False
        try:
            sockets = await listen(*self._listen)
        except UnicodeError as error:  # not a valid host name
            raise OSError(f"{self._listen.host!r} is not a valid host: {error}") from error
        self._acceptors = [
            Acceptor(sock, self._reporting, self._new_connection, self._refusal) for sock in sockets
        ]
        for acceptor in self._acceptors:
            await acceptor.start()

    async def stop(self) -> None:
        """Stop accepting, send pending responses, and close all connections."""
        self._stopped = True
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            await acceptor.close()
        for end in (HTTPConnection.close, HTTPConnection.abort):
            left = tuple(self._connections)
            for connection in left:
                end(connection)
            if left:
                await asyncio.wait([each.closed for each in left], timeout=STOP_TIMEOUT)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._reporting.flush_reports(everything=True)

    # --- connections --------------------------------------------------------------------------

    def _new_connection(self) -> HTTPConnection:
        return HTTPConnection(self)

    def _refusal(self, _client: ClientAddress) -> str:
        """The reason to reject a client; empty to accept it."""
        if self.connections < self.limits.max_connections:
            return ""
        reading = [each for each in self._connections if each.reading_since is not None]
        # Idle ones first; then those that send their request slowest: a health check is quick.
        oldest = min(reading, key=_eviction_order, default=None)
        if oldest is None:
            return "max_connections"
        if not oldest.is_idle:
            self.report_closed("max_connections", oldest.client)
        self.leave(oldest)
        oldest.abort()
        return ""

    def enter(self, connection: HTTPConnection, client: ClientAddress) -> bool:
        if self._stopped:  # accepted just before the stop
            return False
        reason = self._refusal(client)  # again: others may have connected meanwhile
        if reason:
            self.report_closed(reason, client)
            return False
        self._connections[connection] = None
        return True

    def leave(self, connection: HTTPConnection) -> None:
        self._connections.pop(connection, None)
        self._asked.pop(connection, None)

    def report_closed(self, reason: str, client: ClientAddress) -> None:
        self._reporting.report_closed(reason, client)

    def answered(self, status: int) -> None:
        self._responses[status] += 1

    def _counters(self) -> HTTPCounters:
        closed = dict(self._reporting.statistics.closed)
        return HTTPCounters(dict(self._responses), closed, self.connections)

    # --- pages --------------------------------------------------------------------------------

    def ask(self, connection: HTTPConnection, request: h11.Request) -> None:
        self._asked[connection] = request
        self._take_turns()

    def _take_turns(self) -> None:
        """Answer the next request as soon as responses have used no more than their share."""
        if self._turn is None and self._asked:
            loop = asyncio.get_running_loop()
            self._turn = loop.call_at(max(self._free_at, loop.time()), self._answer_next)

    def _answer_next(self) -> None:
        self._turn = None
        if not self._asked:  # all disconnected
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        connection = next(iter(self._asked))
        request = self._asked.pop(connection)
        try:
            connection.answer(request, self._answer(request, connection.local_address))
        finally:
            now = loop.time()
            self._free_at = now + (now - started) / SHARE
            self._take_turns()

    def _answer(self, request: h11.Request, local_address: str) -> Answer:
        try:
            return self._reject_foreign(request, local_address) or self._find(request)
        except Exception as error:
            self._reporting.report_failure("an HTTP answer", error)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _reject_foreign(self, request: h11.Request, local_address: str) -> Answer | None:
        """An error for a request under another's name or from another site's page."""
        if request.http_version not in _VERSIONS:
            return plain(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        headers = {name: value.decode("latin-1") for name, value in request.headers}
        host = headers.get(b"host")
        if not self._policy.accepts_host(host):
            fix = "add it to 'hosts' in [http], or use the IP address"
            return plain(HTTPStatus.MISDIRECTED_REQUEST, f"Unknown host name; {fix}.\n")
        if not self._policy.accepts_origin(headers.get(b"origin"), host, local_address):
            return plain(HTTPStatus.FORBIDDEN, "Pages of other sites are not allowed here.\n")
        return None

    def _find(self, request: h11.Request) -> Answer:
        page = self._pages.get(request.target.partition(b"?")[0])
        if page is None:
            known = " ".join(path.decode() for path in self._pages)
            return plain(HTTPStatus.NOT_FOUND, f"Not found. Available: {known}\n")
        if request.method == b"OPTIONS":
            # Load balancers check health with it: the status is that of GET.
            status = HTTPStatus.OK if page == self._show_metrics else page(request).status
            return Answer(status, b"", headers=(_ALLOW,))
        if request.method not in _METHODS:
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, "", _ALLOW)
        return page(request)

    def _healthz(self, _request: h11.Request) -> Answer:
        return plain(HTTPStatus.OK, "ok\n")

    def _readyz(self, _request: h11.Request) -> Answer:
        status = self._status()
        problems = status.problems or ("ready",)
        warnings = [f"warning: {each}" for each in status.warnings]
        lines = "".join(f"{visible(each)}\n" for each in (*problems, *warnings))
        code = HTTPStatus.SERVICE_UNAVAILABLE if status.problems else HTTPStatus.OK
        return plain(code, lines)

    def _show_metrics(self, request: h11.Request) -> Answer:
        accept = b",".join(value for name, value in request.headers if name == b"accept")
        body, content_type = self._metrics.render(accept.decode("ascii", "ignore"))
        return Answer(HTTPStatus.OK, body, content_type)


def _eviction_order(connection: HTTPConnection) -> tuple[bool, float]:
    return not connection.is_idle, connection.reading_since or 0.0

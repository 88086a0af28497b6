"""Health and metrics over HTTP, and the pages of a plugin.

================ ===========================================================================
``/healthz``     200 while the event loop runs
``/readyz``      200, or 503 with one line per problem; ``role: leader`` or ``role: standby; ...``
``/metrics``     metrics for Prometheus
================ ===========================================================================

Imported on demand: its dependencies take a tenth of a second to load.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from socket import socket
from typing import Final

from aiohttp import hdrs, web

from oscbridge.access.control import AccessControl
from oscbridge.dispatch.statistics import Reporting
from oscbridge.http.errors import PLAIN_TEXT, HTTPProblem, plain_error
from oscbridge.http.front import HTTPFront
from oscbridge.http.limits import HTTPLimits
from oscbridge.http.loop_share import LoopShare
from oscbridge.http.refusals import Refusals
from oscbridge.http.rules import HTTPRules
from oscbridge.logs.format import visible
from oscbridge.monitoring.site import Site
from oscbridge.net.allowlist import AllowList
from oscbridge.net.certificate import CertificateInfo
from oscbridge.net.hosts import HostPolicy
from oscbridge.net.url import HostPort
from oscbridge.status.metrics import HTTPCounters, Metrics
from oscbridge.status.status import Reloads, Status

__all__ = ["HTTPServer"]

SHARE: Final = 0.1
"""Share of the event loop's time for responses when clients flood it with requests."""

ROLE: Final = "role: "
"""How the line begins that is about the role of a bridge with a backup."""

_log: Final = logging.getLogger(__name__)

_PATHS: Final = dict.fromkeys(("/healthz", "/readyz", "/metrics")).keys()  # in this order
_NO_PROXIES: Final = AllowList()
_METHODS: Final = ("GET", "HEAD")
_ALLOW: Final = {"Allow": "GET, HEAD, OPTIONS"}
_ALLOW_PAGES: Final = {"Allow": "GET, HEAD"}


class HTTPServer:
    """Serves health and metrics of ``status`` on the running loop. ``listen`` may have port 0.

    ``hosts`` are names under which clients may address it, besides the host of ``listen`` and
    those that :class:`HostPolicy` accepts anyway. ``reloads`` returns the reload counters.
    ``access`` decides about everything but these pages, which ask for no token. ``site`` has
    further pages, and decides about them itself. With ``root_path`` all pages are below it too.
    """

    limits = HTTPLimits()
    """Limits for clients. May be overridden."""

    def __init__(
        self,
        listen: HostPort,
        status: Callable[[], Status],
        *,
        hosts: Collection[str] = (),
        trusted_proxies: AllowList = _NO_PROXIES,
        tls: ssl.SSLContext | None = None,
        reloads: Callable[[], Reloads] = Reloads,
        access: AccessControl | None = None,
        refusals: Refusals | None = None,
        site: Site | None = None,
        root_path: str = "",
    ) -> None:
        self._listen = listen
        self._site = site
        self._root_path = root_path
        self._access = access
        self._refusals = refusals or Refusals(_log, "http")
        self._site_pages = {} if site is None else site.pages
        self._rules = self._make_rules(hosts, trusted_proxies, tls)
        self._tls = tls
        self.certificates: Mapping[str, CertificateInfo] = {}
        """Its certificates by key, for the metrics."""
        self._status = status
        self._metrics = Metrics(status, self._counters, reloads)
        self._share = LoopShare(SHARE)
        self._front = self._make_front()
        pages = (self._healthz, self._readyz, self._show_metrics)
        self._pages = dict(zip(_PATHS, pages, strict=True))

    def _make_rules(
        self, hosts: Collection[str], trusted_proxies: AllowList, tls: ssl.SSLContext | None
    ) -> HTTPRules:
        if tls is not None and not hosts:
            hosts = ("*",)  # a rebound page has no certificate for its name
        return HTTPRules(
            HostPolicy.of_listener(self._listen.host, hosts),
            "[http]",
            access=self._access,
            open_paths=self._open_paths(),
            trusted_proxies=trusted_proxies,
            refused=self._refusals.refused,
        )

    def _open_paths(self) -> frozenset[str]:
        paths = (*_PATHS, *self._site_pages)
        below = {f"{self._root_path}{path}" for path in paths}
        return frozenset((*paths, *below, *({self._root_path} if self._site_pages else ())))

    def _make_front(self) -> HTTPFront:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        front = HTTPFront(
            app,
            self._rules,
            _log,
            limits=self.limits,
            tls=self._tls,
            error_format=plain_error,
        )
        front.reporting.part = "http"
        return front

    @property
    def address(self) -> HostPort:
        """Where it listens, with the port chosen by the system for port 0."""
        return self._listen._replace(port=self._front.port or self._listen.port)

    @property
    def connections(self) -> int:
        """Number of connected clients."""
        return self._front.connections

    @property
    def reporting(self) -> Reporting:
        """Counters and rate-limited log of its clients. :meth:`stop` flushes it."""
        return self._front.reporting

    async def start(self, sockets: Sequence[socket] = ()) -> None:
        """Serve in the background until :meth:`stop`. Raises ``OSError``.

        ``sockets``: those that listen already; otherwise it binds its own.
        """
        if self._front.port:
            return
        self._front = self._make_front()
        await self._front.start(sockets or self._listen)

    async def stop(self) -> None:
        """Stop accepting, send pending responses, and close all connections."""
        if self._site is not None:
            await self._site.close()
        await self._front.stop()

    def access_changed(self) -> None:
        """A reload has changed the valid tokens."""
        if self._site is not None:
            self._site.access_changed()

    def update(
        self, *, hosts: Collection[str], trusted_proxies: AllowList, tls: ssl.SSLContext | None
    ) -> None:
        """Use these from now on; ``tls`` for new connections."""
        self._front.rules = self._rules = self._make_rules(hosts, trusted_proxies, tls)
        self._front.tls = self._tls = tls
        if self._site is not None and self._site.access.trusted_proxies != trusted_proxies:
            self._site.access.trusted_proxies = trusted_proxies
            self._site.access_changed()  # the ingress of a proxy may be trusted no longer

    def _counters(self) -> HTTPCounters:
        closed = dict(self.reporting.statistics.closed)
        ends = {key: info.end.timestamp() for key, info in self.certificates.items()}
        return HTTPCounters(
            dict(self._front.responses), closed, self.connections, self._refusals.count, ends
        )

    # --- pages --------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        # The path as it was sent: there is one way to write each.
        path = request.raw_path.partition("?")[0]
        if self._root_path and path == self._root_path and self._site_pages:
            raise web.HTTPPermanentRedirect(f"{path}/")  # addresses on the pages are relative
        if self._root_path and path.startswith(f"{self._root_path}/"):
            path = path.removeprefix(self._root_path)
        if (handler := self._site_pages.get(path)) is not None:
            if request.method not in _METHODS:
                raise HTTPProblem(HTTPStatus.METHOD_NOT_ALLOWED, "", _ALLOW_PAGES)
            return await handler(request)
        page = self._pages.get(path)
        if page is None:
            available = " ".join(self._pages)
            raise HTTPProblem(HTTPStatus.NOT_FOUND, f"Not found. Available: {available}")
        if request.method == hdrs.METH_OPTIONS:
            # Load balancers check health with it: the status is that of GET.
            status = HTTPStatus.OK
            if page != self._show_metrics:
                status = HTTPStatus((await self._share.run(lambda: page(request))).status)
            return web.Response(status=status, headers={**_ALLOW, hdrs.CONTENT_TYPE: PLAIN_TEXT})
        if request.method not in _METHODS:
            raise HTTPProblem(HTTPStatus.METHOD_NOT_ALLOWED, "", _ALLOW)
        return await self._share.run(lambda: page(request))

    def _healthz(self, _request: web.Request) -> web.Response:
        return _text(HTTPStatus.OK, "ok\n")

    def _readyz(self, _request: web.Request) -> web.Response:
        status = self._status()
        problems = status.problems or ("ready",)
        role = () if status.leader is None else (f"{ROLE}{status.leader.text}",)
        warnings = [f"warning: {each}" for each in status.warnings]
        lines = "".join(f"{visible(each)}\n" for each in (*problems, *role, *warnings))
        code = HTTPStatus.SERVICE_UNAVAILABLE if status.problems else HTTPStatus.OK
        return _text(code, lines)

    def _show_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        body, content_type = self._metrics.render(accept.encode("ascii", "ignore").decode())
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


def _text(status: HTTPStatus, text: str) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: PLAIN_TEXT}
    body = text.encode("utf-8", "backslashreplace")
    return web.Response(status=status, body=body, headers=headers)

"""Health and metrics over HTTP as configured: started, tried again, and reloaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from socket import socket
from typing import TYPE_CHECKING, Final, cast

from oscbridge.access.control import AccessControl
from oscbridge.access.rights import EVERY_RIGHT
from oscbridge.access.token import AccessToken, digest_of
from oscbridge.access.token_failures import TokenFailures
from oscbridge.bridge.cancellation import is_ending
from oscbridge.bridge.config.certificates import certificates_of, new_certificates
from oscbridge.bridge.config.process_models import HTTPOptions
from oscbridge.bridge.config.tokens import HTTP
from oscbridge.bridge.reload import Changes
from oscbridge.errors import OSCBridgeError
from oscbridge.http.refusals import Refusals
from oscbridge.monitoring.generated_token import generated_secret
from oscbridge.monitoring.operations import Operations
from oscbridge.monitoring.site_import import import_site
from oscbridge.net.acceptor import listen
from oscbridge.net.hosts import is_loopback
from oscbridge.net.os_errors import what_failed
from oscbridge.status.status import Reloads, Status

if TYPE_CHECKING:
    from ssl import SSLContext

    from oscbridge.monitoring.http_server import HTTPServer
    from oscbridge.monitoring.site import Site

__all__ = ["HTTPService"]

LOAD_DELAY: Final = 0.5
"""Seconds that the bridge may take to start before the server is loaded meanwhile."""

_log: Final = logging.getLogger(__name__)


@dataclass
class _Listening:
    """Sockets that listen, and the server that answers once it is loaded."""

    options: HTTPOptions
    sockets: Sequence[socket]
    tls: SSLContext | None
    server: HTTPServer | None = None
    starting: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        port: int = self.sockets[0].getsockname()[1]
        return port


class HTTPService:
    """Runs the server of ``[http]``, or none."""

    def __init__(
        self,
        status: Callable[[], Status],
        reloads: Callable[[], Reloads],
        failures: TokenFailures,
        operations: Operations | None = None,
        sites: Mapping[str, str] | None = None,
    ) -> None:
        """``failures``: the wrong tokens at all fronts. ``sites``: the sites of plugins by name,
        as paths of their classes; they get ``operations``."""
        self._status = status
        self._reloads = reloads
        self._refusals = Refusals(_log, HTTP)
        self._access = AccessControl(HTTP, failures, self._refusals.refused)
        self._operations = operations
        self._sites = sites or {}
        self._site_path = next(iter(self._sites.values()), "")
        self._tokens: Sequence[AccessToken] = ()
        self._secret = ""
        """That of the generated token, once it was needed."""
        self._listening: _Listening | None = None
        self._may_load = asyncio.Event()
        self.options: HTTPOptions | None = None
        """The active options; None if nothing is to be served."""

    @property
    def address(self) -> str:
        """URL of health and metrics; empty if they are not served."""
        if self._listening is None:
            return ""
        options, port = self._listening.options, self._listening.port
        return f"{options.scheme}://{options.listen._replace(port=port)}"

    @property
    def port(self) -> int:
        """The port of that; 0 if they are not served."""
        return 0 if self._listening is None else self._listening.port

    @property
    def has_site(self) -> bool:
        """Whether a plugin offers pages."""
        return bool(self._site_path)

    @property
    def generated_secret(self) -> str:
        """The secret of the token that is valid because the configuration has none; else empty."""
        return self._secret if self._needs_token() else ""

    @property
    def refused(self) -> int:
        """Number of requests that were refused."""
        return self._refusals.count

    def flush_reports(self) -> None:
        """Log overdue summaries. To be called about once per second."""
        self._refusals.flush()
        if self._listening is not None and self._listening.server is not None:
            self._listening.server.reporting.flush_reports()

    async def open(self, options: HTTPOptions | None) -> None:
        """Listen with these options; clients are answered soon after :meth:`bridge_started`.

        The bridge comes first, as the server takes a while to load. If the bridge takes long,
        clients are answered meanwhile. Raises :class:`OSCBridgeError`.
        """
        if options is not None:
            await self._listen(options, is_first=True)

    def bridge_started(self) -> None:
        """The bridge has started: the server may be loaded."""
        self._may_load.set()

    async def close(self) -> None:
        """Serve nothing more."""
        await self._close(self._listening)
        self._listening = self.options = None
        self._refusals.flush(everything=True)

    def set_tokens(self, tokens: Sequence[AccessToken]) -> None:
        """Use these tokens from now on."""
        self._tokens = tokens
        self._apply_tokens()

    def _needs_token(self) -> bool:
        """Whether one must be generated: others reach the site, and no token is valid for it."""
        options = self.options
        if not self.has_site or options is None or is_loopback(options.listen.host):
            return False
        return not any(each.is_valid_at(HTTP) for each in self._tokens)

    def _apply_tokens(self) -> None:
        tokens = list(self._tokens)
        if self._needs_token():
            self._secret = self._secret or generated_secret()
            digest = digest_of(self._secret)
            tokens.append(AccessToken("generated", digest, EVERY_RIGHT, frozenset((HTTP,))))
        server = None if self._listening is None else self._listening.server
        if self._access.set_tokens(tokens) and server is not None:
            server.access_changed()

    async def serve(self, options: HTTPOptions | None) -> None:
        """Serve with other options, or no more.

        Raises :class:`OSCBridgeError`; then a server on another port keeps running.
        """
        old = self._listening
        if options is None or (old is not None and options.listen.port == old.port):
            await self.close()
            old = None
        if options is None:
            return
        if await self._listen(options, is_first=True):
            await self._started()
        await self._close(old)

    async def try_to_serve(self, options: HTTPOptions | None) -> tuple[str, ...]:
        """Like :meth:`serve` where rejecting is too late. Returns the problems."""
        try:
            await self.serve(options)
        except OSCBridgeError as error:  # another process took the port
            return (str(error),)
        return ()

    async def retry(self) -> None:
        """Try again if it could not listen."""
        if self._listening is not None or self.options is None:
            return
        if await self._listen(self.options, is_first=False):
            _log.info("http: serving %s", self.address)

    def can_update(self, options: HTTPOptions | None) -> bool:
        """Whether :meth:`update` can apply other options, so that no connection is closed."""
        old = self.options
        if old is None or options is None:
            return old is options
        served = (options.listen, options.scheme, options.root_path)
        return (old.listen, old.scheme, old.root_path) == served

    async def update(self, options: HTTPOptions | None, changes: Changes) -> Changes:
        """Use other options from now on, and what their files contain now."""
        self.options = options
        self._apply_tokens()
        if self._listening is None or options is None:
            return changes
        self._listening.options = options
        await self._started()
        server = self._listening.server
        if server is None:
            return changes
        try:
            server.update(
                hosts=options.hosts, trusted_proxies=options.trusted_proxies, tls=options.tls()
            )
        except ValueError as error:  # the files have changed since the options were validated
            return replace(changes, problems=(*changes.problems, f"http: {error}"))
        before, server.certificates = server.certificates, certificates_of(options)
        lines = new_certificates("http", before, server.certificates)
        return replace(changes, certificates=(*changes.certificates, *lines))

    # --- a server -----------------------------------------------------------------------------

    async def _listen(self, options: HTTPOptions, *, is_first: bool) -> bool:
        """Listen, and load the server in the background. Returns whether it listens."""
        try:
            tls = options.tls()
            sockets = await listen(*options.listen)
        except ValueError as error:  # the files have changed since the options were validated
            raise OSCBridgeError(f"http: {error}") from None
        except OSError as error:
            text = f"http: {options.listen}: {what_failed(error)}"
            if options.on_start != "retry":
                raise OSCBridgeError(text) from error
            if is_first:
                _log.error("%s; retrying", text)
            self._listening, self.options = None, options
            return False
        listening = _Listening(options, sockets, tls)
        listening.starting = asyncio.create_task(self._start(listening))
        self._listening, self.options = listening, options
        self._apply_tokens()
        return True

    async def _start(self, listening: _Listening) -> None:
        try:
            async with asyncio.timeout(LOAD_DELAY):
                await self._may_load.wait()
        except TimeoutError:
            pass
        options = listening.options
        try:
            # Imported on demand and off the event loop, because it takes a while.
            module = await asyncio.to_thread(import_module, "oscbridge.monitoring.http_server")
            site = await self._make_site(options)
            server = cast(
                "HTTPServer",
                module.HTTPServer(
                    options.listen,
                    self._status,
                    hosts=options.hosts,
                    trusted_proxies=options.trusted_proxies,
                    tls=listening.tls,
                    reloads=self._reloads,
                    access=self._access,
                    refusals=self._refusals,
                    site=site,
                    root_path=options.root_path,
                ),
            )
            server.certificates = certificates_of(options)
            await server.start(listening.sockets)
        except Exception:
            _log.exception("http: the server cannot be started")
            return
        listening.server = server

    async def _make_site(self, options: HTTPOptions) -> Site | None:
        """The pages of a plugin. A broken one is logged, and the rest is served."""
        if not self._site_path or self._operations is None:
            return None
        name, *ignored = self._sites
        if ignored:
            text = "http: the pages of %r are served; those of %s are not: uninstall one of them"
            _log.warning(text, name, ", ".join(map(repr, ignored)))
        try:
            found = await asyncio.to_thread(import_site, self._site_path)
            access = await asyncio.to_thread(import_module, "oscbridge.monitoring.site_access")
            return found(
                self._operations,
                access.SiteAccess(self._access, options.trusted_proxies),
                logging.getLogger(f"{_log.name.rpartition('.')[0]}.site"),
            )
        except BaseException as error:
            if is_ending(error):
                raise
            _log.exception("http: the pages of %s cannot be served", self._site_path)
            return None

    async def _started(self) -> None:
        """Wait until the server answers."""
        self._may_load.set()
        if self._listening is not None and self._listening.starting is not None:
            await asyncio.wait([self._listening.starting])

    async def _close(self, listening: _Listening | None) -> None:
        if listening is None:
            return
        if listening.starting is not None:
            listening.starting.cancel()
            await asyncio.wait([listening.starting])
        if listening.server is not None:
            await listening.server.stop()
        for sock in listening.sockets:
            sock.close()

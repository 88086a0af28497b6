"""Checks requests before a connection becomes a client: Host, Origin, client limit, token."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import MultipleValuesError
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response

import oscbridge
from oscbridge_websocket.connection import AuthResult, Rejection, WebSocketConnection
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.registry import ConnectionRegistry
from oscbridge_websocket.responses import page_response, parse_query, text_response
from oscbridge_websocket.rights import ALL_RIGHTS
from oscbridge_websocket.token_failures import TokenFailures
from oscbridge_websocket.tokens import (
    IN_QUERY,
    AccessGrant,
    TokenStore,
    from_authorization,
    from_subprotocols,
)

__all__ = ["FORBIDDEN", "UNAUTHORIZED", "RequestAuthorizer"]

UNAUTHORIZED: Final = 4401
"""Close code: the token is missing or wrong."""

FORBIDDEN: Final = 4403
"""Close code: the token does not have this right, or is no longer valid."""

TOO_MANY_ATTEMPTS: Final = 4429
"""Close code: this network sent too many wrong tokens."""

MAX_SHOWN: Final = 200
"""The length of a header that is logged or sent back, in characters."""


class RequestAuthorizer:
    """Decides which requests become clients of one endpoint."""

    def __init__(
        self,
        name: str,
        options: WebSocketOptions,
        registry: ConnectionRegistry[WebSocketConnection],
        on_refused: Callable[[str], None],
    ) -> None:
        self._name = name
        self._registry = registry
        self._on_refused = on_refused
        self._failures = TokenFailures()
        self.configure(options)

    def configure(self, options: WebSocketOptions) -> None:
        """Use other options from now on."""
        self._options = options
        self.tokens = TokenStore(options)
        hosts = (options.listen.host, *options.hosts)
        # A rebound page has neither the token nor a certificate for its name.
        if not options.hosts and (self.tokens.required or options.certificate is not None):
            hosts = ("*",)
        self._policy = oscbridge.HostPolicy(hosts, options.origins)

    # --- the token ---------------------------------------------------------------------------

    def check_token(self, token: str, network: str) -> AccessGrant | Rejection:
        """The rights that a token grants. Wrong tokens are counted by network."""
        blocked = self._failures.blocked_for(network)
        if blocked:
            self._on_refused(f"a client from {network}: too many wrong tokens")
            seconds = math.ceil(blocked)
            text = f"too many wrong tokens; retry in {seconds} s"
            return Rejection(TOO_MANY_ATTEMPTS, text, retry_after=seconds)
        grant = self.tokens.find(token)
        if grant is not None:
            return grant
        delay = self._failures.add(network)
        self._on_refused(f"a client from {network}: wrong token")
        return Rejection(UNAUTHORIZED, "wrong token", delay)

    # --- the request -------------------------------------------------------------------------

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """The HTTP response to a request, or None to continue with the WebSocket handshake."""
        assert isinstance(connection, WebSocketConnection)
        try:
            response = self._check_request(connection, request)
            if response is not None:
                return response
            result = self._check_offered_token(connection, request)
        except (MultipleValuesError, InvalidHeader):
            return text_response(400, "Malformed or duplicate header.\n")
        if isinstance(result, Rejection):
            await connection.pause(result.delay)
            if "Authorization" in request.headers:
                # Only programs set this header, and they can read the status. A page cannot;
                # it gets the close code instead.
                return _rejection_response(result)
        connection.auth_result = result
        return None

    def _check_request(self, connection: WebSocketConnection, request: Request) -> Response | None:
        host = request.headers.get("Host")
        if not self._policy.accepts_host(host):
            shown = (host or "").partition(":")[0][:MAX_SHOWN]
            self._on_refused(
                f"a request to host {shown!r}; to allow it: hosts = [{shown!r}] "
                f"in [endpoint.{self._name}]"
            )
            return text_response(
                421, f"Unknown host name; add it to 'hosts' in [endpoint.{self._name}].\n"
            )
        if self.tokens.required and not IN_QUERY.isdisjoint(map(str.lower, parse_query(request))):
            self._on_refused(f"a client from {connection.network}: token in the URL")
            return text_response(
                400,
                "A token in the URL would end up in logs. Send it as a subprotocol, in the "
                "Authorization header, or in the first message.\n",
            )
        if "upgrade" not in request.headers.get("Connection", "").lower():
            return page_response(request, enabled=self._options.page, locked=self.tokens.required)
        return self._check_origin(connection, request, host) or self._check_limit()

    def _check_origin(
        self, connection: WebSocketConnection, request: Request, host: str | None
    ) -> Response | None:
        origin = request.headers.get("Origin")
        if self._policy.accepts_origin(origin, host, connection.local_address[0]):
            return None
        shown = (origin or "")[:MAX_SHOWN]
        self._on_refused(
            f"a page from {shown!r}; to allow it: origins = [{shown!r}] in [endpoint.{self._name}]"
        )
        return text_response(403, f"Pages from {shown} may not connect.\n")

    def _check_limit(self) -> Response | None:
        if not self._registry.is_full:
            return None
        self._on_refused(f"a client: max_connections = {self._options.max_connections} reached")
        return text_response(503, "Too many clients.\n")

    def _check_offered_token(self, connection: WebSocketConnection, request: Request) -> AuthResult:
        if not self.tokens.required:
            return AccessGrant(None, ALL_RIGHTS)
        token = from_authorization(request.headers.get_all("Authorization"))
        if token is None:
            offered = request.headers.get_all("Sec-WebSocket-Protocol")
            token = from_subprotocols(name for each in offered for name in parse_subprotocol(each))
        return None if token is None else self.check_token(token, connection.network)


def _rejection_response(rejection: Rejection) -> Response:
    response = text_response(429 if rejection.retry_after else 401, f"{rejection.reason}\n")
    if rejection.retry_after:
        response.headers["Retry-After"] = str(rejection.retry_after)
    else:
        response.headers["WWW-Authenticate"] = 'Bearer realm="oscbridge"'
    return response

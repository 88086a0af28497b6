"""Checks requests before a connection becomes a client: address, Host, Origin, limits, token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import MultipleValuesError
from websockets.exceptions import InvalidHeader
from websockets.frames import CloseCode
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response

import oscbridge
from oscbridge.http import client_address
from oscbridge_websocket.client_options import parse_client_options
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.protocol import BINARY, JSON
from oscbridge_websocket.registry import ConnectionRegistry
from oscbridge_websocket.rejection import (
    BAD_REQUEST,
    FORBIDDEN,
    UNAUTHORIZED,
    Rejection,
    shorten,
)
from oscbridge_websocket.responses import parse_query, text_response
from oscbridge_websocket.shared_state import AuthResult
from oscbridge_websocket.site import StaticSite
from oscbridge_websocket.tokens import from_subprotocols
from oscbridge_websocket.upgrade import PROXY_SETTINGS, upgrade_problem, upgrade_required

__all__ = ["RequestAuthorizer"]

MAX_SHOWN: Final = 200
"""The length of a header that is logged or sent back, in characters."""

MAX_ORIGIN: Final = 55
"""The length of an Origin in the reason of a close frame, in characters."""


class RequestAuthorizer:
    """Decides which requests become clients of one endpoint."""

    def __init__(
        self,
        name: str,
        registry: ConnectionRegistry[WebSocketConnection],
        on_refused: Callable[[str], None],
        find_control_room: Callable[[str], str],
    ) -> None:
        self._name = name
        self._registry = registry
        self._on_refused = on_refused
        self._find_control_room = find_control_room

    def configure(self, options: WebSocketOptions, access: oscbridge.AccessControl) -> None:
        """Use these options and tokens from now on."""
        self._options, self._access = options, access
        self._site = StaticSite(options, self._find_control_room)
        hosts = options.hosts
        # A rebound page has neither the token nor a certificate for its name.
        if not options.hosts and (access.required or options.certificate is not None):
            hosts = ("*",)
        self._policy = oscbridge.HostPolicy.of_listener(options.listen.host, hosts, options.origins)

    # --- the token ---------------------------------------------------------------------------

    def check_token(
        self, token: str, connection: WebSocketConnection
    ) -> oscbridge.AccessGrant | Rejection:
        """The access that a token gives."""
        result = self._access.check(token, connection.network, _whence(connection))
        if isinstance(result, oscbridge.AccessDenied):
            return Rejection.of(result)
        if not (result.rights.listens or result.rights.sends):
            text = "its token may neither listen nor send"
            self._on_refused(f"a client from {_whence(connection)}: {text}")
            return Rejection(FORBIDDEN, "this token may neither listen nor send")
        return result

    def check_again(
        self, result: oscbridge.AccessGrant | Rejection
    ) -> oscbridge.AccessGrant | Rejection:
        """The result of a check, after a reload that may have happened since."""
        if isinstance(result, Rejection):
            return result
        grant = self._access.renew(result)
        if isinstance(grant, oscbridge.AccessDenied):
            return Rejection(UNAUTHORIZED, "wrong token")
        return grant

    async def delay(self, rejection: Rejection, connection: WebSocketConnection) -> None:
        """Wait before a wrong token is answered."""
        if rejection.denied is not None:
            await self._access.delay(rejection.denied, connection.network, connection.pause)

    # --- the request -------------------------------------------------------------------------

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """The HTTP response to a request, or None to continue with the WebSocket handshake."""
        assert isinstance(connection, WebSocketConnection)
        try:
            found = self._check_request(connection, request)
            if found is None and _is_plain(request):
                return await self._site.respond(connection, request)
            result = found or self._check_offered_token(connection, request)
        except (MultipleValuesError, InvalidHeader):
            return text_response(400, "Malformed or duplicate header.\n")
        if isinstance(result, Response):
            return result
        if isinstance(result, Rejection):
            await self.delay(result, connection)
            if found is None and "Authorization" in request.headers:
                # Only programs set this header, and they can read the status. A page cannot;
                # it gets the close code instead.
                return _rejection_response(result)
            connection.reject(result)
        else:
            connection.auth_result = result
        return None

    def _check_request(
        self, connection: WebSocketConnection, request: Request
    ) -> Response | Rejection | None:
        host = request.headers.get("Host")
        found = self._check_address(connection, request)
        if found is not None:
            return found
        if not self._policy.accepts_host(host):
            shown = (host or "").partition(":")[0][:MAX_SHOWN]
            self._on_refused(
                f"a request to host {shown!r}; to allow it: hosts = [{shown!r}] "
                f"in [endpoint.{self._name}]"
            )
            return text_response(
                421, f"Unknown host name; add it to 'hosts' in [endpoint.{self._name}].\n"
            )
        if self._access.required and oscbridge.has_token_in_query(parse_query(request)):
            self._on_refused(f"a client from {_whence(connection)}: token in the URL")
            text = (
                "A token in the URL would end up in logs. Send it as a subprotocol, in the "
                "Authorization header, or in the first message.\n"
            )
            if _is_page(request):
                return Rejection(BAD_REQUEST, "a token in the URL would end up in logs")
            return text_response(400, text)
        if problem := upgrade_problem(request):
            self._on_refused(
                f"a WebSocket request from {_whence(connection)}, which a reverse proxy changed: "
                f"{problem}; set there {PROXY_SETTINGS}"
            )
            return upgrade_required(problem)
        return None if _is_plain(request) else self._check_client(connection, request, host)

    def _check_address(
        self, connection: WebSocketConnection, request: Request
    ) -> Response | Rejection | None:
        """Find the address of the client, and apply the allow list and its limit."""
        peer, options = connection.remote_address[0], self._options
        refusal, status = "", 503
        address = peer
        if connection.via:
            forwarded = request.headers.get_all("X-Forwarded-For")
            address = client_address(peer, forwarded, options.trusted_proxies)
            if address != peer:
                refusal = self._registry.move(connection, oscbridge.network_of(address))
        if options.allow and address not in options.allow:
            refusal, status = f"a client from {address}: it is not in 'allow'", 403
        if not refusal:
            return None
        self._on_refused(refusal)
        if _is_page(request):
            if status == 403:
                return Rejection(FORBIDDEN, "this address may not connect: it is not in 'allow'")
            return Rejection(CloseCode.TRY_AGAIN_LATER, "too many connections")
        return text_response(status, "Too many connections.\n" if status == 503 else "Forbidden.\n")

    def _check_client(
        self, connection: WebSocketConnection, request: Request, host: str | None
    ) -> Response | Rejection | None:
        origin = request.headers.get("Origin")
        if not self._policy.accepts_origin(origin, host, connection.local_address[0]):
            return self._reject_origin(origin or "")
        if self._registry.is_full:
            limit = self._options.max_connections
            self._on_refused(f"a client: max_connections = {limit} reached")
            if origin is None:
                return text_response(503, "Too many clients.\n")
            return Rejection(CloseCode.TRY_AGAIN_LATER, "too many clients")
        offered = _offered(request)
        json = next((name == JSON for name in offered if name in (JSON, BINARY)), None)
        options = parse_client_options(parse_query(request), self._options, json=json)
        if isinstance(options, Rejection):
            self._on_refused(f"a client from {_whence(connection)}: {options.reason}")
            return options
        connection.client_options = options
        if origin is not None and offered and json is None:
            # A browser ends a connection for which none of its subprotocols was selected.
            self._on_refused(f"a page from {origin[:MAX_SHOWN]!r}: unknown subprotocol")
            return Rejection(BAD_REQUEST, "unknown subprotocol; offer osc.json or osc.binary")
        return None

    def _reject_origin(self, origin: str) -> Rejection:
        shown = origin[:MAX_SHOWN]
        self._on_refused(
            f"a page from {shown!r}; to allow it: origins = [{shown!r}] in [endpoint.{self._name}]"
        )
        page = shorten(origin, MAX_ORIGIN)
        what = "pages from files" if origin == "null" else "pages of this site"
        return Rejection(FORBIDDEN, f'{what} may not connect; to allow them: origins = ["{page}"]')

    def _check_offered_token(self, connection: WebSocketConnection, request: Request) -> AuthResult:
        if not self._access.required:
            return oscbridge.OPEN_ACCESS
        values = request.headers.get_all("Authorization")
        # The library decodes header bytes as Latin-1, but the token may be UTF-8.
        token = oscbridge.bearer_token([each.encode("latin-1", "replace") for each in values])
        if token is None:
            token = from_subprotocols(_offered(request))
        return None if token is None else self.check_token(token, connection)


def _offered(request: Request) -> list[str]:
    values = request.headers.get_all("Sec-WebSocket-Protocol")
    return [name for each in values for name in parse_subprotocol(each)]


def _is_plain(request: Request) -> bool:
    """Whether a request is for HTTP, not for WebSocket.

    Proxies that are set up for WebSocket send ``Connection: upgrade`` with every request.
    """
    headers = request.headers
    return "upgrade" not in headers.get("Connection", "").lower() or not headers.get("Upgrade")


def _is_page(request: Request) -> bool:
    """Whether a page wants a WebSocket: it sees close codes, but no HTTP status."""
    return "Origin" in request.headers and not _is_plain(request)


def _whence(connection: WebSocketConnection) -> str:
    """Where a connection comes from, and its page, for the log."""
    request = connection.request
    origin = None if request is None else request.headers.get("Origin")
    via = f" via {connection.via}" if connection.via not in ("", connection.network) else ""
    page = f" (page {origin[:MAX_SHOWN]!r})" if origin is not None else ""
    return f"{connection.network}{via}{page}"


def _rejection_response(rejection: Rejection) -> Response:
    response = text_response(rejection.status, f"{rejection.reason}\n")
    if rejection.denied is not None:
        response.headers.update(rejection.denied.headers)
    return response

"""Access to the pages of ``[http]`` that a plugin offers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from oscbridge.access.control import AccessControl
from oscbridge.access.grant import AccessDenied, AccessGrant
from oscbridge.access.rights import EVERY_RIGHT
from oscbridge.http.connection import HTTPConnection
from oscbridge.http.forwarded import is_forwarded
from oscbridge.net.allowlist import AllowList
from oscbridge.net.client_address import client_address
from oscbridge.net.client_network import network_of
from oscbridge.net.hosts import is_loopback

__all__ = ["INGRESS", "SiteAccess"]

INGRESS: Final = "X-Ingress-Path"
"""The header by which Home Assistant's ingress passes on requests of its users."""

_EVERYTHING: Final = AccessGrant(None, EVERY_RIGHT)
_PROXIED: Final = AccessDenied(
    HTTPStatus.FORBIDDEN,
    "this request comes through a proxy, where a token is needed: add a [[token]] to the "
    "configuration",
)
_REQUIRED: Final = AccessDenied(HTTPStatus.UNAUTHORIZED, "a token is now required")
_REMOTE: Final = AccessDenied(
    HTTPStatus.FORBIDDEN, "a token is needed: add a [[token]] to the configuration"
)


class SiteAccess:
    """The access of the clients of a site.

    Without tokens this machine may do everything: the server listens on a loopback address then.
    What a proxy passes on never counts as from this machine. A trusted proxy that adds
    ``X-Ingress-Path`` has logged in its user, who may do everything.
    """

    def __init__(self, access: AccessControl, trusted_proxies: AllowList) -> None:
        self.trusted_proxies = trusted_proxies
        self._access = access

    def without_token(self, request: web.Request) -> AccessGrant | AccessDenied | None:
        """The access that a request has without a token; None if it needs one."""
        peer = _peer(request)
        if INGRESS in request.headers and peer in self.trusted_proxies:
            return _EVERYTHING
        if self._access.required:
            return self._access.token_in_url(request.query, self.client(request))
        if is_forwarded(request.headers):
            return _PROXIED
        return _EVERYTHING if is_loopback(peer) else _REMOTE

    async def check(self, request: web.Request, token: str) -> AccessGrant | AccessDenied:
        """The access that a token gives. A denial of a wrong one is delayed here."""
        client = self.client(request)
        network = network_of(client)
        found = self._access.check(token, network, client)
        if isinstance(found, AccessDenied):
            await self._access.delay(found, network)
        return found

    def renew(self, request: web.Request, grant: AccessGrant) -> AccessGrant | AccessDenied:
        """The current access of a client that is connected, after the tokens have changed."""
        if grant.token is not None and self._access.required:
            return self._access.renew(grant)
        found = self.without_token(request)
        return _REQUIRED if found is None else found

    def client(self, request: web.Request) -> str:
        """The address of the client, also through a trusted proxy."""
        forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
        return client_address(_peer(request), forwarded, self.trusted_proxies)


def _peer(request: web.Request) -> str:
    connection = request.protocol
    assert isinstance(connection, HTTPConnection)
    return str(connection.wire.client[0])

"""Which requests are handled: by the name they use, the page they come from, and their token."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import hdrs, web

from oscbridge.access.control import AccessControl
from oscbridge.access.grant import OPEN_ACCESS, AccessDenied, AccessGrant
from oscbridge.access.rights import AccessRights
from oscbridge.http.connection import HTTPConnection
from oscbridge.http.errors import HTTPProblem
from oscbridge.http.forwarded import is_forwarded
from oscbridge.net.allowlist import AllowList
from oscbridge.net.client_address import client_address
from oscbridge.net.client_network import network_of
from oscbridge.net.hosts import HostPolicy
from oscbridge.net.url import HostPort

__all__ = ["HTTPRules", "access_of", "check_request"]

MAX_SHOWN: Final = 200
"""The length of a header that is logged, in characters."""

_NO_ACCESS: Final = AccessGrant(None, AccessRights.of(()))
_GRANT: Final = web.RequestKey("grant", AccessGrant)


class ListenOptions(Protocol):
    """The keys of an endpoint that serves HTTP."""

    @property
    def listen(self) -> HostPort | None:
        """Where it listens; None: it is used for something else."""

    @property
    def hosts(self) -> Sequence[str]:
        """Additional host names of this machine."""

    @property
    def origins(self) -> Sequence[str]:
        """Sites whose pages may send requests."""

    @property
    def trusted_proxies(self) -> AllowList:
        """Reverse proxies whose ``X-Forwarded-For`` counts."""


@dataclass(frozen=True)
class HTTPRules:
    """The rules of a server. They may be replaced while it runs."""

    policy: HostPolicy
    """The names under which clients may address it, and the sites whose pages may."""
    where: str
    """The table of the configuration that has ``hosts``, e.g. ``[http]``: for error texts."""
    access: AccessControl | None = None
    """The access rules; None admits everybody."""
    open_paths: Set[str] = field(default_factory=frozenset)
    """Paths that ask for no token, as they are sent."""
    trusted_proxies: AllowList = field(default_factory=AllowList)
    """Reverse proxies whose ``X-Forwarded-For`` counts: wrong tokens are those of the client."""
    refused: Callable[[str], None] = lambda _client: None
    """Called with a line about each client that is refused; it counts and logs it."""

    @classmethod
    def of_endpoint(
        cls,
        name: str,
        options: ListenOptions,
        access: AccessControl,
        refused: Callable[[str], None],
    ) -> HTTPRules:
        """The rules of the endpoint ``name``. The other arguments are its own and its host's."""
        listen = "*" if options.listen is None else options.listen.host
        return cls(
            HostPolicy.of_listener(listen, options.hosts, options.origins),
            f"[endpoint.{name}]",
            access,
            trusted_proxies=options.trusted_proxies,
            refused=refused,
        )


def access_of(request: web.Request) -> AccessGrant:
    """The access of the client whose request is handled.

    Its rights are for the handler to check: ``access_of(request).without("send")``. At
    :attr:`HTTPRules.open_paths` there are none if others ask for a token.
    """
    grant: AccessGrant = request[_GRANT]
    return grant


async def check_request(request: web.Request, rules: HTTPRules) -> None:
    """Raises :class:`HTTPProblem` for a request that must not be handled."""
    connection = request.protocol
    assert isinstance(connection, HTTPConnection)
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, [])
    client = client_address(connection.wire.client[0], forwarded, rules.trusted_proxies)
    _check_headers(request, connection, rules, client)
    if rules.access is None or not rules.access.required:
        request[_GRANT] = OPEN_ACCESS
        return
    if request.raw_path.partition("?")[0] in rules.open_paths:
        request[_GRANT] = _NO_ACCESS
        return
    network = network_of(client)
    authorization = [
        value for name, value in request.raw_headers if name.lower() == b"authorization"
    ]
    access = rules.access.check_request(authorization, request.query, network, client)
    if isinstance(access, AccessDenied):
        # Meanwhile it makes room for others: guesses must not take up all connections.
        with connection.making_room():
            await rules.access.delay(access, network, connection.wire.sleep)
        raise HTTPProblem(access.status, access.reason, access.headers)
    request[_GRANT] = access


def _check_headers(
    request: web.Request, connection: HTTPConnection, rules: HTTPRules, client: str
) -> None:
    """A request must not use another's name or come from another site's page."""
    host = request.headers.get(hdrs.HOST)
    if not rules.policy.accepts_host(host):
        shown = (host or "").partition(":")[0][:MAX_SHOWN]
        rules.refused(
            f"a request from {client} to host {shown!r}; to allow it: hosts = [{shown!r}] "
            f"in {rules.where}"
        )
        fix = f"add it to 'hosts' in {rules.where}, or use the IP address"
        raise HTTPProblem(HTTPStatus.MISDIRECTED_REQUEST, f"Unknown host name; {fix}.")
    arrived = connection.wire.local_address
    if connection.wire.client[0] in rules.trusted_proxies and is_forwarded(request.headers):
        arrived = ""  # unknown: the page comes from the host that the proxy has, wherever we listen
    for origin in request.headers.getall(hdrs.ORIGIN, []):
        if not rules.policy.accepts_origin(origin, host, arrived):
            rules.refused(f"a page from {origin[:MAX_SHOWN]!r} at {client}")
            text = "Pages of other sites are not allowed here."
            raise HTTPProblem(HTTPStatus.FORBIDDEN, text)

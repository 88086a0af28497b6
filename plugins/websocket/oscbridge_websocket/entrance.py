"""What is asked of a connection before it is a client: page, Host, Origin, room, token."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import MultipleValuesError
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response

from oscbridge_websocket.admission import Admission
from oscbridge_websocket.answers import answer, page
from oscbridge_websocket.failures import Failures
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.origin import is_allowed, is_known
from oscbridge_websocket.rights import EVERYTHING
from oscbridge_websocket.server import Connection, Refusal
from oscbridge_websocket.tokens import (
    IN_QUERY,
    Grant,
    Tokens,
    from_authorization,
    from_subprotocols,
)

__all__ = ["NO_TOKEN", "WITHDRAWN", "Entrance"]

NO_TOKEN: Final = 4401
"""Close code: the token is missing or wrong."""

WITHDRAWN: Final = 4403
"""Close code: the token is not good for this, or not any more."""

TOO_MANY: Final = 4429
"""Close code: too many wrong tokens have come from this network."""

MAX_SHOWN: Final = 200
"""Characters of a header that are logged or sent back."""


class Entrance:
    """Decides who is let in, for one endpoint."""

    def __init__(
        self,
        name: str,
        options: WebSocketOptions,
        admission: Admission,
        refused: Callable[[str], None],
    ) -> None:
        self._name = name
        self._admission = admission
        self._refused = refused
        self._failures = Failures()
        self.change(options)

    def change(self, options: WebSocketOptions) -> None:
        """Go on with other options."""
        self.options = options
        self.tokens = Tokens(options)

    # --- the token ---------------------------------------------------------------------------

    def judge(self, token: str, network: str) -> Grant | Refusal:
        """What a token is good for. A wrong one is counted."""
        shut_out = self._failures.shut_out(network)
        if shut_out:
            self._refused(f"{network}: a token after too many wrong ones")
            seconds = math.ceil(shut_out)
            text = f"too many wrong tokens: wait {seconds} s"
            return Refusal(TOO_MANY, text, retry_after=seconds)
        grant = self.tokens.find(token)
        if grant is not None:
            return grant
        delay = self._failures.add(network)
        self._refused(f"{network}: a wrong token")
        return Refusal(NO_TOKEN, "wrong token", delay)

    # --- the request -------------------------------------------------------------------------

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """Refuse, answer a browser with the page, or go on to the handshake (None)."""
        assert isinstance(connection, Connection)
        try:
            found = self._look(connection, request)
        except (MultipleValuesError, InvalidHeader):
            return answer(400, "A header is malformed, or stands there twice.\n")
        if isinstance(found, Response):
            return found
        if found is None:
            return None
        if isinstance(found, Refusal):
            await connection.pause(found.delay)
            if "Authorization" in request.headers:
                # A program reads the status. A page learns nothing but a close code.
                return _refusal(found)
        connection.verdict = found
        return None

    def _look(self, connection: Connection, request: Request) -> Response | Grant | Refusal | None:
        options, headers = self.options, request.headers
        host = headers.get("Host", "")
        if options.hosts and not is_known(host, options.hosts):
            self._refused(f"a request to {host[:MAX_SHOWN]!r}, which is not among hosts")
            return answer(421, "This is not a name of this machine.\n")
        query = dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))
        if self.tokens.needed and not IN_QUERY.isdisjoint(query):
            self._refused(f"{connection.network}: a token in the URL")
            return answer(
                400,
                "A token does not belong into the URL, which is written into logs. Give it as "
                "subprotocol, in the header Authorization, or in the first message.\n",
            )
        if "upgrade" not in headers.get("Connection", "").lower():
            return page(request, enabled=options.page, locked=self.tokens.needed)
        return self._look_at_origin(connection, request, host) or self._look_at_token(
            connection, request
        )

    def _look_at_origin(
        self, connection: Connection, request: Request, host: str
    ) -> Response | None:
        options = self.options
        origin = request.headers.get("Origin")
        # A stranger's page that comes under a name of its own has neither token nor certificate.
        trusting = self.tokens.needed or options.certificate is not None
        if origin is None or is_allowed(
            origin,
            host,
            connection.local_address[0],
            options.origins,
            ("*",) if trusting and not options.hosts else options.hosts,
        ):
            return None
        origin = origin[:MAX_SHOWN]
        self._refused(
            f"a page from {origin}; to let it in: origins = [{origin!r}] "
            f"under [endpoint.{self._name}]"
        )
        return answer(403, f"Pages from {origin} may not connect.\n")

    def _look_at_token(
        self, connection: Connection, request: Request
    ) -> Response | Grant | Refusal | None:
        if self._admission.is_full:
            self._refused(f"a client beyond max_connections = {self.options.max_connections}")
            return answer(503, "Too many clients.\n")
        if not self.tokens.needed:
            return Grant(None, EVERYTHING)
        token = from_authorization(request.headers.get_all("Authorization"))
        if token is None:
            offered = request.headers.get_all("Sec-WebSocket-Protocol")
            token = from_subprotocols(name for each in offered for name in parse_subprotocol(each))
        return None if token is None else self.judge(token, connection.network)


def _refusal(refusal: Refusal) -> Response:
    found = answer(429 if refusal.retry_after else 401, f"{refusal.reason}\n")
    if refusal.retry_after:
        found.headers["Retry-After"] = str(refusal.retry_after)
    else:
        found.headers["WWW-Authenticate"] = 'Bearer realm="oscbridge"'
    return found

"""The WebSocket endpoint: a server that dashboards connect to."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Final
from urllib.parse import parse_qsl
from weakref import WeakSet

from pydantic import Field
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import oscbridge
from oscbridge_websocket import json_format
from oscbridge_websocket.client import Client, Format, Frame, send
from oscbridge_websocket.origin import is_allowed

__all__ = ["WebSocketEndpoint"]

BINARY: Final = Subprotocol("osc.binary")
JSON: Final = Subprotocol("osc.json")

OPEN_TIMEOUT: Final = 5.0
CLOSE_TIMEOUT: Final = 0.4
"""Seconds for the handshakes that open and close a connection. The bridge allows little more."""

MAX_BUNDLE: Final = 65_000
"""Bytes of a bundle that several messages are sent in."""

COMMON_TYPES: Final = "ifsbhtdTFNI"
"""Type tags that every client reads. osc-js knows no others; osc.js no nested arrays."""


class WebSocketEndpoint(oscbridge.Endpoint):
    """Serves OSC over WebSocket.

    Without a subprotocol, or with ``osc.binary``, a frame is one OSC packet, each way; with
    ``osc.json`` it is one JSON text. Messages that come in together go out together: as one
    bundle to a binary client. A message is not sent back to the client that it came from.

    A client may say in the query of its URL what else it wants: ``?snapshot=1`` the last
    value of each address first, ``?bundles=0`` every message in a frame of its own.
    """

    remembers = True

    class Options(oscbridge.Options):
        """The keys of an endpoint with ``type = "websocket"``."""

        listen: oscbridge.HostPort = oscbridge.HostPort("127.0.0.1", 8080)
        """Where to listen: ``host:port``."""
        origins: tuple[str, ...] = ()
        """Sites whose pages may connect, as ``https://example.org``; ``*`` is any. Pages from
        the same host always may, and so may programs, which send no Origin."""
        max_clients: Annotated[int, Field(ge=1, le=100_000)] = 256
        """Clients at once."""
        max_frame: Annotated[int, Field(ge=16, le=1 << 24)] = 65_535
        """Bytes of a frame from a client; a larger one closes the connection."""
        client_queue: Annotated[int, Field(ge=1, le=10_000_000)] = 8_192
        """Messages that wait for one slow client; beyond it the oldest is dropped."""
        snapshot: bool = False
        """Whether a new client is first given the last value of each address, unasked."""
        page: bool = True
        """Whether a browser that opens the address gets a page with the live values."""

    options: Options

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self._clients: set[Client] = set()
        self._opened: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._server: Server | None = None
        self._port: int | None = None

    def describe(self) -> str:
        listen = self.options.listen
        return f"ws://{listen._replace(port=self._port or listen.port)}"

    async def connect(self) -> None:
        host, port = self.options.listen
        # The library logs every failed handshake with a traceback; strangers cause those.
        quiet = logging.getLogger(f"{self.log.name}.websockets")
        quiet.setLevel(logging.CRITICAL)
        opened = self._opened

        class Connection(ServerConnection):
            """Known from the start, not only when the handshake is done."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                opened.add(self.transport)

        self._server = await serve(
            self._serve_client,
            host,
            port,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            compression=None,
            max_size=self.options.max_frame,
            open_timeout=OPEN_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            server_header=None,
            logger=quiet,
            create_connection=Connection,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._server.wait_closed()
        except TimeoutError:
            # Somebody reads nothing, or has not even begun the handshake.
            for transport in list(self._opened):
                transport.abort()
            await self._server.wait_closed()

    # --- out ---------------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if not self._clients:
            return
        ours = {m.origin for m in messages if m.origin is not None and m.origin[0] == self.name}
        shared: dict[Format, list[Client]] = {}
        for client in self._clients:
            if client.origin in ours:
                others = [m for m in messages if m.origin != client.origin]
                send([client], self._frames(others, client.format))
            else:
                shared.setdefault(client.format, []).append(client)
        for form, clients in shared.items():
            send(clients, self._frames(messages, form))

    def _frames(self, messages: Sequence[oscbridge.Message], form: Format) -> list[Frame]:
        """The frames for some messages."""
        encode = json_format.encode if form is Format.JSON else oscbridge.encode_message
        encoded = []
        for message in messages:
            try:
                encoded.append((encode(message), _is_common(message.types)))
            except oscbridge.EncodeError:
                self.host.dropped("encode", 1)
        if form is Format.BUNDLES:
            return list(_bundles(encoded))
        return [Frame(data, 1) for data, _ in encoded]

    # --- in ----------------------------------------------------------------------------------

    async def _serve_client(self, connection: ServerConnection) -> None:
        json = connection.subprotocol == JSON
        peer = connection.remote_address
        wishes = _wishes(connection.request)
        form = Format.BUNDLES if wishes.get("bundles") != "0" else Format.MESSAGES
        client = Client(
            connection,
            oscbridge.Origin(self.name, peer),
            Format.JSON if json else form,
            queue=self.options.client_queue,
            on_drop=lambda count: self.host.dropped("slow_client", count),
            log=self.log,
        )
        if wishes.get("snapshot", "1" if self.options.snapshot else "0") != "0":
            send([client], self._frames(self.host.snapshot(), client.format))
        self._clients.add(client)
        writing = asyncio.create_task(client.write(), name=f"{self.name} to {peer[0]}:{peer[1]}")
        try:
            async for frame in connection:
                self._received(frame, peer, json=json)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
            writing.cancel()

    def _received(self, frame: str | bytes, peer: tuple[str, int], *, json: bool) -> None:
        if isinstance(frame, bytes):
            self.receive_packet(frame, peer)
        elif json:
            try:
                data = oscbridge.encode_packet(json_format.decode(frame))
            except oscbridge.DecodeError as error:
                self.host.bad_input(error, peer)
            else:
                self.receive_packet(data, peer)
        else:
            self.host.bad_input(
                oscbridge.DecodeError("text", "a text frame, without the subprotocol osc.json"),
                peer,
            )

    # --- before a client is let in -----------------------------------------------------------

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse, answer a browser with the page, or go on to the handshake (None)."""
        headers = request.headers
        if "upgrade" not in headers.get("Connection", "").lower():
            return self._page(connection, request)
        origin = headers.get("Origin")
        local_host = connection.local_address[0]
        if origin is not None and not is_allowed(
            origin, headers.get("Host", ""), local_host, self.options.origins
        ):
            self.host.refused(
                f"a page from {origin}; to let it in: origins = [{origin!r}] "
                f"under [endpoint.{self.name}]"
            )
            return connection.respond(
                http.HTTPStatus.FORBIDDEN, f"Pages from {origin} may not connect.\n"
            )
        if len(self._clients) >= self.options.max_clients:
            self.host.refused(f"a client beyond max_clients = {self.options.max_clients}")
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.\n")
        return None

    def _page(self, connection: ServerConnection, request: Request) -> Response:
        if not self.options.page or request.path.partition("?")[0] != "/":
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Nothing here but WebSocket.\n")
        body = files(__package__).joinpath("page.html").read_bytes()
        headers = Headers(
            {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Length": str(len(body)),
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
                "script-src 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
                "Connection": "close",
            }
        )
        return Response(200, "OK", headers, body)


def _select_subprotocol(
    _connection: ServerConnection, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    """The first of the client's that is known; without any, frames are binary."""
    return next((name for name in offered if name in (BINARY, JSON)), None)


def _wishes(request: Request | None) -> dict[str, str]:
    """The query of a request: the last value of each key."""
    if request is None:
        return {}
    return dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))


def _is_common(types: str | None) -> bool:
    """Whether every client reads a message with these type tags."""
    return types is not None and not types.strip(COMMON_TYPES)


def _bundles(encoded: Iterable[tuple[bytes, bool]]) -> Iterator[Frame]:
    """Encoded messages as few packets, in order: one as it is, several as a bundle.

    What not every client reads travels alone: a bundle with it would be lost as a whole.
    """
    bundle: list[bytes] = []
    size = 0
    for data, common in encoded:
        if bundle and (not common or size + len(data) + 4 > MAX_BUNDLE):
            yield _bundle(bundle)
            bundle, size = [], 0
        if common:
            bundle.append(data)
            size += len(data) + 4
        else:
            yield Frame(data, 1)
    if bundle:
        yield _bundle(bundle)


def _bundle(encoded: Sequence[bytes]) -> Frame:
    data = encoded[0] if len(encoded) == 1 else oscbridge.encode_bundle(encoded)
    return Frame(data, len(encoded))

"""The WebSocket endpoint: a server that dashboards connect to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request

import oscbridge
from oscbridge_websocket import inbound, server
from oscbridge_websocket.admission import Admission
from oscbridge_websocket.client import Audience, Client, send
from oscbridge_websocket.entrance import NO_TOKEN, WITHDRAWN, Entrance
from oscbridge_websocket.frames import Format, Frame, make_frames
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.origin import is_loopback
from oscbridge_websocket.rights import Addresses
from oscbridge_websocket.server import JSON, Connection, Doorway, Refusal
from oscbridge_websocket.tls import make_context
from oscbridge_websocket.tokens import Grant

__all__ = ["WebSocketEndpoint"]

AUTH_TIMEOUT: Final = 5.0
"""Seconds for a client to say its token, where it needs one, after its handshake."""

PING_INTERVAL: Final = 20.0
PING_TIMEOUT: Final = 20.0
"""Seconds between two pings to a client, and for its answer; without one it is disconnected."""

MAX_FORBIDDEN: Final = 100
"""Messages that a client may not send; then it is disconnected."""


class WebSocketEndpoint(oscbridge.Endpoint):
    """Serves OSC over WebSocket.

    Without a subprotocol, or with ``osc.binary``, a frame is one OSC packet, each way; with
    ``osc.json`` it is one JSON text. Messages that come in together go out together: as one
    bundle to a binary client. A message is not sent back to the client that it came from.

    A client may say in the query of its URL what else it wants: ``?snapshot=1`` the last
    value of each address first, ``?bundles=0`` every message in a frame of its own.
    """

    remembers = True

    Options = WebSocketOptions
    options: WebSocketOptions

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self._clients: set[Client] = set()
        self._audiences: dict[tuple[Format, Addresses | None], Audience] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._port: int | None = None
        self._admission = Admission(self.options)
        refused = self._refused
        context = make_context(self.options.certificate, self.options.key)
        self._doorway = Doorway(self._admission, context, refused, self._slowed)
        self._entrance = Entrance(name, self.options, self._admission, refused)

    def _refused(self, text: str) -> None:
        self.host.refused(text)

    def _slowed(self, text: str) -> None:
        self.log.warning("%s: it is read no faster", text)

    def describe(self) -> str:
        listen = self.options.listen
        scheme = "ws" if self.options.certificate is None else "wss"
        return f"{scheme}://{listen._replace(port=self._port or listen.port)}"

    async def connect(self) -> None:
        host, port = self.options.listen
        # The library logs every failed handshake with a traceback; strangers cause those.
        quiet = logging.getLogger(f"{self.log.name}.websockets")
        quiet.setLevel(logging.CRITICAL)
        if self._entrance.tokens.needed and self._doorway.context is None and not is_loopback(host):
            self.log.warning(
                "tokens are sent in plain text, as there is no certificate: "
                "whoever is on the network can read them"
            )
        self._admission.open()
        self._server = await serve(
            self._serve_client,
            host,
            port,
            process_request=self._entrance.process_request,
            compression=None,
            open_timeout=server.OPEN_TIMEOUT,
            close_timeout=server.CLOSE_TIMEOUT,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            server_header=None,
            logger=quiet,
            create_connection=partial(  # type: ignore[arg-type]  # as good as a class
                Connection, doorway=self._doorway, logger=quiet
            ),
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._admission.close()
        try:
            async with asyncio.timeout(server.CLOSE_TIMEOUT):
                await self._server.wait_closed()
        except TimeoutError:
            self._admission.abort()  # somebody reads nothing
            await self._server.wait_closed()
        finally:
            for task in (*self._tasks, *self._doorway.tasks):
                task.cancel()

    def update(self, options: oscbridge.Options) -> bool:
        assert isinstance(options, WebSocketOptions)
        if options.listen != self.options.listen:
            return False
        if (options.certificate is None) != (self.options.certificate is None):
            return False
        try:
            context = make_context(options.certificate, options.key)
        except ValueError as error:  # the files have changed since they were looked at
            raise oscbridge.ConfigurationError(f"endpoint.{self.name}: {error}") from None
        self._doorway.context = context
        self._admission.options = options
        self._entrance.change(options)
        for client in list(self._clients):
            self._regrant(client)
        return True

    def _regrant(self, client: Client) -> None:
        """Give a client the rights that its token has now, or none any more."""
        grant = self._entrance.tokens.renew(client.grant)
        if grant is None:
            code, reason = WITHDRAWN, "this token is not good any more"
            if client.grant.secret is None:
                code, reason = NO_TOKEN, "a token is needed now"
            self._expel(client, code, reason)
        elif grant != client.grant:
            self._leave(client)
            client.grant = grant
            self._join(client)

    def _expel(self, client: Client, code: int, reason: str) -> None:
        """Disconnect a client: it gets nothing more, and nothing is taken from it."""
        self._leave(client)
        task = asyncio.create_task(client.connection.close(code, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- out ---------------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if not self._audiences:
            return
        ours = {m.origin for m in messages if m.origin is not None and m.origin[0] == self.name}
        for audience in self._audiences.values():
            theirs = audience.pick(messages)
            if not theirs:
                continue
            clients = audience.clients
            if ours:
                clients = [client for client in clients if client.origin not in ours]
                for client in audience.clients:
                    if client.origin in ours:
                        others = [m for m in theirs if m.origin != client.origin]
                        send([client], self._frames(others, client.format))
            if clients:
                send(clients, self._frames(theirs, audience.format))

    def _frames(self, messages: Sequence[oscbridge.Message], form: Format) -> list[Frame]:
        return make_frames(messages, form, self._not_encoded)

    def _not_encoded(self, count: int) -> None:
        self.host.dropped("encode", count, "they cannot be written in a client's format")

    def _slow(self, count: int) -> None:
        self.host.dropped("slow_client", count, "a client reads too slowly")

    def _join(self, client: Client) -> None:
        """Let a client have what it may have from now on."""
        self._clients.add(client)
        rights = client.grant.rights
        if rights.listens:
            key = (client.format, rights.addresses)
            if key not in self._audiences:
                self._audiences[key] = Audience(*key)
            self._audiences[key].clients.append(client)

    def _leave(self, client: Client) -> None:
        if client not in self._clients:
            return
        self._clients.discard(client)
        rights = client.grant.rights
        if rights.listens:
            key = (client.format, rights.addresses)
            self._audiences[key].clients.remove(client)
            if not self._audiences[key].clients:
                del self._audiences[key]

    # --- one client --------------------------------------------------------------------------

    async def _serve_client(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        try:
            verdict = connection.verdict or await self._ask(connection)
            if isinstance(verdict, Grant):  # a reload may have come between
                verdict = self._entrance.tokens.renew(verdict) or Refusal(NO_TOKEN, "wrong token")
            if isinstance(verdict, Refusal):
                await connection.close(verdict.code, verdict.reason)
            elif not self._admission.accept(connection):
                self.host.refused(
                    f"a client beyond max_connections = {self.options.max_connections}"
                )
                await connection.close(CloseCode.TRY_AGAIN_LATER, "too many clients")
            else:
                await self._serve(self._make_client(connection, verdict))
        except ConnectionClosed:
            pass

    async def _ask(self, connection: Connection) -> Grant | Refusal:
        """Wait for the token in the first message. Until then the client gets nothing."""
        try:
            async with asyncio.timeout(AUTH_TIMEOUT):
                frame = await connection.recv()
        except TimeoutError:
            self.host.refused(f"{connection.network}: no token")
            return Refusal(NO_TOKEN, f"no token came within {AUTH_TIMEOUT:g} s")
        token = inbound.read_token(frame, json=connection.subprotocol == JSON)
        if token is None:
            self.host.refused(f"{connection.network}: a first message that is no token")
            return Refusal(NO_TOKEN, "the first message must be the token")
        verdict = self._entrance.judge(token, connection.network)
        if isinstance(verdict, Refusal):
            await connection.pause(verdict.delay)
        return verdict

    def _make_client(self, connection: Connection, grant: Grant) -> Client:
        form = Format.MESSAGES if _wishes(connection).get("bundles") == "0" else Format.BUNDLES
        return Client(
            connection,
            oscbridge.Origin(self.name, connection.remote_address),
            Format.JSON if connection.subprotocol == JSON else form,
            grant,
            queue=self.options.max_client_queue,
            rate=self.options.max_rate,
            on_drop=self._slow,
            log=self.log,
        )

    async def _serve(self, client: Client) -> None:
        host, port = client.peer[:2]
        if _wishes(client.connection).get("snapshot", str(int(self.options.snapshot))) != "0":
            self._send_snapshot(client)
        self._join(client)
        writing = asyncio.create_task(client.write(), name=f"{self.name} to {host}:{port}")
        try:
            async for frame in client.connection:
                wait = client.bucket.take(self._received(frame, client))
                if wait:
                    await client.slow_down(wait)
        finally:
            self._leave(client)
            self.host.left(client.connection.remote_address)
            writing.cancel()

    def _send_snapshot(self, client: Client) -> None:
        rights = client.grant.rights
        if rights.listens:
            messages = Audience(client.format, rights.addresses).pick(self.host.snapshot())
            send([client], self._frames(messages, client.format))

    # --- in ----------------------------------------------------------------------------------

    def _received(self, frame: str | bytes, client: Client) -> int:
        """Put what a client sent into the routes. Returns how many messages it was."""
        if client not in self._clients:
            return 0  # it has just been expelled
        peer = client.peer
        rights = client.grant.rights
        if isinstance(frame, bytes) and rights.sends_all and not inbound.is_special(frame):
            self.receive_packet(frame, peer)
            return 1
        try:
            packet = inbound.read(frame, json=client.format is Format.JSON)
            inbound.check(packet, rights)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, peer)
            if error.reason == inbound.RIGHTS:
                client.forbidden += 1
                if client.forbidden >= MAX_FORBIDDEN:
                    self._expel(client, WITHDRAWN, "this token may not send that")
            return 1
        self.receive_packet(
            frame if isinstance(frame, bytes) else oscbridge.encode_packet(packet), peer
        )
        return inbound.count(packet)


def _wishes(connection: Connection) -> dict[str, str]:
    """The query of a client's request: the last value of each key."""
    request: Request | None = connection.request
    if request is None:
        return {}
    return dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))

"""The WebSocket endpoint: a server for dashboards and other WebSocket clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

import oscbridge
from oscbridge.http import tls_context
from oscbridge_websocket import connection as handshake
from oscbridge_websocket import incoming
from oscbridge_websocket.authorization import RequestAuthorizer
from oscbridge_websocket.client import ClientGroup, ClientGroups, WebSocketClient
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.fan_out import FanOut
from oscbridge_websocket.first_message import receive_token
from oscbridge_websocket.frames import DROP_REASONS, FrameFormat
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.registry import ConnectionRegistry
from oscbridge_websocket.rejection import FORBIDDEN, MAX_REASON, Rejection, shorten
from oscbridge_websocket.shared_state import SharedState

__all__ = ["WebSocketEndpoint"]


class WebSocketEndpoint(
    oscbridge.Endpoint[WebSocketOptions],
    oscbridge.Reconfigurable[WebSocketOptions],
    oscbridge.Paced,
    oscbridge.Serving,
    oscbridge.Guarded,
):
    """Serves OSC over WebSocket.

    Without a subprotocol, or with ``osc.binary``, a frame is one OSC packet in both directions;
    with ``osc.json`` it is one JSON text. Messages that arrive together are sent together, to a
    binary client in one bundle. A message is not sent back to the client that it came from.
    The query of a client's URL selects more: see :mod:`oscbridge_websocket.client_options`.
    """

    example_peer = "oscbridge_websocket.conformance:WebSocketPeer"
    default_routes = ("*",)
    default_routes_include_self = True  # dashboards receive each other's messages
    keeps_last_values = True
    keeps_bundles = True

    def __init__(self, name: str, options: WebSocketOptions) -> None:
        super().__init__(name, options)
        self._clients: set[WebSocketClient] = set()
        self._groups = ClientGroups(self._client_dropped)
        self._fan_out = FanOut(name, self._groups, self._not_encoded)
        self._closing: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._port: int | None = None
        self._registry = registry = ConnectionRegistry[WebSocketConnection](self.options)
        tls = tls_context(self.options.certificate, self.options.key)
        warn = partial(self.log.warning, "%s: throttled")
        self._shared = SharedState(registry, tls, self._refused, warn)
        self._authorizer = RequestAuthorizer(
            name, registry, self._refused, lambda host: self.host.control_room_url(host)
        )

    @property
    def clients(self) -> Collection[WebSocketClient]:
        """The connected clients."""
        return self._clients

    @property
    def client_count(self) -> int:
        """The number of connected clients."""
        return len(self._clients)

    @property
    def next_send(self) -> float:
        return self._groups.next_frame

    @property
    def connections(self) -> Collection[WebSocketConnection]:
        """All open connections, whether they are clients yet or not."""
        return self._registry.connections

    @property
    def groups(self) -> Collection[ClientGroup]:
        """The clients that listen, grouped by the frames that they receive."""
        return self._groups.all

    def _refused(self, text: str) -> None:
        self.host.refused(text)

    def describe(self) -> str:
        scheme, listen = "wss" if self.options.certificate else "ws", self.options.listen
        return f"{scheme}://{listen._replace(port=self._port or listen.port)}"

    async def connect(self) -> None:
        host, port = self.options.listen
        where: dict[str, Any] = {"host": host, "port": port}
        if oscbridge.is_any_host(host):
            where = {"sock": oscbridge.open_listening_socket(port)}
        # The library logs each failed handshake with a traceback, and anybody can cause those.
        quiet = logging.getLogger(f"{self.log.name}.websockets")
        quiet.setLevel(logging.CRITICAL)
        self._authorizer.configure(self.options, self.access)
        if self.access.required and self._shared.tls is None and not oscbridge.is_loopback(host):
            self.log.warning(
                "tokens are sent in plain text, and everyone on the network can read them; "
                "set 'certificate' to use TLS"
            )
        make = partial(WebSocketConnection, shared=self._shared, logger=quiet)
        self._registry.open()
        self._server = await serve(
            self._handle_connection,
            **where,
            process_request=self._authorizer.process_request,
            compression=None,
            open_timeout=None,  # the connection has its own: a file may take longer
            close_timeout=handshake.CLOSE_TIMEOUT,
            ping_timeout=handshake.PING_TIMEOUT,
            server_header=None,
            logger=quiet,
            start_serving=False,  # or a cancellation could leave its sockets open
            create_connection=make,  # type: ignore[arg-type]  # typed as a class
        )
        await self._server.start_serving()
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._groups.spill()
        for client in self._clients:
            client.flush()
        self._server.close()
        self._registry.close()
        try:
            async with asyncio.timeout(handshake.CLOSE_TIMEOUT):
                await self._server.wait_closed()
        except TimeoutError:
            self._registry.abort()  # clients that do not read
            await self._server.wait_closed()
        finally:
            for task in (*self._closing, *self._shared.handshakes):
                task.cancel()

    def update(self, options: WebSocketOptions) -> bool:
        if options.listen != self.options.listen:
            return False
        if (options.certificate is None) != (self.options.certificate is None):
            return False
        try:
            context = tls_context(options.certificate, options.key)
        except ValueError as error:  # the files have changed since the options were validated
            raise oscbridge.ConfigurationError(f"endpoint.{self.name}: {error}") from None
        self._shared.tls = context
        self._registry.options = options
        self._authorizer.configure(options, self.access)
        return True

    def on_access_changed(self) -> None:
        self._authorizer.configure(self.options, self.access)
        for client in list(self._clients):
            self._renew_grant(client)

    def _renew_grant(self, client: WebSocketClient) -> None:
        """Give a client the current rights of its token, or disconnect it."""
        grant = self.access.renew(client.grant)
        if isinstance(grant, oscbridge.AccessDenied):
            self._disconnect(client, Rejection.after_reload(grant).code, grant.reason)
        elif grant != client.grant:
            self._remove(client)
            client.grant = grant
            self._add(client)

    def _disconnect(self, client: WebSocketClient, code: int, reason: str) -> None:
        """Close a client's connection; from now on nothing is sent to it or read from it."""
        self._remove(client)
        task = asyncio.create_task(client.connection.close(code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # --- outgoing ----------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        self._fan_out.send_to_all(messages)

    def _not_encoded(self, count: int) -> None:
        self._client_dropped("encode", count)

    def _client_dropped(self, reason: str, count: int) -> None:
        self.host.client_dropped(reason, count, DROP_REASONS[reason])

    def _add(self, client: WebSocketClient) -> None:
        self._clients.add(client)
        self._groups.add(client)
        client.connection.on_discarded = self._discarded if client.grant.rights.sends else None

    def _remove(self, client: WebSocketClient) -> None:
        if client in self._clients:
            self._clients.discard(client)
            self._groups.remove(client)

    # --- one client --------------------------------------------------------------------------

    async def _handle_connection(self, connection: ServerConnection) -> None:
        assert isinstance(connection, WebSocketConnection)
        try:
            result = connection.auth_result or await receive_token(
                connection, self._authorizer, self._refused
            )
            result = self._authorizer.check_again(result)
            if isinstance(result, Rejection):
                await connection.close(result.code, shorten(result.reason, MAX_REASON))
            elif not self._registry.promote(connection):
                self.host.refused(
                    f"a client: max_connections = {self.options.max_connections} reached"
                )
                await connection.close(CloseCode.TRY_AGAIN_LATER, "too many clients")
            else:
                await self._serve(self._make_client(connection, result))
        except ConnectionClosed:
            pass

    def _make_client(
        self, connection: WebSocketConnection, grant: oscbridge.AccessGrant
    ) -> WebSocketClient:
        options = connection.client_options
        assert options is not None
        return WebSocketClient(
            connection,
            oscbridge.Origin(self.name, connection.remote_address),
            options,
            grant,
            queue=self.options.max_client_queue,
            rate=self.options.max_rate,
            on_drop=self._client_dropped,
            log=self.log,
        )

    async def _serve(self, client: WebSocketClient) -> None:
        host, port = client.peer[:2]
        options = client.connection.client_options
        if options is not None and options.snapshot:
            self._send_snapshot(client)
        self._add(client)
        writing = asyncio.create_task(client.write(), name=f"{self.name} to {host}:{port}")
        try:
            async for frame in client.connection:
                wait = client.bucket.take(self._received(frame, client))
                if wait:
                    await client.throttle(wait)
        finally:
            self._remove(client)
            self.host.peer_disconnected(client.peer)
            writing.cancel()
            client.drop_queued()

    def _send_snapshot(self, client: WebSocketClient) -> None:
        rights = client.grant.rights
        if rights.listens:
            group = ClientGroup(client.format, rights.addresses, paced=client.pacer is not None)
            self._fan_out.send([client], group.select(self.host.last_values()), group)

    # --- incoming ----------------------------------------------------------------------------

    def _discarded(self, count: int) -> None:
        """Count packets of a client, each as one message, that its rate did not let through."""
        self.host.input_dropped("disconnected", count, "the client disconnected or was stopped")

    def _received(self, frame: str | bytes, client: WebSocketClient) -> int:
        """Route a client's packet. Returns the number of messages in it."""
        if client not in self._clients:
            return 0  # it is being disconnected
        peer, rights = client.peer, client.grant.rights
        if isinstance(frame, bytes) and rights.sends_all and not incoming.needs_check(frame):
            self.host.receive_packet(frame, peer)
            return 1
        try:
            packet = incoming.decode(frame, json=client.format is FrameFormat.JSON)
            incoming.check(packet, rights)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, peer)
            if error.reason == incoming.TEXT:
                self._disconnect(client, CloseCode.UNSUPPORTED_DATA, incoming.WHY_NO_TEXT)
            if error.reason == incoming.RIGHTS:
                client.forbidden += 1
                if client.forbidden >= incoming.MAX_FORBIDDEN:
                    self._disconnect(client, FORBIDDEN, "this token may not send that")
            return 1
        self.host.receive_packet(
            frame if isinstance(frame, bytes) else oscbridge.encode_packet(packet), peer
        )
        return incoming.count(packet)

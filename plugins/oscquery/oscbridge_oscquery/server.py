"""The HTTP server: nodes, attributes, ``HOST_INFO``, pages, and the WebSocket on the same port."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import WSCloseCode, WSMsgType, hdrs, web

import oscbridge
from oscbridge.http import (
    HTTPFront,
    HTTPLimits,
    HTTPProblem,
    HTTPRules,
    LoopShare,
    access_of,
    answer_pages,
    tls_context,
)
from oscbridge_oscquery.attributes import HOST_INFO, HTML, VALUE, UnknownAttribute, read_query
from oscbridge_oscquery.clients import ListeningClients
from oscbridge_oscquery.commands import IGNORE, LISTEN, decode_command
from oscbridge_oscquery.host_info import EXTENSIONS, HostInfo
from oscbridge_oscquery.incoming import IncomingPackets
from oscbridge_oscquery.listening_client import CLOSE_TIMEOUT, ListeningClient
from oscbridge_oscquery.options import OSCQueryOptions
from oscbridge_oscquery.page import MAX_ROWS, PAGE_POLICY, page_of
from oscbridge_oscquery.page_echoes import PageEchoes
from oscbridge_oscquery.paths import address_of_path
from oscbridge_oscquery.tree_json import TreeEncoder, ValueOf
from oscbridge_oscquery.websocket_client import WATCHER

__all__ = ["SHARE", "OSCQueryServer"]

SHARE: Final = 1.0
"""The share of the loop's time, for trees: after each slice others have it for as long."""

MAX_AT_ONCE: Final = 1_000
"""Nodes whose tree is made without giving the event loop to others."""

SEND_TIMEOUT: Final = 15.0
"""Seconds for a client to read its response: a whole tree, over a slow wireless network."""

MAX_BAD_COMMANDS: Final = 100
"""Commands that make no sense, after which a client is disconnected."""

JSON: Final = "application/json"


class OSCQueryServer:
    """The HTTP server of an endpoint."""

    def __init__(
        self,
        name: str,
        options: OSCQueryOptions,
        access: oscbridge.AccessControl,
        host: oscbridge.Host,
        log: logging.Logger,
        visible: Callable[[], oscbridge.AddressBook],
        value_of: ValueOf,
        osc_port: Callable[[], int],
    ) -> None:
        """``osc_port`` returns the number of the port for OSC over UDP, 0 without one."""
        self._name = name
        self._access = access
        self._host = host
        self._visible = visible
        self._osc_port = osc_port
        self._share = LoopShare(SHARE)
        self.encoder = TreeEncoder(value_of)
        self.clients = ListeningClients(name, host)
        self.incoming = IncomingPackets(name, host, self.clients, visible)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.front = HTTPFront(app, self._rules(options), log, limits=_limits(options))
        answer_pages(app, lambda: self._options.origins, "GET, HEAD")
        self.update(options)

    def update(self, options: OSCQueryOptions) -> None:
        """Use other options from now on. Raises ``ValueError`` for invalid certificates."""
        self.front.tls = tls_context(options.certificate, options.key)
        self.front.rules = self._rules(options)
        self.front.limits = _limits(options)
        self._options = options

    async def stop(self) -> None:
        """Close all connections."""
        try:
            await self.clients.end()
        finally:
            await self.front.stop()

    @property
    def title(self) -> str:
        """The name of the server."""
        return self._options.name or oscbridge.default_service_name(self._name)

    def _rules(self, options: OSCQueryOptions) -> HTTPRules:
        return HTTPRules.of_endpoint(self._name, options, self._access, self._host.refused)

    # --- requests -----------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise HTTPProblem(HTTPStatus.METHOD_NOT_ALLOWED, "", {hdrs.ALLOW: "GET, HEAD"})
        if web.WebSocketResponse().can_prepare(request).ok:
            return await self._serve_websocket(request)
        # The path as it was sent: aiohttp would resolve levels like "..".
        path, _, query = request.raw_path.partition("?")
        try:
            asked = read_query(query)
        except UnknownAttribute as error:
            raise HTTPProblem(HTTPStatus.BAD_REQUEST, str(error)) from None
        if HOST_INFO in asked:
            return _json(orjson.dumps(self.host_info(request).to_json()))
        grant = access_of(request)
        if denied := grant.without("listen"):
            raise HTTPProblem(denied.status, denied.reason, denied.headers)
        node = await self._node(path, grant.rights)
        if HTML in asked:
            return await self._page(node)
        if asked:
            return await self._attributes(node, asked)
        return _json(await self._tree(node))

    async def _node(self, path: str, rights: oscbridge.AccessRights) -> oscbridge.AddressNode:
        address = address_of_path(path)
        book = self._visible()
        if len(book) > MAX_AT_ONCE and not book.has_tree(rights):
            await asyncio.to_thread(lambda: book.filtered(rights).tree)
        node = None if address is None else book.filtered(rights).node(address)
        if node is None:
            raise HTTPProblem(HTTPStatus.NOT_FOUND, "no node at this path")
        return node

    def host_info(self, request: web.Request) -> HostInfo:
        """What the server says about itself to one client: the address that it has reached."""
        options = self._options
        peer = request.remote or ""
        near = None
        if request.transport is not None and peer not in options.trusted_proxies:
            near = request.transport.get_extra_info("sockname")[0].removeprefix("::ffff:")
        host = options.advertise or near
        if port := self._osc_port():
            return HostInfo(self.title, EXTENSIONS, host, port, "UDP")
        # Clients like libossia then send over the WebSocket, and others need some port.
        return HostInfo(self.title, EXTENSIONS, host, self.front.port, "TCP")

    async def _attributes(
        self, node: oscbridge.AddressNode, asked: tuple[str, ...]
    ) -> web.Response:
        """The attributes that are asked for, those that the node has."""
        known = self.encoder.attributes(node)
        info = node.info
        if asked == (VALUE,) and info is not None and not info.access & oscbridge.Access.READ:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        found = {name: known[name] for name in asked if name in known}
        if "CONTENTS" in asked and node.children:
            tree = orjson.loads(await self._tree(node))
            found["CONTENTS"] = tree["CONTENTS"]
        return _json(orjson.dumps(found))

    async def _tree(self, node: oscbridge.AddressNode) -> bytes:
        """A node and everything below it, in slices between which others have the loop."""
        slices = self.encoder.slices(node)
        parts: list[bytes] = []
        while (part := await self._share.run(lambda: next(slices, None))) is not None:
            parts.append(part)
        return b"".join(parts)

    async def _page(self, node: oscbridge.AddressNode) -> web.Response:
        nodes = [*([node] if node.info is not None else []), *node.children.values()]
        rows = [(each, self.encoder.attributes(each)) for each in nodes[:MAX_ROWS]]
        text = page_of(self.title, node, rows, len(nodes) - len(rows))
        headers = {"Content-Security-Policy": PAGE_POLICY}
        return web.Response(text=text, content_type="text/html", headers=headers)

    # --- the WebSocket ------------------------------------------------------------------------

    async def _serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        options, grant = self._options, access_of(request)
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT, compress=False, max_msg_size=options.max_packet_size
        )
        await socket.prepare(request)
        if request.transport is None:
            return socket
        peer: oscbridge.ClientAddress = request.transport.get_extra_info("peername") or ("", 0)
        client = ListeningClient(
            request.transport, peer, grant, options.max_client_queue, self.clients.dropped
        )
        if hdrs.ORIGIN in request.headers:
            client.echoes = PageEchoes(time.monotonic())
        client.is_watcher = WATCHER in request.headers
        self.clients.add(client)
        bucket = oscbridge.TokenBucket(options.max_rate)
        is_clean = False
        try:
            while (frame := await socket.receive()).type not in _ENDS:
                wait = 0.0
                if client.is_closed:
                    continue  # it is being disconnected
                if frame.type is WSMsgType.BINARY:
                    wait = bucket.take(self._receive(client, frame.data))
                elif frame.type is WSMsgType.TEXT:
                    self._obey(client, frame.data)
                if wait:
                    await asyncio.sleep(wait)
            is_clean = frame.type is WSMsgType.CLOSE
        finally:
            self.clients.remove(client, is_clean=is_clean)
        return socket

    def _receive(self, client: ListeningClient, data: bytes) -> int:
        """Take a packet of a client. Returns the number of messages in it."""
        echoes, now = client.echoes, time.monotonic()
        if echoes is not None:
            if echoes.is_initial(now):
                why = "a page sends values as it is loaded"
                self._host.input_dropped("page_load", 1, why)
                return 1
            if echoes.is_echo(data, now):
                self._host.input_dropped("echo", 1, "a page sends back the values it received")
                return 1
        return self.incoming.receive(data, client.peer, client.grant.rights)

    def _obey(self, client: ListeningClient, text: str) -> None:
        """A command; one that is not known is ignored, as libossia and others have their own."""
        try:
            command = decode_command(text)
            if command.name == LISTEN:
                self.clients.listen(client, command.path)
            elif command.name == IGNORE:
                self.clients.ignore(client, command.path)
        except oscbridge.DecodeError as error:
            self._host.bad_input(error, client.peer)
            client.bad_commands += 1
            if client.bad_commands >= MAX_BAD_COMMANDS:
                client.end(WSCloseCode.PROTOCOL_ERROR, "too many invalid commands")


_ENDS: Final = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
"""What the last frame of a connection is."""


def _limits(options: OSCQueryOptions) -> HTTPLimits:
    return HTTPLimits(
        max_connections=options.max_connections,
        max_connections_per_address=options.max_connections_per_address,
        send_timeout=SEND_TIMEOUT,
    )


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: JSON})

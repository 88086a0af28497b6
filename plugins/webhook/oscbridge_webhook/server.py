"""Accepts requests: messages that are sent, last values, and streams of events."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from aiohttp import hdrs, web

import oscbridge
from oscbridge.http import (
    HTTPFront,
    HTTPLimits,
    HTTPProblem,
    HTTPRules,
    LoopShare,
    access_of,
    answer_pages,
    read_body,
    tls_context,
)
from oscbridge_webhook.incoming import read_address, read_message
from oscbridge_webhook.options import WebhookOptions
from oscbridge_webhook.streams import EventStreams

__all__ = ["SHARE", "WebhookServer"]

SHARE: Final = 0.2
"""The share of the loop's time that answers with values may use."""

API: Final = "/api/v1"
JSON: Final = "application/json"

_OPENAPI: Final = Path(__file__).with_name("openapi.json")
"""The description of this interface."""


class WebhookServer:
    """The HTTP server of an endpoint."""

    def __init__(
        self,
        name: str,
        options: WebhookOptions,
        access: oscbridge.AccessControl,
        host: oscbridge.Host,
        log: logging.Logger,
    ) -> None:
        self._name = name
        self._access = access
        self._host = host
        self._share = LoopShare(SHARE)
        self.streams = EventStreams(host, options.max_events_queue)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.front = HTTPFront(app, self._rules(options), log, limits=_limits(options))
        answer_pages(app, lambda: self._options.origins, "GET, HEAD, POST")
        self.update(options)

    def update(self, options: WebhookOptions) -> None:
        """Use other options from now on. Raises ``ValueError`` for invalid certificates."""
        self.front.tls = tls_context(options.certificate, options.key)
        self.front.rules = self._rules(options)
        self.front.limits = _limits(options)
        self._options = options

    def _rules(self, options: WebhookOptions) -> HTTPRules:
        return HTTPRules.of_endpoint(self._name, options, self._access, self._host.refused)

    # --- requests -----------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        # The path as it was sent: aiohttp would resolve levels like "..".
        path = request.raw_path.partition("?")[0]
        # Percent-encoded, it would otherwise be an address that no GET can read.
        if f"{unquote(path)}/".startswith("/api/"):
            return await self._read(request, path)
        if request.method != hdrs.METH_POST:
            raise HTTPProblem(HTTPStatus.METHOD_NOT_ALLOWED, "", {hdrs.ALLOW: "POST"})
        return await self._receive(request, path)

    async def _receive(self, request: web.Request, path: str) -> web.Response:
        rights = _rights(request, "send")
        address = read_address(path)
        if not rights.may_send(address):
            raise HTTPProblem(HTTPStatus.FORBIDDEN, f"this token may not send {address}")
        body = await read_body(request, self.front.limits)
        header = request.headers.get(hdrs.CONTENT_TYPE, "")
        message = read_message(address, request.content_type, request.charset, body, header)
        self._host.receive(message, (request.remote or "", 0))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _read(self, request: web.Request, path: str) -> web.StreamResponse:
        values = f"{API}/values"
        known = (values, f"{API}/events", f"{API}/openapi.json")
        if path not in known and not path.startswith(f"{values}/"):
            raise HTTPProblem(HTTPStatus.NOT_FOUND, f"available: {' '.join(known)}")
        allowed = ("GET",) if path == f"{API}/events" else ("GET", "HEAD")
        if request.method not in allowed:
            raise HTTPProblem(HTTPStatus.METHOD_NOT_ALLOWED, "", {hdrs.ALLOW: ", ".join(allowed)})
        rights = _rights(request, "listen")
        if path == f"{API}/openapi.json":
            return _json(_OPENAPI.read_bytes())
        if path == f"{API}/events":
            return await self._stream(request)
        if path == values:
            wanted = _wanted(request)
            return _json(await self._share.run(lambda: self._values(rights, wanted)))
        address = read_address(path.removeprefix(values))
        return await self._share.run(lambda: self._value(rights, address))

    def _values(
        self, rights: oscbridge.AccessRights, wanted: oscbridge.AddressFilter | None
    ) -> bytes:
        """The last values of all addresses that a client may and wants to get."""
        found = [
            oscbridge.encode_json(message)
            for message in self._host.last_values()
            if rights.may_listen(message.address)
            and (wanted is None or wanted.matches(message.address))
        ]
        return b"[%s]" % b",".join(found)

    def _value(self, rights: oscbridge.AccessRights, address: str) -> web.Response:
        if not rights.may_listen(address):
            raise HTTPProblem(HTTPStatus.FORBIDDEN, f"this token may not listen to {address}")
        for message in self._host.last_values():
            if message.address == address:
                return _json(oscbridge.encode_json(message))
        raise HTTPProblem(HTTPStatus.NOT_FOUND, f"no value of {address} is known")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        wanted = _wanted(request)
        most = self._options.max_streams
        if len(self.streams) >= most:
            self._host.refused(f"a stream for {request.remote}: max_streams = {most} reached")
            text = f"there are {most} streams already"
            raise HTTPProblem(HTTPStatus.SERVICE_UNAVAILABLE, text, {hdrs.RETRY_AFTER: "5"})
        limit = self._options.max_events_queue
        return await self.streams.serve(request, access_of(request), wanted, limit)


def _limits(options: WebhookOptions) -> HTTPLimits:
    return HTTPLimits(
        max_connections=options.max_connections,
        max_connections_per_address=options.max_connections_per_address,
        max_body_size=options.max_body_size,
    )


def _rights(request: web.Request, right: oscbridge.Right) -> oscbridge.AccessRights:
    """What the client may do. Raises :class:`HTTPProblem` if it lacks a right."""
    access = access_of(request)
    if denied := access.without(right):
        raise HTTPProblem(denied.status, denied.reason, denied.headers)
    return access.rights


def _wanted(request: web.Request) -> oscbridge.AddressFilter | None:
    """The addresses that ``match`` in the URL asks for, once or several times; None for all."""
    texts = request.query.getall("match", [])
    try:
        return oscbridge.AddressFilter(texts) if texts else None
    except oscbridge.PatternError as error:
        raise HTTPProblem(HTTPStatus.BAD_REQUEST, f"match: {error}") from None


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: JSON})

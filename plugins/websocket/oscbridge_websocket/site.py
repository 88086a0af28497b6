"""What the endpoint serves over HTTP: a link to the control room, or the files of a folder."""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable
from email.utils import formatdate
from typing import Final
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.file_requests import FilePart, select_part
from oscbridge_websocket.files import FoundFile, IsFolder, open_file
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.responses import page_response, text_response

__all__ = ["StaticSite"]

CHUNK: Final = 262_144
"""Bytes of a file that are read at once, and at most in memory for one client."""

SEND_TIMEOUT: Final = 30.0
"""Seconds for a client to read one chunk; one that does not is disconnected."""

POLL_INTERVAL: Final = 0.01
"""Seconds between looks at whether everything is sent, at the end of a file."""

METHODS: Final = ("GET", "HEAD", "OPTIONS")


class _SentResponse(Response):
    """A response that has been written already."""

    def serialize(self) -> bytes:
        return b""


class StaticSite:
    """Responds to HTTP requests as the options say."""

    def __init__(self, options: WebSocketOptions, find_control_room: Callable[[str], str]) -> None:
        """``find_control_room``: its URL for somebody who reaches this machine as a host, or ""."""
        self._options = options
        self._find_control_room = find_control_room
        self._prefix = options.path_prefix.rstrip("/")

    async def respond(self, connection: WebSocketConnection, request: Request) -> Response:
        """The response to a request that is not for WebSocket."""
        if self._options.files is None or request.method not in METHODS:
            url = self._find_control_room(_host_of(request))
            return page_response(request, enabled=self._options.page, control_room=url)
        path = request.path.partition("?")[0]
        if self._prefix and path == self._prefix:
            return _redirect(request)
        if self._prefix and path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        try:
            file = await asyncio.to_thread(open_file, self._options.files, path)
        except IsFolder:
            return _redirect(request)
        if file is None:
            response = text_response(404, "Not found.\n")
            if request.method == "HEAD":
                response.body = b""
            return response
        try:
            if request.method == "OPTIONS":
                return _options_response()
            return await _send_file(connection, request, file)
        finally:
            file.close()


def _host_of(request: Request) -> str:
    """The host by which the client reaches this machine; empty if a proxy is between them."""
    if any(name.lower().startswith(("forwarded", "x-forwarded-")) for name in request.headers):
        return ""
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def _options_response() -> Response:
    response = text_response(200, "")
    response.headers["Allow"] = ", ".join(METHODS)
    return response


def _redirect(request: Request) -> Response:
    """To the same path with a slash, relative, so that it is right behind a proxy too."""
    path, query, more = request.path.partition("?")
    response = text_response(308, "")
    response.headers["Location"] = f"./{path.rpartition('/')[2]}/{query}{more}"
    return response


async def _send_file(
    connection: WebSocketConnection, request: Request, file: FoundFile
) -> Response:
    part = select_part(request.headers, file)
    response = _SentResponse(
        part.status, http.HTTPStatus(part.status).phrase, _headers(file, part), b""
    )
    head = Response(part.status, response.reason_phrase, response.headers, b"").serialize()
    body = request.method == "GET" and part.size > 0
    connection.transport.write(head)
    if not (await _send_body(connection, file, part) if body else await _drained(connection)):
        # The client sees that the content is not complete.
        connection.abort()
    return response


def _headers(file: FoundFile, part: FilePart) -> Headers:
    headers = Headers(
        {
            "Date": formatdate(usegmt=True),
            "Connection": "close",
            # Stored, but compared before each use: a changed file is shown at the next reload.
            "Cache-Control": "no-cache",
            "ETag": file.etag,
            "Last-Modified": file.last_modified,
            "Accept-Ranges": "bytes",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
    )
    if part.status == 416:
        headers["Content-Range"] = f"bytes */{file.size}"
    if part.status == 206:
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.size - 1}/{file.size}"
    if part.status != 304:
        headers["Content-Type"] = file.content_type
        headers["Content-Length"] = str(part.size)
    return headers


async def _send_body(connection: WebSocketConnection, file: FoundFile, part: FilePart) -> bool:
    """Send a part of a file. Returns whether the client got all of it."""
    offset, end = part.start, part.start + part.size
    while offset < end:
        try:
            data = await asyncio.to_thread(file.read, offset, min(CHUNK, end - offset))
        except OSError:
            return False
        if not data or connection.is_gone:
            return False  # the file has become shorter, or the client has disconnected
        connection.transport.write(data)
        offset += len(data)
        if not await _drained(connection):
            return False
    return True


async def _drained(connection: WebSocketConnection) -> bool:
    """Wait until everything is written. Returns False if the client does not read."""
    loop = asyncio.get_running_loop()
    left, since = connection.unsent, loop.time()
    while left:
        if connection.is_gone or loop.time() - since > SEND_TIMEOUT:
            return False
        await connection.pause(POLL_INTERVAL)
        if connection.unsent < left:
            since = loop.time()
        left = connection.unsent
    return not connection.is_gone

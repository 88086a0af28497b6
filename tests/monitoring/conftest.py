"""Health and metrics served on the test's loop, and HTTP clients."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from oscbridge.http.limits import HTTPLimits
from oscbridge.monitoring.http_server import HTTPServer
from oscbridge.net.url import HostPort
from oscbridge.status.status import Status

ANY_PORT = HostPort("127.0.0.1", 0)
EMPTY = Status((), (), ())


class Response(NamedTuple):
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Sends requests with Python's client, or byte by byte."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """By a connection of its own."""
        return await asyncio.to_thread(self._get, path, method, headers)

    def _get(self, path: str, method: str, headers: dict[str, str]) -> Response:
        connection = http.client.HTTPConnection(*self.server.address, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Response(response.status, response.headers, response.read())
        finally:
            connection.close()

    async def send(self, data: bytes, *, finish: bool = False) -> bytes:
        """All that comes back to these bytes, until the server ends the connection."""
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*self.server.address)
            try:
                writer.write(data)
                if finish:
                    writer.write_eof()
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    async def status(self, data: bytes) -> int:
        """The status of the answer to these bytes; 0 if there is none."""
        answer = await self.send(data)
        return int(answer.split()[1]) if answer else 0


@pytest.fixture
async def serve_http() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Starts servers with a status, or a function that returns one, and limits."""
    started: list[HTTPServer] = []

    async def serve(
        status: Status | Callable[[], Status] = EMPTY,
        limits: HTTPLimits | None = None,
        listen: HostPort = ANY_PORT,
        **options: object,
    ) -> Client:
        get = (lambda: status) if isinstance(status, Status) else status
        server = HTTPServer(listen, get, **options)  # type: ignore[arg-type]
        if limits is not None:
            server.limits = limits
        await server.start()
        started.append(server)
        return Client(server)

    yield serve
    for server in started:
        await server.stop()


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Number of open descriptors of this process."""
    return lambda: len(list(Path("/proc/self/fd").iterdir()))

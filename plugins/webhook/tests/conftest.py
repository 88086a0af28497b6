"""A receiver of webhooks that answers as told, and a bridge with an endpoint of the type."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web

import oscbridge
from oscbridge.testing import EndpointStatus, RunningBridge, running_bridge

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.hook]
type = "webhook"
{options}
"""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ReceivedRequest(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server that gives the answers of a list, in order, and then 204."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[ReceivedRequest] = asyncio.Queue()
        self.answers: deque[Answer] = deque()
        self.released = asyncio.Event()
        """Ends answers that hang."""
        self.port = 0

    async def start(self) -> None:
        """Listen: at first on a free port, and then on the same one again."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.released.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def next(self) -> ReceivedRequest:
        """The next request."""
        async with asyncio.timeout(20):
            return await self.requests.get()

    def answer(self, *answers: int | Answer, **headers: str) -> None:
        """Add answers: statuses, with these headers, or functions."""
        for each in answers:
            self.answers.append(_status(each, headers) if isinstance(each, int) else each)

    async def hang(self, _request: web.Request) -> web.StreamResponse:
        """Answer nothing."""
        await self.released.wait()
        return web.Response()

    async def reset(self, request: web.Request) -> web.StreamResponse:
        """Close the connection without an answer."""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """An answer with a body that does not end."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except ConnectionError:
            return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        found = ReceivedRequest(request.method, request.raw_path, dict(request.headers), body)
        self.requests.put_nowait(found)
        if self.answers:
            return await self.answers.popleft()(request)
        return web.Response(status=204)


def _status(status: int, headers: dict[str, str]) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        text = None if status in (204, 304) else f"this is\n{status}"
        return web.Response(status=status, text=text, headers=named)

    return answer


class WebhookBridge:
    """A running bridge with the endpoint ``hook``."""

    def __init__(self, bridge: RunningBridge, session: aiohttp.ClientSession) -> None:
        self.bridge = bridge
        self._session = session

    @property
    def status(self) -> EndpointStatus:
        return self.bridge.endpoint_status("hook")

    @property
    def url(self) -> str:
        return self.bridge.endpoint("hook").describe()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def offer(self, address: str, *args: oscbridge.Argument) -> None:
        """Put a message directly into the send queue."""
        self.bridge.offer("hook", oscbridge.Message.of(address, *args))

    def send(self, address: str, *args: oscbridge.Argument) -> None:
        """Send a message to the bridge."""
        self.bridge.send("stage", oscbridge.Message.of(address, *args))

    async def reload(self, options: str) -> None:
        """Reload with other options."""
        await self.bridge.reload(CONFIGURATION.format(options=options))

    async def received(self) -> oscbridge.Message:
        """The next message from the endpoint."""
        async with asyncio.timeout(10):
            return await self.bridge.received("hook").get()

    async def request(
        self, method: str, path: str, token: str = "", **options: object
    ) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body of the response to a client's request."""
        headers = dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with self._session.request(
            method,
            self.url + path,
            headers=headers,
            **options,  # type: ignore[arg-type]
        ) as response:
            return response.status, dict(response.headers), await response.read()


Start = Callable[..., Awaitable[WebhookBridge]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; the text are lines of TOML for its endpoint."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(
            options: str = 'listen = "127.0.0.1:0"', configuration: str = CONFIGURATION
        ) -> WebhookBridge:
            running = running_bridge(configuration.format(options=options), record=["hook"])
            return WebhookBridge(await stack.enter_async_context(running), session)

        yield start

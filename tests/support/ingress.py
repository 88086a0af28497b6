"""The ingress of Home Assistant: its two proxies, with the headers that they add and remove.

The browser talks to Home Assistant, which names the path and the client and passes requests on to
the Supervisor, which passes them on to the add-on. ``Host`` stays that of the browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs, web

__all__ = ["PANEL", "SUPERVISOR", "running_ingress"]

SUPERVISOR = "127.0.0.2"
"""The address from which the add-on is called; 172.30.32.2 on a machine of Home Assistant."""

PATH = "/api/hassio_ingress/Xy_1-2"
"""Where the pages of the add-on are."""

PANEL = "/oscbridge"
"""The page of Home Assistant that shows them."""

SESSION = "ingress_session"
"""The cookie of users who have logged in."""

REMOVED = {
    *(hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING, hdrs.TRANSFER_ENCODING, hdrs.ACCEPT_ENCODING),
    *(hdrs.SEC_WEBSOCKET_EXTENSIONS, hdrs.SEC_WEBSOCKET_PROTOCOL, hdrs.SEC_WEBSOCKET_VERSION),
    hdrs.SEC_WEBSOCKET_KEY,
}
"""Headers of requests that are not passed on."""

REMOVED_FROM_ANSWERS = {
    *(hdrs.CONTENT_LENGTH, hdrs.CONTENT_ENCODING, hdrs.CONTENT_TYPE, hdrs.TRANSFER_ENCODING),
}


class _Proxy:
    """One of both."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    def headers(self, request: web.Request) -> dict[str, str]:
        kept = {key: v for key, v in request.headers.items() if key.title() not in _TITLES}
        peer = request.transport.get_extra_info("peername")[0] if request.transport else ""
        # The Supervisor writes "None" where the header was missing.
        kept[hdrs.X_FORWARDED_FOR] = f"{request.headers.get(hdrs.X_FORWARDED_FOR)}, {peer}"
        return kept

    async def handle(self, request: web.Request) -> web.StreamResponse:
        url = f"{self._base}{request.match_info['path']}"
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._web_socket(request, url)
        async with self._session.request(
            request.method,
            url,
            headers=self.headers(request),
            params=request.query,
            data=await request.read(),
            allow_redirects=False,
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k not in REMOVED_FROM_ANSWERS}
            return web.Response(
                status=answer.status,
                headers=kept,
                content_type=answer.content_type,
                body=await answer.read(),
            )

    async def _web_socket(self, request: web.Request, url: str) -> web.WebSocketResponse:
        listed = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",")
        protocols = [each.strip() for each in listed if each.strip()]
        server = web.WebSocketResponse(protocols=protocols, autoclose=False, autoping=False)
        await server.prepare(request)
        async with self._session.ws_connect(
            url,
            headers=self.headers(request),
            protocols=protocols,
            autoclose=False,
            autoping=False,
        ) as client:
            ways = [
                asyncio.create_task(_forward(server, client)),
                asyncio.create_task(_forward(client, server)),
            ]
            _, running = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in running:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        return server


class _Core(_Proxy):
    """Home Assistant itself: users have logged in here."""

    def headers(self, request: web.Request) -> dict[str, str]:
        peer = request.transport.get_extra_info("peername")[0] if request.transport else ""
        return super().headers(request) | {
            "X-Hass-Source": "core.ingress",
            "X-Ingress-Path": PATH,
            hdrs.X_FORWARDED_FOR: peer,
            hdrs.X_FORWARDED_HOST: request.host,
            hdrs.X_FORWARDED_PROTO: request.url.scheme,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if SESSION not in request.cookies:
            raise web.HTTPUnauthorized
        return await super().handle(request)


_TITLES = {str(each).title() for each in REMOVED}

_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _forward(source: _Socket, target: _Socket) -> None:
    async for message in source:
        if message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type == aiohttp.WSMsgType.PING:
            await target.ping()
        elif message.type == aiohttp.WSMsgType.PONG:
            await target.pong()
    await target.close(code=source.close_code or 1000)


@asynccontextmanager
async def running_ingress(add_on: int) -> AsyncIterator[int]:
    """Home Assistant before the port of an add-on. Yields its port."""
    connector = aiohttp.TCPConnector(local_addr=(SUPERVISOR, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as outer,
        aiohttp.ClientSession() as inner,
        _running({"/ingress/{path:.*}": _Proxy(outer, f"http://127.0.0.1:{add_on}/")}) as port,
        _running(
            {f"{PATH}/{{path:.*}}": _Core(inner, f"http://127.0.0.1:{port}/ingress/")}
        ) as found,
    ):
        yield found


@asynccontextmanager
async def _running(proxies: Mapping[str, _Proxy]) -> AsyncIterator[int]:
    app = web.Application()
    for path, proxy in proxies.items():
        app.router.add_route("*", path, proxy.handle)
    app.router.add_get(PANEL, _panel)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _panel(_request: web.Request) -> web.Response:
    """The frame in which Home Assistant shows the add-on, for a user after a login."""
    frame = f"<iframe src='{PATH}/' width=1200 height=640></iframe>"
    answer = web.Response(
        text=f"<!DOCTYPE html><link rel=icon href='data:,'>{frame}", content_type="text/html"
    )
    answer.set_cookie(SESSION, "1", path=PATH)
    return answer

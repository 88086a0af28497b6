"""The control room: its pages, and its WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from oscbridge.http import HTTPProblem
from oscbridge.monitoring import Operations, Site, SiteAccess, SiteHandler
from oscbridge_ui.connection import Connected
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.greeting import FULL, MAX_PAGES
from oscbridge_ui.pages import PAGE_PATHS, StaticFile, read_page

__all__ = ["SOCKET", "ControlRoom"]

SOCKET: Final = "/ui"
"""The path of the WebSocket."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds of a stop to close connections."""


class ControlRoom(Site):
    """Serves the page, and connects it to the bridge."""

    def __init__(self, operations: Operations, access: SiteAccess, log: logging.Logger) -> None:
        super().__init__(operations, access, log)
        self._feeds = Feeds(operations)
        self._clients: dict[Connected, None] = {}
        built = read_page()
        handlers = dict.fromkeys(PAGE_PATHS, _handler(built.page))
        handlers |= {path: _handler(file) for path, file in built.files.items()}
        self._handlers: Mapping[str, SiteHandler] = {**handlers, SOCKET: self._connect}

    @property
    def pages(self) -> Mapping[str, SiteHandler]:
        return self._handlers

    def access_changed(self) -> None:
        for client in tuple(self._clients):
            client.access_changed()

    async def close(self) -> None:
        tasks = [asyncio.create_task(client.close()) for client in self._clients]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
        await self._feeds.close()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if not self._has_room():
            raise HTTPProblem(FULL.status, FULL.reason, FULL.headers)
        client = Connected(
            request, self.operations, self.access, self._feeds, self.log, self._has_room
        )
        self._clients[client] = None
        try:
            return await client.serve()
        finally:
            self._clients.pop(client, None)

    def _has_room(self) -> bool:
        """Whether a further page may have access. Others make room for it: ``making_room``."""
        return sum(client.has_access for client in self._clients) < MAX_PAGES


def _handler(file: StaticFile) -> SiteHandler:
    async def respond(request: web.Request) -> web.StreamResponse:
        return file.response(request)

    return respond

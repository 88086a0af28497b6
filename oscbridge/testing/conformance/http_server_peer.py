"""A peer that is an HTTP server. Needs the package aiohttp."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from aiohttp import web

from oscbridge.testing.conformance.peer import Peer
from oscbridge.testing.ports import free_port

__all__ = ["HTTPServerPeer"]


class HTTPServerPeer(Peer):
    """Answers requests at :attr:`address`."""

    def __init__(self) -> None:
        self._port = free_port()
        self._runner: web.ServerRunner | None = None
        self._transports: set[asyncio.Transport] = set()

    @property
    def address(self) -> str:
        """``http://127.0.0.1:8080``, without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    @abstractmethod
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""

    async def start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            self._transports.add(request.transport)
        return await self.answer(request)

    async def kill(self) -> None:
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

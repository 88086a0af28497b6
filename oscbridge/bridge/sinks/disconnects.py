"""Notifies an endpoint of disconnected peers, after the messages that came from them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.contract.abilities import PeerAware
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Origin

__all__ = ["DisconnectNotifier"]

DISCONNECT_TIMEOUT: Final = 1.0
"""Seconds to wait for the delivery of messages that were routed before the disconnect."""


class DisconnectNotifier:
    """Calls the endpoint's callback on the event loop, from :meth:`open` to :meth:`close`."""

    def __init__(self, endpoint: AnyEndpoint, log: RateLimitedLog) -> None:
        self._endpoint = endpoint if isinstance(endpoint, PeerAware) else None
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: SendQueue | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, loop: asyncio.AbstractEventLoop, queue: SendQueue | None) -> None:
        """Accept notifications; they wait for the messages in ``queue``."""
        self._loop, self._queue = loop, queue

    def notify(self, origin: Origin) -> None:
        """Notify the endpoint, if it has the ability. From any thread."""
        loop = self._loop  # another thread may set it to None
        if loop is None or self._endpoint is None:
            return
        try:
            loop.call_soon_threadsafe(self._start, origin)
        except RuntimeError:
            pass  # the loop is closed

    def _start(self, origin: Origin) -> None:
        if self._loop is not None:
            task = self._loop.create_task(self._notify_in_order(origin))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _notify_in_order(self, origin: Origin) -> None:
        if self._queue is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DISCONNECT_TIMEOUT):
                    await self._queue.join()
        assert self._endpoint is not None
        try:
            self._endpoint.on_peer_disconnected(origin)
        except BaseException as error:  # the call waits for nothing: the endpoint raised it
            text = f"on_peer_disconnected failed: {failure_text(error)}"
            self._log.report("on_peer_disconnected", text, level=logging.ERROR, error=error)

    def close(self) -> None:
        """Cancel pending notifications, and accept no more."""
        self._loop = None
        for task in tuple(self._tasks):
            task.cancel()

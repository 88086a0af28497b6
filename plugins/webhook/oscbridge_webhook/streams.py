"""Streams of events: server-sent events, as ``EventSource`` of browsers reads them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

import oscbridge

__all__ = ["HEARTBEAT", "EventStream", "EventStreams"]

HEARTBEAT: Final = 15.0
"""Seconds without an event after which a comment is sent, so that no proxy ends the stream."""


class EventStream:
    """The stream of one client, with a bounded queue."""

    def __init__(
        self,
        access: oscbridge.AccessGrant,
        wanted: oscbridge.AddressFilter | None,
        limit: int,
        dropped: Callable[[], None],
    ) -> None:
        """``wanted``: the addresses that the client asks for; None for all."""
        self.access = access
        self._wanted = wanted
        self._queue: deque[bytes] = deque()
        self._limit = limit
        self._dropped = dropped
        self._wake = asyncio.Event()
        self._is_ended = False

    def put(self, address: str, event: bytes) -> None:
        """Queue an event, if the client may and wants to get it."""
        if self._is_ended or not self.access.rights.may_listen(address):
            return
        if self._wanted is not None and not self._wanted.matches(address):
            return
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self._dropped()
        self._queue.append(event)
        self._wake.set()

    def end(self) -> None:
        """Send nothing more."""
        self._is_ended = True
        self._wake.set()

    async def write(self, response: web.StreamResponse) -> None:
        """Write events until the end. Raises ``ConnectionError`` if the client is gone."""
        await response.write(b": connected\n\n")
        while not self._is_ended:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            except TimeoutError:
                await response.write(b":\n\n")
                continue
            self._wake.clear()
            if self._queue and not self._is_ended:
                data = b"".join(self._queue)
                self._queue.clear()
                await response.write(data)


class EventStreams:
    """All streams of an endpoint."""

    def __init__(self, host: oscbridge.Host) -> None:
        self._host = host
        self._streams: set[EventStream] = set()
        self._number = 0

    def __len__(self) -> int:
        return len(self._streams)

    def publish(self, message: oscbridge.Message) -> None:
        """Send a message to all streams."""
        if not self._streams:
            return
        try:
            data = oscbridge.encode_json(message)
        except oscbridge.EncodeError as error:  # only a plugin can make such a message
            self._host.client_dropped("encode", len(self._streams), str(error))
            return
        self._number += 1
        event = b"id: %d\ndata: %s\n\n" % (self._number, data)
        for stream in self._streams:
            stream.put(message.address, event)

    async def serve(
        self,
        request: web.Request,
        access: oscbridge.AccessGrant,
        wanted: oscbridge.AddressFilter | None,
        limit: int,
    ) -> web.StreamResponse:
        """Answer a request with a stream, until its end."""
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream"})
        response.force_close()  # after the end nothing keeps the connection of a denied client
        stream = EventStream(access, wanted, limit, self._dropped)
        self._streams.add(stream)
        try:
            await response.prepare(request)
            await stream.write(response)
            await response.write_eof()
        except ConnectionError:
            pass  # the client has disconnected
        finally:
            self._streams.discard(stream)
        return response

    def _dropped(self) -> None:
        self._host.client_dropped("slow_client", 1, "a client reads too slowly")

    def renew(self, access: oscbridge.AccessControl) -> None:
        """Give each client the current rights of its token, or end its stream."""
        for stream in self._streams:
            grant = access.renew(stream.access)
            if isinstance(grant, oscbridge.AccessDenied):
                stream.end()
            else:
                stream.access = grant

    def end(self) -> None:
        """End all streams."""
        for stream in self._streams:
            stream.end()

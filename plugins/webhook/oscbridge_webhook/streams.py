"""Streams of events: server-sent events, as ``EventSource`` of browsers reads them."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

import oscbridge
from oscbridge_webhook.history import EventHistory

__all__ = ["HEARTBEAT", "KEEP_TIME", "EventStream", "EventStreams"]

HEARTBEAT: Final = 15.0
"""Seconds without an event after which a comment is sent, so that no proxy ends the stream."""

KEEP_TIME: Final = 60.0
"""Seconds after the end of the last stream for which events are still kept for its client."""

_MISSED: Final = b"event: missed\ndata: {}\n\n"
"""Tells a client that has come back that events in between are lost."""

_NUMBER: Final = re.compile(r"[0-9]{1,20}")


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
        self._unsent = oscbridge.UnsentMessages()

    @property
    def left(self) -> int:
        """Messages that have not left for the client."""
        waiting = sum(event is not _MISSED for event in self._queue)
        return waiting + self._unsent.count()

    def put(self, address: str, event: bytes) -> None:
        """Queue an event, if the client may and wants to get it."""
        if self._is_ended or not self.access.rights.may_listen(address):
            return
        if self._wanted is not None and not self._wanted.matches(address):
            return
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self._dropped()
        self.put_always(event)

    def put_always(self, event: bytes) -> None:
        """Queue an event that is not a message."""
        self._queue.append(event)
        self._wake.set()

    def end(self) -> None:
        """Send nothing more."""
        self._is_ended = True
        self._wake.set()

    async def write(self, response: web.StreamResponse, request: web.Request) -> None:
        """Write events until the end. Raises ``ConnectionError`` if the client is gone."""
        await response.write(b": connected\n\n")
        while not self._is_ended:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            except TimeoutError:
                if request.transport is not None and not self._unsent.count_in(request.transport):
                    self._unsent.clear()
                await response.write(b":\n\n")
                continue
            self._wake.clear()
            if self._queue and not self._is_ended:
                await self._write_queue(response, request)

    async def _write_queue(self, response: web.StreamResponse, request: web.Request) -> None:
        events = list(self._queue)
        self._queue.clear()
        data = b"".join(events)
        writing = asyncio.create_task(response.write(data))
        try:
            await asyncio.sleep(0)  # it has handed all to the transport, and may wait for it
            transport = request.transport
            if transport is None:
                self._unsent.wrote(events, len(data), None)
            else:
                self._unsent.wrote_to(transport, events, len(data))
            await writing
        finally:
            writing.cancel()


class EventStreams:
    """All streams of an endpoint."""

    def __init__(self, host: oscbridge.Host, max_history: int) -> None:
        """``max_history``: events that are kept for clients that lose their connection."""
        self._host = host
        self._streams: set[EventStream] = set()
        self._history = EventHistory(max_history)
        self.keeps_events = False
        """Whether a client was here not long ago, so that the history has all events since then."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    def __len__(self) -> int:
        return len(self._streams)

    def publish(self, message: oscbridge.Message) -> None:
        """Send a message to all streams."""
        if not self.keeps_events:
            return
        try:
            data = oscbridge.encode_json(message)
        except oscbridge.EncodeError as error:  # only a plugin can make such a message
            if self._streams:
                self._host.client_dropped("encode", len(self._streams), str(error))
            return
        event = self._history.add(message.address, data)
        for stream in self._streams:
            stream.put(event.address, event.data)

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
        self._resume(stream, request.headers.get("Last-Event-ID"))
        self._streams.add(stream)
        try:
            await response.prepare(request)
            await stream.write(response, request)
            await response.write_eof()
        except ConnectionError:
            pass  # the client has disconnected
        finally:
            self._streams.discard(stream)
            if left := stream.left:
                why = "a client disconnected before they were sent"
                self._host.client_dropped("disconnected", left, why)
            if not self._streams and not self._is_over:
                self._timer = asyncio.get_running_loop().call_later(KEEP_TIME, self._forget)
        return response

    def _resume(self, stream: EventStream, last: str | None) -> None:
        """Give a client that has come back the events since the last one that it got."""
        if self._timer is not None:  # the one before was the last for a while
            self._timer.cancel()
            self._timer = None
        missed = None
        if last is not None and self.keeps_events and _NUMBER.fullmatch(last):
            missed = self._history.after(int(last))
        self.keeps_events = True
        if last and missed is None:
            stream.put_always(_MISSED)
        for event in missed or ():
            stream.put(event.address, event.data)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.keeps_events = False
        self._history.clear()

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
        self._is_over = True
        self._forget()
        for stream in self._streams:
            stream.end()

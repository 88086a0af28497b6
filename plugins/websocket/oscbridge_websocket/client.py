"""Connected clients: their bounded queues, and groups that receive the same frames."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeAlias

from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN

import oscbridge
from oscbridge_websocket.client_options import ClientOptions
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.frame_clock import FrameClock
from oscbridge_websocket.frames import FrameFormat, OutgoingFrame
from oscbridge_websocket.pacing import FramePacer, Pace, PacedFrame

__all__ = ["ClientGroup", "ClientGroups", "WebSocketClient"]

STALL_TIMEOUT: Final = 30.0
"""Seconds without any progress after which a client is disconnected."""


class WebSocketClient:
    """One client and the frames queued for it, oldest first.

    A client that reads too slowly loses its oldest messages and slows nobody else. One that
    reads nothing at all is disconnected here: the library's keepalive ping is queued after the
    unsent data, so it would never notice.
    """

    def __init__(
        self,
        connection: WebSocketConnection,
        origin: oscbridge.Origin,
        options: ClientOptions,
        grant: oscbridge.AccessGrant,
        *,
        queue: int,
        rate: int,
        on_drop: Callable[[str, int], None],
        log: logging.Logger,
        stall_timeout: float = STALL_TIMEOUT,
    ) -> None:
        """``queue`` is in messages, ``rate`` in messages per second, ``stall_timeout`` in s."""
        self.origin = origin
        """The origin of the messages that this client sends."""
        self.peer: tuple[str, int] = connection.remote_address
        self.format = options.format
        self.grant = grant
        self.connection = connection
        self.bucket = oscbridge.TokenBucket(rate)
        self.forbidden = 0
        """The number of messages it sent without the right to do so."""
        self._limit = queue
        self._on_drop = on_drop
        self._log = log
        self._stall_timeout = stall_timeout
        self._clock = asyncio.get_running_loop().time
        self._sending_since = math.inf
        self.frames: deque[OutgoingFrame] = deque()
        """Queued frames."""
        self._queued_messages = 0
        self._sending = 0
        self._busy: tuple[float, int] | None = None
        """Since when it has read nothing, and the bytes that were unsent then; for the pacer."""
        self.pacer = self._make_pacer(options) if options.frame_rate else None
        """Limits its frames per second; None without a limit."""
        self._throttled = False
        self._filled = asyncio.Event()
        self.measure_unsent = connection.unsent_meter()
        """Returns the bytes that wait in its transport."""
        self.descriptor = _writable(connection.transport)
        """Its socket, for frames that are written while the transport is empty and not closing;
        -1 if they must not be."""
        self._unsent = oscbridge.UnsentMessages()
        self.is_behind = False
        """Whether data was in the transport after the last write."""

    @property
    def is_idle(self) -> bool:
        """Whether no data is queued for it, neither here nor in the transport."""
        if self.is_behind:
            if self.measure_unsent() or self.connection.is_closing():
                return False
            self.is_behind = False
            self._unsent.clear()
        return not self.frames

    def note_written(self, frame: OutgoingFrame) -> None:
        """To be called after a frame is written: is it unsent, or has the write failed?"""
        unsent = None if self.connection.is_closing() else self.measure_unsent()
        if unsent != 0 or self.is_behind:
            self.is_behind = unsent != 0
            # If a part of a frame is lost, so are all of its messages.
            messages = (frame.data, *[b""] * (frame.messages - 1))
            self._unsent.wrote(messages, len(frame.data), unsent)

    def _make_pacer(self, options: ClientOptions) -> FramePacer:
        return FramePacer(
            options.format,
            Pace(options.frame_rate, options.latest, self._limit),
            is_ready=self._is_ready,
            write=self._write_paced,
            on_drop=self._on_drop,
        )

    def flush(self) -> None:
        """Send all messages that wait for a frame: the bridge ends."""
        connection = self.connection
        if self.pacer is not None and connection.state is OPEN and not connection.is_gone:
            self.pacer.flush()

    def _write_paced(self, frame: PacedFrame) -> None:
        self.connection.transport.write(frame.serialized)
        if self.is_behind or self.measure_unsent() or self.connection.is_closing():
            for each in frame.frames:
                self.note_written(each)

    def _is_ready(self) -> bool:
        """Whether the last frame is sent. A client that reads nothing is disconnected."""
        connection = self.connection
        if connection.is_closing() or connection.protocol.state is not OPEN:
            return False  # its queued messages are counted when it has disconnected
        unsent = self.measure_unsent()
        if not unsent:
            self._busy = None
            return True
        now = self._clock()
        if self._busy is None or unsent < self._busy[1]:
            self._busy = now, unsent
        elif now - self._busy[0] > self._stall_timeout:
            self._busy = None
            self._disconnect_stalled()
        return False

    def put(self, frame: OutgoingFrame) -> None:
        """Queue a frame. Above the limit the oldest frames are dropped."""
        frames = self.frames
        frames.append(frame)
        self._queued_messages += frame.messages
        dropped = 0
        while self._queued_messages > self._limit and len(frames) > 1:
            oldest = frames.popleft()
            self._queued_messages -= oldest.messages
            dropped += oldest.messages
        if dropped:
            self._on_drop("slow_client", dropped)
            self._check_stalled()
        self._filled.set()

    def drop_queued(self) -> None:
        """Drop and count unsent messages after the client has disconnected."""
        left, self._queued_messages = self._queued_messages + self._sending, 0
        if not self.connection.has_sent_all:
            left += self._unsent.count(self.measure_unsent() or None)
        self._unsent.clear()
        if self.pacer is not None:
            left += self.pacer.close()
        self._sending = 0
        self.frames.clear()
        if left:
            self._on_drop("disconnected", left)

    async def throttle(self, seconds: float) -> None:
        """Stop reading from it for a while; TCP slows it down when its send buffer is full."""
        if not self._throttled:
            self._throttled = True
            text = "%s:%d sends more than max_rate messages per second: throttled"
            self._log.warning(text, *self.peer[:2])
        await self.connection.pause(seconds)

    def _check_stalled(self) -> None:
        if self._clock() - self._sending_since > self._stall_timeout:
            self._sending_since = math.inf
            self._disconnect_stalled()

    def _disconnect_stalled(self) -> None:
        text = "%s:%d read nothing for %g s: disconnected"
        self._log.warning(text, *self.peer[:2], self._stall_timeout)
        self.connection.transport.abort()

    async def write(self) -> None:
        """Send queued frames until the connection closes."""
        frames, send, clock = self.frames, self.connection.send, self._clock
        text = True if self.format is FrameFormat.JSON else None
        try:
            while True:
                while frames:
                    frame = frames.popleft()
                    self._queued_messages -= frame.messages
                    self._sending_since = clock()
                    self._sending = frame.messages
                    await send(frame.data, text=text)
                    self._sending = 0
                    self.note_written(frame)
                self._sending_since = math.inf
                self._filled.clear()
                await self._filled.wait()
        except ConnectionClosed:
            pass


class ClientGroup:
    """Clients that receive the same frames: same format, same addresses to listen to.

    Those with a frame rate have their own groups, one for each rate: they share a clock.
    """

    def __init__(
        self, frame_format: FrameFormat, addresses: oscbridge.AddressFilter | None, *, paced: bool
    ) -> None:
        self.format = frame_format
        self.paced = paced
        self.clock: FrameClock | None = None
        """Makes the frames of paced clients that are in the groups of an endpoint."""
        self.clients: list[WebSocketClient] = []
        self.addresses = addresses
        """The addresses that they may receive; None for all."""

    def select(self, messages: Sequence[oscbridge.Message]) -> Sequence[oscbridge.Message]:
        """The messages that these clients may receive."""
        addresses = self.addresses
        if addresses is None:
            return messages
        return [message for message in messages if addresses.matches(message.address)]


_GroupKey: TypeAlias = tuple[FrameFormat, oscbridge.AddressFilter | None, Pace | None]


class ClientGroups:
    """The groups of an endpoint's listening clients; empty groups are removed."""

    def __init__(self, on_drop: Callable[[str, int], None]) -> None:
        """``on_drop`` is called with a reason and a number of messages of clients."""
        self._on_drop = on_drop
        self._groups: dict[_GroupKey, ClientGroup] = {}
        self.all: Collection[ClientGroup] = self._groups.values()

    def add(self, client: WebSocketClient) -> None:
        """Add a client to its group, if it may listen."""
        rights = client.grant.rights
        if rights.listens:
            group = self._group(client)
            if group.clock is not None and client.pacer is not None:
                group.clock.join(client.pacer)
            group.clients.append(client)

    def _group(self, client: WebSocketClient) -> ClientGroup:
        key = _key(client)
        if key not in self._groups:
            pacer = client.pacer
            group = ClientGroup(client.format, client.grant.rights.addresses, paced=bool(key[2]))
            if pacer is not None:
                group.clock = FrameClock(client.format, pacer.pace, self._on_drop)
            self._groups[key] = group
        return self._groups[key]

    def remove(self, client: WebSocketClient) -> None:
        """Remove a client that :meth:`add` was called with; its grant must be unchanged."""
        rights = client.grant.rights
        if rights.listens:
            key = _key(client)
            group = self._groups[key]
            group.clients.remove(client)
            if group.clock is not None and client.pacer is not None:
                group.clock.leave(client.pacer)
            if not group.clients:
                del self._groups[key]

    @property
    def next_frame(self) -> float:
        """When the next frame is due, in loop time; 0 while a client has no frame rate."""
        due = math.inf
        for group in self.all:
            if group.clock is None:
                return 0.0
            due = min(due, group.clock.due)
        return due if due < math.inf else 0.0

    def spill(self) -> None:
        """Give all messages that wait for a frame to the pacers of the clients."""
        for group in self.all:
            if group.clock is not None:
                group.clock.spill()


def _writable(transport: asyncio.Transport) -> int:
    """The file descriptor of a transport, if its data needs no TLS; otherwise -1."""
    sock = transport.get_extra_info("socket")
    if os.name != "posix" or sock is None or transport.get_extra_info("sslcontext") is not None:
        return -1
    descriptor: int = sock.fileno()
    return descriptor


def _key(client: WebSocketClient) -> _GroupKey:
    pace = None if client.pacer is None else client.pacer.pace
    return client.format, client.grant.rights.addresses, pace

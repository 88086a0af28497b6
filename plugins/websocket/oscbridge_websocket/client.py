"""One connected client: its bounded queue and what writes it out. Clients that get the same."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed

import oscbridge
from oscbridge_websocket.frames import Format, Frame
from oscbridge_websocket.rate import Bucket
from oscbridge_websocket.rights import Addresses
from oscbridge_websocket.server import Connection
from oscbridge_websocket.tokens import Grant

__all__ = ["Audience", "Client", "send"]

STALL_TIMEOUT: Final = 30.0
"""Seconds after which a client that takes nothing is disconnected."""


class Client:
    """Frames on their way to one client, oldest first.

    A client that reads too slowly loses its oldest messages, and slows nobody else. One that
    reads nothing at all is disconnected: the keepalive of the library waits behind what
    cannot be sent, so it would never find out.
    """

    def __init__(
        self,
        connection: Connection,
        origin: oscbridge.Origin,
        form: Format,
        grant: Grant,
        *,
        queue: int,
        rate: int,
        on_drop: Callable[[int], None],
        log: logging.Logger,
        stall_timeout: float = STALL_TIMEOUT,
    ) -> None:
        self.origin = origin
        """The origin of the messages that this client sends."""
        self.peer: tuple[str, int] = connection.remote_address
        self.format = form
        self.grant = grant
        """What let it in, and what it may do."""
        self.connection = connection
        self.bucket = Bucket(rate)
        self.forbidden = 0
        """Messages that it sent and may not send."""
        self._limit = queue
        self._on_drop = on_drop
        self._log = log
        self._stall_timeout = stall_timeout
        self._clock = asyncio.get_running_loop().time
        self._sending_since = math.inf
        self._frames: deque[Frame] = deque()
        self._waiting = 0
        self._slowed = False
        self._filled = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent to it, here or in the transport."""
        return not self._frames and self.connection.transport.get_write_buffer_size() == 0

    def put(self, frame: Frame) -> None:
        """Queue a frame. Beyond the limit the oldest are dropped."""
        frames = self._frames
        frames.append(frame)
        self._waiting += frame.messages
        dropped = 0
        while self._waiting > self._limit and len(frames) > 1:
            oldest = frames.popleft()
            self._waiting -= oldest.messages
            dropped += oldest.messages
        if dropped:
            self._on_drop(dropped)
            self._check_stalled()
        self._filled.set()

    async def slow_down(self, seconds: float) -> None:
        """Read nothing from it for a while; it is told by TCP, as its buffer fills."""
        if not self._slowed:
            self._slowed = True
            text = "%s:%d sends more than max_rate: it is read no faster"
            self._log.warning(text, *self.peer[:2])
        await self.connection.pause(seconds)

    def _check_stalled(self) -> None:
        if self._clock() - self._sending_since > self._stall_timeout:
            self._sending_since = math.inf
            self._log.warning(
                "%s:%d took nothing for %g s: disconnected", *self.peer[:2], self._stall_timeout
            )
            self.connection.transport.abort()

    async def write(self) -> None:
        """Send what is queued until the connection closes."""
        frames, send, clock = self._frames, self.connection.send, self._clock
        text = True if self.format is Format.JSON else None
        try:
            while True:
                while frames:
                    frame = frames.popleft()
                    self._waiting -= frame.messages
                    self._sending_since = clock()
                    await send(frame.data, text=text)
                self._sending_since = math.inf
                self._filled.clear()
                await self._filled.wait()
        except ConnectionClosed:
            pass


class Audience:
    """Clients that get the same frames: of one format, with the same right to listen."""

    def __init__(self, form: Format, addresses: Addresses | None) -> None:
        self.format = form
        self.clients: list[Client] = []
        self._addresses = addresses

    def pick(self, messages: Sequence[oscbridge.Message]) -> Sequence[oscbridge.Message]:
        """Those of some messages that they may get."""
        addresses = self._addresses
        if addresses is None:
            return messages
        return [message for message in messages if addresses.has(message.address)]


def send(clients: Sequence[Client], frames: Sequence[Frame]) -> None:
    """Send frames to clients of one format.

    At once to those for whom nothing waits: it saves a task's turn a client. Flow control
    is the queue's, so the others, and all that follows, go through that.
    """
    text = True if clients[0].format is Format.JSON else None
    for frame in frames:
        there = [client for client in clients if not client.connection.is_gone]
        idle = [client.connection for client in there if client.is_idle]
        if len(idle) < len(there):
            for client in there:
                if not client.is_idle:
                    client.put(frame)
        if idle:
            broadcast(idle, frame.data, text=text)

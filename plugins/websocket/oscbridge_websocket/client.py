"""One connected client: its bounded queue and what writes it out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

import oscbridge

__all__ = ["Client", "Frame"]


class Frame(NamedTuple):
    """What is sent to a client as one WebSocket message."""

    data: bytes
    messages: int
    """How many OSC messages it holds."""


class Client:
    """Frames on their way to one client, oldest first.

    A client that reads too slowly loses its oldest messages, and slows nobody else.
    """

    def __init__(
        self,
        connection: ServerConnection,
        origin: oscbridge.Origin,
        *,
        json: bool,
        queue: int,
        on_drop: Callable[[int], None],
    ) -> None:
        self.origin = origin
        """The origin of the messages that this client sends."""
        self.json = json
        self._connection = connection
        self._limit = queue
        self._on_drop = on_drop
        self._frames: deque[Frame] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()

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
        self._filled.set()

    async def write(self) -> None:
        """Send what is queued until the connection closes."""
        frames, send, text = self._frames, self._connection.send, self.json or None
        try:
            while True:
                while frames:
                    frame = frames.popleft()
                    self._waiting -= frame.messages
                    await send(frame.data, text=text)
                self._filled.clear()
                await self._filled.wait()
        except ConnectionClosed:
            pass

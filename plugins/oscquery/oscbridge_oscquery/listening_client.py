"""A client of the server's WebSocket: the frames for it, in order, with a bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import oscbridge
from oscbridge_oscquery.commands import OSCQueryCommand, encode_command
from oscbridge_oscquery.frames import close_frame, text_frame
from oscbridge_oscquery.page_echoes import PageEchoes
from oscbridge_oscquery.pending_commands import PendingCommands

__all__ = ["ListeningClient"]

LOOK_INTERVAL: Final = 0.01
"""Seconds between looks whether a slow client has read everything."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for the closing handshake."""

CHUNK: Final = 65_536
"""Bytes that are written at once to a client that was slow."""


class ListeningClient:
    """One client. Frames of a batch are written together.

    A client that reads too slowly loses its oldest messages, but no command, and slows nobody
    else; one that reads nothing is closed by :class:`oscbridge.http.HTTPFront`.
    """

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        peer: oscbridge.ClientAddress,
        grant: oscbridge.AccessGrant,
        limit: int,
        on_drop: Callable[[str, int], None],
    ) -> None:
        """``limit``: frames in the queue. ``on_drop`` is called with a reason and a count."""
        self.peer = peer
        self.grant = grant
        self.is_watcher = False
        """Whether it only watches: datagrams from its host are not its own."""
        self.echoes: PageEchoes | None = None
        """What a page sends by itself; None for other programs."""
        self.bad_commands = 0
        self._transport = transport
        self._limit = limit
        self._on_drop = on_drop
        self._batch: list[bytes] = []
        self._queue: deque[bytes] = deque()
        self._unsent = oscbridge.UnsentMessages()
        self._commands = PendingCommands()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._ending: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()
        """Set when the connection is closed."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is sent to it, or taken from it."""
        return self._is_closed

    @property
    def queued(self) -> int:
        """Frames that wait because the client is slow."""
        return len(self._queue)

    def put(self, frame: bytes) -> bool:
        """Add a frame to the batch. Returns whether it is the first one: then flush later."""
        batch = self._batch
        batch.append(frame)
        return len(batch) == 1

    def flush(self) -> None:
        """Write the batch, or queue it if the client has not read earlier data."""
        batch, self._batch = self._batch, []
        if self._is_closed:
            self._on_drop("disconnected", len(batch))
        elif self._is_slow:
            self._queue.extend(batch)
            self._drop_oldest()
            self._look_later()
        else:
            self._write(batch)

    def _write(self, frames: Sequence[bytes]) -> None:
        """Write frames of messages, and note those that do not leave at once."""
        data = b"".join(frames)
        self._transport.write(data)
        self._unsent.wrote_to(self._transport, frames, len(data))
        if self._transport.get_write_buffer_size():
            self._look_later()

    def tell(self, commands: Sequence[OSCQueryCommand], frames: bytes) -> None:
        """Send commands, or keep them until the client has read earlier data.

        ``frames`` are the commands, encoded.
        """
        if self._is_closed or not commands:
            return
        if self._is_slow:
            self._commands.add(commands)
            self._look_later()
        else:
            self._transport.write(frames)

    @property
    def _is_slow(self) -> bool:
        """Whether it has not read earlier data."""
        is_waiting = self._queue or self._commands or self._transport.get_write_buffer_size()
        return bool(is_waiting)

    def _drop_oldest(self) -> None:
        dropped = len(self._queue) - self._limit
        for _ in range(dropped):
            self._queue.popleft()
        if dropped > 0:
            self._on_drop("slow_client", dropped)

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._has_left:
            self._unsent.clear()
            if not self._is_closed:
                self._write_waiting()
        if self._transport.get_write_buffer_size() if self._is_closed else self._is_slow:
            self._look_later()

    @property
    def _has_left(self) -> bool:
        """Whether all data has left; a transport that has failed does not know."""
        return not (self._transport.get_write_buffer_size() or self._transport.is_closing())

    def _write_waiting(self) -> None:
        """Write commands and some frames of the queue."""
        commands = b"".join(text_frame(encode_command(each)) for each in self._commands.take())
        frames: list[bytes] = []
        size = len(commands)
        while self._queue and size < CHUNK:
            frames.append(self._queue.popleft())
            size += len(frames[-1])
        if commands:
            self._transport.write(commands)
        if frames:
            self._write(frames)

    def close(self) -> None:
        """Send nothing more, and drop the queue."""
        self._is_closed = True
        if self._queue:
            self._on_drop("disconnected", len(self._queue))
            self._queue.clear()

    def _drop_unsent(self) -> None:
        """Count the messages that were written, and have not left."""
        if missed := self._unsent.count_in(self._transport):
            self._on_drop("disconnected", missed)
        self._unsent.clear()

    def end(self, code: int, reason: str) -> None:
        """Close the connection, after a time-out without the answer of the client."""
        self.close()
        if not self._transport.is_closing():
            self._transport.write(close_frame(code, reason))
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(CLOSE_TIMEOUT, self._end)

    def _end(self) -> None:
        if self._transport.get_write_buffer_size():
            self._drop_unsent()
            self._transport.abort()  # it reads nothing
        else:
            if self._has_left:
                self._unsent.clear()
            self._transport.close()  # without losing what it has not read yet

    def ended(self, *, is_clean: bool = False) -> None:
        """The connection is closed. ``is_clean``: the client has sent a close frame."""
        self.close()
        if is_clean and not self._transport.get_write_buffer_size():
            self._unsent.clear()
        self._drop_unsent()
        for timer in (self._timer, self._ending):
            if timer is not None:
                timer.cancel()
        self._timer = self._ending = None
        self.gone.set()

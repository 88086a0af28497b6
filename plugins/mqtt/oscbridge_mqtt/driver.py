"""paho's client, run by the event loop and not by a thread.

paho offers its reads and writes to loops of others. That saves a lock, a wake-up and a
switch of threads a message. Whole packets may go into its socket past it, many at once,
while it has nothing to write itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Final

from paho.mqtt.client import Client

import oscbridge
from oscbridge_mqtt.stream import Sockets

__all__ = ["Driver"]

READS: Final = 64
"""Packets that are read before others have their turn on the loop."""

_CORK: Final[int | None] = getattr(socket, "TCP_CORK", None)


class Driver:
    """Connects a client, and reads and writes for it.

    ``prepare`` closes the client's socket and says where to connect next; ``broken`` is called
    when the connection is given up here. ``direct`` says that packets may go past the client.
    """

    def __init__(
        self,
        client: Client,
        sockets: Sockets,
        log: logging.Logger,
        *,
        prepare: Callable[[], None],
        broken: Callable[[oscbridge.NotConnected], None],
        direct: bool,
    ) -> None:
        self.progress = 0
        """Counted up by whoever gets something that was read."""
        self._client = client
        self._sockets = sockets
        self._log = log
        self._prepare = prepare
        self._broken = broken
        self._direct = direct
        self._loop = asyncio.get_running_loop()
        self._dialling: asyncio.Future[None] | None = None
        self._descriptor = -1
        self._socket: socket.socket | None = None
        self._rest = memoryview(b"")
        self._flushing = False
        self._writing = False
        self._drained: asyncio.Future[None] | None = None
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write

    @property
    def is_open(self) -> bool:
        return self._descriptor >= 0

    # --- opening and closing -----------------------------------------------------------------

    async def free(self) -> None:
        """Wait until a dialling that was given up has come to its end."""
        if self._dialling is not None:
            await asyncio.wait([self._dialling])

    async def dial(self) -> None:
        """Open the socket, on a thread: names, TLS and WebSocket block.

        Raises what paho does. Cancelled, it goes on for a while and closes what it opens.
        """
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._dialling = over = self._loop.create_future()

        def done(error: Exception | None) -> None:
            self._dialling = None
            over.set_result(None)
            if waiting.cancelled():
                self._prepare()
            elif error is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)

        def dial() -> None:
            failure: Exception | None = None
            try:
                self._client.reconnect()
            except Exception as error:
                self._sockets.close()
                failure = error
            try:
                self._loop.call_soon_threadsafe(done, failure)
            except RuntimeError:  # the loop is closed: nobody waits any more
                self._prepare()

        threading.Thread(target=dial, name="mqtt dial", daemon=True).start()
        await waiting

    def attach(self) -> None:
        """Read and write from now on. Raises :class:`oscbridge.NotConnected`."""
        found = self._client.socket()
        if found is None:
            raise oscbridge.NotConnected
        self._descriptor = found.fileno()
        if self._direct and self._sockets.stream is not None:
            self._socket = self._sockets.stream.socket
        self._rest = memoryview(b"")
        self._loop.add_reader(self._descriptor, self._on_readable)
        self._flush()

    def hang_up(self) -> None:
        """Close without a word."""
        if self._dialling is None:
            self._prepare()

    def fail(self, error: oscbridge.NotConnected) -> None:
        """Tell who waits that the connection is gone."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_exception(error)
            self._drained.exception()  # whoever waited may be gone

    def _on_socket_close(self, _client: Client, _data: object, _socket: object) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
        self._descriptor, self._socket, self._writing = -1, None, False

    def _give_up(self, text: str) -> None:
        self.hang_up()
        self._broken(oscbridge.NotConnected(text))

    # --- writing -----------------------------------------------------------------------------

    async def write(self, packets: Sequence[bytes]) -> None:
        """Send whole packets, and wait until the system has them.

        Raises :class:`oscbridge.NotConnected` that says how many it had.
        """
        while self._rest or self._client.want_write():
            await self.drain()
        data = memoryview(b"".join(packets))
        self._rest = data
        self._write_rest()
        if not self._rest:
            return
        try:
            await self.drain()
        except oscbridge.NotConnected as error:
            written, sent = len(data) - len(self._rest), 0
            while sent < len(packets) and written >= len(packets[sent]):
                written -= len(packets[sent])
                sent += 1
            raise oscbridge.NotConnected(str(error), sent=sent) from None

    async def drain(self) -> None:
        """Wait until all is written. Raises :class:`oscbridge.NotConnected`."""
        self._flush()
        if self._descriptor < 0:
            raise oscbridge.NotConnected
        if self._rest or self._client.want_write():
            if self._drained is None or self._drained.done():
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    def _on_register_write(self, _client: Client, _data: object, _socket: object) -> None:
        # While it is dialled this comes from the thread: what is queued then goes out when
        # it is attached.
        if self._descriptor >= 0 and not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what can be written; the rest when there is room."""
        self._flushing = False
        if self._descriptor < 0:
            return
        if self._rest:
            self._write_rest()
            if self._rest:
                return
        if self._client.want_write():
            self._cork(1)
            try:
                self._client.loop_write()
            finally:
                self._cork(0)
        if self._descriptor >= 0:
            self._want_writer(self._client.want_write())

    def _write_rest(self) -> None:
        """Go on with packets that are written directly."""
        sock = self._socket
        if sock is None:
            return
        try:
            sent = sock.send(self._rest)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            self._give_up(f"the connection broke: {error}")
            return
        self._rest = self._rest[sent:]
        if self._rest:
            self._want_writer(True)

    def _want_writer(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._loop.add_writer(self._descriptor, self._flush)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._descriptor)
        self._writing = wanted
        drained = self._drained
        if not wanted and drained is not None and not drained.done():
            drained.set_result(None)

    def _cork(self, on: int) -> None:
        """Let the system put many small packets into few segments."""
        if self._socket is not None and _CORK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _CORK, on)

    # --- reading -----------------------------------------------------------------------------

    def _on_readable(self) -> None:
        """Read what has come, within a turn."""
        client = self._client
        try:
            for _ in range(READS):
                before = self.progress
                if client.loop_read():
                    return
                found = client.socket()
                if found is None:
                    return
                pending = getattr(found, "pending", None)
                if self.progress == before and not (pending and pending()):
                    return
        except Exception as error:  # paho at what is no MQTT, in many ways
            self._log.debug("what came is no MQTT", exc_info=error)
            self._give_up(f"what the broker sent is no MQTT: {error!r}")
            return
        self._loop.call_soon(self._on_readable_again)

    def _on_readable_again(self) -> None:
        # What TLS has taken from the socket already, the loop does not see.
        if self._descriptor >= 0:
            self._on_readable()

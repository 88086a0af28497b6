"""Runs paho's client on the event loop, without a thread.

paho offers its reads and writes to other event loops. That saves a lock, a wake-up and a thread
switch per message.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.buffered_socket import BufferedSocket, SocketFactory

__all__ = ["ClientDriver", "OnPublish"]

READ_TIME: Final = 0.02
"""Seconds of reading before other callbacks get their turn on the loop."""

MAX_UNSENT: Final = 100_000
"""Packets that the broker has not read at which its own are read no more."""

OnPublish = Callable[[Client, object, int, ReasonCode, Properties], None]


class ClientDriver:
    """Connects a paho client, and reads and writes for it.

    ``reset`` closes the client's socket and prepares the next connect. ``on_broken`` is called
    when the connection is closed here, with the error and whether the peer ended it.
    ``on_publish`` is called for acknowledged messages; paho would call it for each QoS 0 message
    as well, at 14 µs each, if it were set all the time. ``excess`` returns why the connection has
    to be closed, or an empty text.
    """

    def __init__(
        self,
        client: Client,
        sockets: SocketFactory,
        log: logging.Logger,
        *,
        reset: Callable[[], None],
        on_broken: Callable[[oscbridge.NotConnected, bool], None],
        on_publish: OnPublish,
        excess: Callable[[], str],
    ) -> None:
        self._client = client
        self._sockets = sockets
        self._log = log
        self._reset = reset
        self._on_broken = on_broken
        self._on_publish = on_publish
        self._excess = excess
        self.receiving: Callable[[], AbstractContextManager[None]] = nullcontext
        """Packets are read within what it returns."""
        self._loop = asyncio.get_running_loop()
        self._connecting: asyncio.Future[None] | None = None
        self._socket: BufferedSocket | None = None
        self._descriptor = -1
        self._is_flush_scheduled = False
        self._is_read_scheduled = False
        self._is_reading = False
        self._watches_writable = False
        self._flushed: asyncio.Future[None] | None = None
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    # --- opening and closing -----------------------------------------------------------------

    async def wait_until_idle(self) -> None:
        """Wait for the end of a connect that was cancelled."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])

    async def connect(self) -> None:
        """Open the socket, on a thread: name resolution, TLS and WebSocket block.

        Raises what paho raises. After a cancellation the thread finishes its connect and closes
        the socket.
        """
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._connecting = over = self._loop.create_future()

        def done(error: Exception | None) -> None:
            self._connecting = None
            over.set_result(None)
            if waiting.cancelled():
                self._reset()
            elif error is None:
                waiting.set_result(None)
            else:
                waiting.set_exception(error)

        def connect() -> None:
            failure: Exception | None = None
            try:
                self._client.reconnect()
            except Exception as error:
                if self._sockets.latest is not None:
                    self._sockets.latest.close()  # paho does not, after a failed handshake
                failure = error
            try:
                self._loop.call_soon_threadsafe(done, failure)
            except RuntimeError:  # the loop is closed: nobody waits for the result
                self._reset()

        threading.Thread(target=connect, name="mqtt connect", daemon=True).start()
        await waiting

    def start(self) -> None:
        """Start reading and writing. Raises :class:`oscbridge.NotConnected`."""
        found, sock = self._client.socket(), self._sockets.latest
        if found is None or sock is None:
            raise oscbridge.NotConnected
        sock.is_buffering = True
        self._socket, self._descriptor = sock, sock.fileno()
        self._loop.add_reader(self._descriptor, self._on_readable)
        self.flush()

    def close(self) -> None:
        """Close the socket without a DISCONNECT packet."""
        if self._connecting is None:
            self._reset()

    def fail(self, error: oscbridge.NotConnected) -> None:
        """Wake up :meth:`drain` with an error: the connection is lost."""
        if self._flushed is not None and not self._flushed.done():
            self._flushed.set_exception(error)
            self._flushed.exception()  # its waiter may be gone

    def _on_socket_close(self, _client: Client, _data: object, _socket: object) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
        self._socket, self._watches_writable = None, False

    def _break(self, text: str, *, is_suspicious: bool = False) -> None:
        self.close()
        self._on_broken(oscbridge.NotConnected(text), is_suspicious)

    # --- writing -----------------------------------------------------------------------------

    def send(self, packets: Iterable[bytes]) -> None:
        """Send packets, after those that paho has queued; :meth:`flush` writes them.

        Raises :class:`oscbridge.NotConnected`.
        """
        if self._client.want_write():
            self._client.loop_write()
        if self._socket is None:
            raise oscbridge.NotConnected
        self._socket.send_all(packets)

    def schedule_flush(self) -> None:
        """Write in the next turn of the loop, or after the packets that are being read."""
        if not self._is_flush_scheduled:
            self._is_flush_scheduled = True
            if not self._is_reading:
                self._loop.call_soon(self.flush)

    async def drain(self) -> None:
        """Wait until the system has taken everything.

        Raises :class:`oscbridge.NotConnected`.
        """
        self.flush()
        if self._socket is None:
            raise oscbridge.NotConnected
        if self._watches_writable:
            if self._flushed is None or self._flushed.done():
                self._flushed = self._loop.create_future()
            await asyncio.shield(self._flushed)

    def _on_register_write(self, _client: Client, _data: object, _socket: object) -> None:
        # During the connect this runs on its thread; :meth:`start` flushes.
        if self._socket is not None:
            self.schedule_flush()

    def flush(self) -> bool:
        """Write what can be written now; the rest when the socket becomes writable.

        Returns whether the system has taken everything.
        """
        self._is_flush_scheduled = False
        sock = self._socket
        if sock is None:
            return False
        if self._client.want_write():
            self._client.loop_write()  # into the socket's buffer
            if self._socket is None:  # that was the DISCONNECT packet
                return False
        try:
            is_flushed = sock.flush()
        except OSError as error:
            self._receive()  # the last packets, or the TLS alert, may say why
            if self._socket is not None:
                self._break(f"connection lost: {error}", is_suspicious=True)
            return False
        self._watch_writable(not is_flushed)
        return is_flushed

    def _watch_writable(self, wanted: bool) -> None:
        if wanted and not self._watches_writable:
            self._loop.add_writer(self._descriptor, self.flush)
        elif self._watches_writable and not wanted:
            self._loop.remove_writer(self._descriptor)
        self._watches_writable = wanted
        flushed = self._flushed
        if not wanted and flushed is not None and not flushed.done():
            flushed.set_result(None)

    # --- reading -----------------------------------------------------------------------------

    def _on_readable(self) -> None:
        self._is_reading = True
        try:
            self._receive()
        finally:
            self._is_reading = False
            if self._is_flush_scheduled:  # the answers, after the messages
                self.flush()
            if self._socket is not None:
                self._socket.acknowledge()

    def _receive(self) -> None:
        with self.receiving():
            self._read()

    def _read(self) -> None:
        """Read arrived packets, within one turn of the loop."""
        client, sock = self._client, self._socket
        if sock is None:
            return
        client.on_publish = self._on_publish
        sock.begin_reading(READ_TIME)
        try:
            while not sock.is_overdue:
                if client.loop_read() or self._socket is None:
                    return
                text = self._excess()
                if not text and sock.backlog > MAX_UNSENT:
                    text = f"the broker has not read {sock.backlog} packets"
                if text:
                    self._break(text)
                    return
                if sock.is_drained:
                    return
        except Exception as error:  # paho raises many types for malformed packets
            self._log.debug("malformed packet", exc_info=error)
            self._break(f"the broker sent invalid MQTT: {error!r}")
            return
        finally:
            client.on_publish = None
        if not self._is_read_scheduled:  # else there would be one more with each turn
            self._is_read_scheduled = True
            self._loop.call_soon(self._continue_reading)

    def _continue_reading(self) -> None:
        self._is_read_scheduled = False
        self._on_readable()

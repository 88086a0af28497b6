"""A connection of nats-py, with what an endpoint needs beside it.

nats-py hands each message to a queue and a task of its subscription, and closes a lost connection
in ways that can wait for the peer. Here subscriptions of the endpoint are called directly, writing
goes to the socket at once, a loss is reported before anything else, and :meth:`abort` never waits
for the peer. This module alone uses parts of nats-py that are not public.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

from nats import errors
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

import oscbridge
from oscbridge_nats.bounded_parser import BoundedParser
from oscbridge_nats.direct_reading import DirectReading

__all__ = ["DirectHandler", "LossHandler", "NATSClient", "RefusalHandler"]

DirectHandler: TypeAlias = Callable[[str, str, bytes, bytes], None]
"""Called with subject, reply subject, payload and raw headers of a message."""

LossHandler: TypeAlias = Callable[[Exception], None]
RefusalHandler: TypeAlias = Callable[[str], None]

FLUSH_TIMEOUT: Final = 0.5
"""Seconds for which a close waits for the server to have everything."""

_ERROR: Final = re.compile(rb"-ERR '([^'\r\n]{1,200})")

INVALID: Final = "the server sent an invalid command"

SLOW_CONSUMER: Final = "slow consumer"
"""The server's error when it ends a connection that does not read fast enough."""


class NATSClient(Client):
    """A connection to one server. It does not reconnect: the bridge does."""

    def __init__(self, *, must_be_tls: bool = False) -> None:
        super().__init__()
        self._ps = self._parser = BoundedParser(self)
        self.on_lost: LossHandler = _ignore
        """Called once, when the connection is lost."""
        self.on_refused: RefusalHandler = _ignore_text
        """Called with the server's text when it does not permit a subject."""
        self.loss: Exception | None = None
        """Why the connection is lost; None while it is not."""
        self.was_slow = False
        """Whether the server ended the connection because messages were read too slowly."""
        self._must_be_tls = must_be_tls
        self._direct: dict[int, DirectHandler] = {}

    # --- subscribing -------------------------------------------------------------------------

    def subscribe_directly(self, subject: str, handler: DirectHandler, queue: str = "") -> int:
        """Call ``handler`` with each message of a subject, in the task that reads the socket.

        Later writes reach the server after the subscription, which nats-py would only queue.
        Returns its number. Raises :class:`oscbridge.NotConnected`.
        """
        self._sid += 1
        self.write(f"SUB {subject} {queue} {self._sid}\r\n".encode())
        self._direct[self._sid] = handler
        return self._sid

    def unsubscribe_directly(self, number: int) -> None:
        """End a subscription."""
        self._direct.pop(number, None)
        with contextlib.suppress(oscbridge.NotConnected):  # then it has ended already
            self.write(b"UNSUB %d\r\n" % number)

    def take_message(
        self, number: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> bool:
        handler = self._direct.get(number)
        if handler is None:
            return False
        try:
            text = subject.decode(errors="surrogateescape")
            handler(text, reply.decode(errors="replace") if reply else "", data, headers)
        except Exception as error:  # a mistake of ours must not look like one of the server
            self.lose(error)
        return True

    # --- writing -----------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.loss is None and self.is_connected

    def write(self, data: bytes) -> int:
        """Write whole commands. Returns the bytes that the system has not taken yet.

        Raises :class:`oscbridge.NotConnected`.
        """
        transport = self._stream
        if self.loss is not None or transport is None or transport.is_closing():
            raise oscbridge.NotConnected(str(self.loss or "the connection is closed"))
        transport.write(data)
        return transport.get_write_buffer_size()

    async def written(self) -> None:
        """Wait until the system has taken all that was written.

        Raises :class:`oscbridge.NotConnected`.
        """
        try:
            await self._transport.drain()  # type: ignore[union-attr]
        except OSError as error:
            raise oscbridge.NotConnected(str(self.loss or error)) from None
        if self.loss is not None:
            raise oscbridge.NotConnected(str(self.loss))

    @property
    def _stream(self) -> asyncio.WriteTransport | None:
        transport = self._transport
        if not isinstance(transport, TcpTransport) or transport._io_writer is None:
            return None
        return transport._io_writer.transport

    def prepare(self) -> None:
        """Make :meth:`written` wait for an empty buffer. To be called when it is connected."""
        if (stream := self._stream) is not None:
            stream.set_write_buffer_limits(high=0)

    def read_directly(self, receiving: Callable[[], AbstractContextManager[None]]) -> None:
        """Read messages in the callbacks of the event loop, each of them within ``receiving``."""
        stream, reader = self._stream, self._reader
        usual = None if stream is None else stream.get_protocol()
        if stream is None or reader is None or not isinstance(usual, asyncio.Protocol):
            return
        self._parser.starts_with(len(_unread(reader)))
        stream.set_protocol(DirectReading(usual, self._parser, receiving, self._fail))

    def _fail(self) -> None:
        self.lose(oscbridge.NotConnected(INVALID))

    @property
    def _reader(self) -> asyncio.StreamReader | None:
        transport = self._transport
        return transport._io_reader if isinstance(transport, TcpTransport) else None

    # --- the end -----------------------------------------------------------------------------

    def refusal(self) -> Exception | None:
        """Why the server has closed the connection before it was open; None if that is unknown.

        nats-py only notices that it cannot write.
        """
        reader = self._reader
        if reader is None:
            return None
        error = reader.exception()
        if isinstance(error, ssl.SSLError):
            return error
        found = _ERROR.search(_unread(reader))
        return None if found is None else errors.Error(found[1].decode(errors="replace"))

    def lose(self, error: Exception) -> None:
        """Report that the connection is lost."""
        if self.loss is None and not self.is_closed:
            self.loss = error
            self.on_lost(error)

    async def _process_op_err(self, e: Exception) -> None:
        text = "the server closed the connection"
        if isinstance(e, errors.StaleConnectionError) and not isinstance(e, errors.UnexpectedEOF):
            text = "the server does not respond"
        elif isinstance(e, errors.ProtocolError):
            text = INVALID
        elif isinstance(e, OSError):
            text = f"connection lost: {oscbridge.what_failed(e)}"
        self.lose(oscbridge.NotConnected(text))

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():  # given up; nats-py would end its reading task
            self._pongs.pop(0)
            self._pings_outstanding = 0
        else:
            await super()._process_pong()

    async def _process_err(self, err_msg: str) -> None:
        text = err_msg.strip("'")
        if "permissions violation" in text:
            self.on_refused(text)
            return
        self.was_slow = SLOW_CONSUMER in text
        self.lose(oscbridge.NotConnected(f"the server ended the connection: {text[:200]}"))

    def _connect_command(self) -> bytes:
        """The first command, which has the credentials."""
        stream = self._stream
        is_tls = stream is not None and stream.get_extra_info("ssl_object") is not None
        if self._must_be_tls and not is_tls:
            raise errors.SecureConnWantedError
        return bytes(super()._connect_command())

    async def drain_directly(self, numbers: Iterable[int]) -> None:
        """End subscriptions, read what the server has sent before, and let it have everything that
        was written; not for longer than 0.5 s."""
        if not self.is_open:
            return
        with contextlib.suppress(errors.Error, oscbridge.NotConnected, OSError, TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT):
                self.write(b"".join(b"UNSUB %d\r\n" % number for number in numbers))
                await self.flush(timeout=10)

    async def finish(self) -> None:
        """End all subscriptions, and let the server have everything."""
        await self.drain_directly(self._direct)

    async def abort(self) -> None:
        """Close the socket, and end all tasks."""
        self._status = Client.CLOSED
        tasks: list[asyncio.Task[None]] = []
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()
                tasks.append(task)
        for subscription in self._subs.values():
            subscription._stop_processing()
            waiting: asyncio.Task[None] | None = subscription._wait_for_msgs_task
            if waiting is not None:
                tasks.append(waiting)
        self._subs.clear()
        self._direct.clear()
        for future in (*self._resp_map.values(), *self._pongs):
            if not future.done():
                future.set_exception(errors.ConnectionClosedError())
                future.exception()  # perhaps nobody waits for it
        if (stream := self._stream) is not None:
            stream.abort()
            tasks.append(asyncio.create_task(self._closed()))
        if tasks:
            await asyncio.wait(tasks, timeout=FLUSH_TIMEOUT)

    async def _closed(self) -> None:
        with contextlib.suppress(OSError, errors.Error):
            if self._transport is not None:
                await self._transport.wait_closed()  # type: ignore[no-untyped-call]


def _unread(reader: asyncio.StreamReader) -> bytearray:
    """What a reader has, and has not returned yet."""
    found: bytearray = getattr(reader, "_buffer", bytearray())
    return found


def _ignore(_error: Exception) -> None:
    """No endpoint needs to know."""


def _ignore_text(_text: str) -> None:
    """The same."""

"""MIDI over TCP: plain MIDI bytes in both directions, as in mido's socket ports.

mido's own port blocks in ``send`` and must be polled for input. This one never blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.receiver import MidiReceiver
from oscbridge_midi.stream_parser import MidiStreamParser

__all__ = ["SCHEME", "MidiConnectionOwner", "MidiTcpClient", "MidiTcpConnection", "parse"]

SCHEME: Final = "midi+tcp://"

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for writing buffered data when a connection is closed."""

READ_SIZE: Final = 512
"""Bytes per read, hence the most messages that are processed before other tasks get a turn."""


class MidiConnectionOwner(Protocol):
    """The endpoint, as its connections see it."""

    def receiver(self, peer: tuple[str, int]) -> MidiReceiver:
        """A receiver for the messages of one peer."""

    def bad_bytes(self, error: oscbridge.DecodeError, peer: tuple[str, int]) -> None:
        """Count bytes of a peer that are not a MIDI message."""

    def greeting(self, *, reconnected: bool) -> Sequence[bytes]:
        """The first messages to a new client; ``reconnected`` if it may have been here before."""


def parse(text: str) -> oscbridge.HostPort:
    """The host and port of ``midi+tcp://host:port``. Raises ``ValueError``."""
    try:
        address = oscbridge.HostPort.parse(text.removeprefix(SCHEME))  # rejects other schemes
    except oscbridge.HostError:
        raise
    except ValueError:
        raise ValueError(f"write it as {SCHEME}host:port") from None
    oscbridge.check_host(address.host)
    if not address.port:
        raise ValueError("port 0 is not a destination; set a port from 1 to 65535")
    return address


class MidiTcpConnection(asyncio.BufferedProtocol):
    """One TCP connection. It reads in small pieces, so that other tasks get their turn."""

    transport: asyncio.Transport

    def __init__(
        self,
        owner: MidiConnectionOwner,
        on_lost: Callable[[MidiTcpConnection, Exception | None], None],
        on_made: Callable[[MidiTcpConnection], None] | None = None,
    ) -> None:
        self._owner = owner
        self._on_lost = on_lost
        self._on_made = on_made
        self._parser = MidiStreamParser()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._receiver: MidiReceiver | None = None
        self._unsent = oscbridge.UnsentMessages()
        self._aborted_with: int | None = None
        """Messages that were unsent when it was aborted after a time-out."""
        self.peer: tuple[str, int] = ("", 0)
        self.active_at = time.monotonic()
        """When it sent something last, or was accepted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = (str(peer[0]), int(peer[1])) if peer else ("", 0)
        with contextlib.suppress(OSError):  # to notice a peer whose cable is unplugged
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._receiver = self._owner.receiver(self.peer)
        if self._on_made is not None:
            self._on_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        now = time.time_ns()
        self.active_at = time.monotonic()
        assert self._receiver is not None
        for found in self._parser.feed(self._buffer[:nbytes]):
            if isinstance(found, bytes):
                self._receiver.receive(found, now)
            else:
                self._owner.bad_bytes(found, self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        for error in self._parser.end():
            self._owner.bad_bytes(error, self.peer)
        if self._receiver is not None:
            self._receiver.close()
        self._closed.set()
        self._writable.set()
        self._on_lost(self, exc)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        if not self.transport.get_write_buffer_size():
            self._unsent.clear()

    def write(self, messages: Sequence[bytes]) -> None:
        """Write messages to the transport."""
        self.transport.write(b"".join(messages))
        self.note_written(messages)

    async def write_and_drain(self, messages: Sequence[bytes]) -> None:
        """Write messages and wait until the write buffer has room.

        If the connection ends meanwhile, they do not count as unsent: the host repeats them.
        """
        self.transport.write(b"".join(messages))
        await self._writable.wait()
        if not self.is_open:
            raise oscbridge.NotConnected("the connection is closed")
        self.note_written(messages)

    def note_written(self, messages: Sequence[bytes]) -> None:
        """Count these messages among the unsent ones until they have left the transport."""
        self._unsent.wrote_to(self.transport, messages, sum(map(len, messages)))

    def take_unsent(self) -> int:
        """The number of messages that have not left the transport; then there are none."""
        count = self._unsent.count_in(self.transport)
        self._unsent.clear()
        if self._aborted_with is not None:
            count, self._aborted_with = self._aborted_with, None
        return count

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set() and not self.transport.is_closing()

    async def close(self) -> None:
        """Write buffered data, within a time-out, and close."""
        self.transport.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._closed.wait()
        except TimeoutError:
            self._aborted_with = self._unsent.count(self.transport.get_write_buffer_size())
            self.transport.abort()
            await self._closed.wait()
        finally:
            self.transport.abort()  # if it was cancelled


class MidiTcpClient:
    """A connection to a server of MIDI over TCP."""

    max_size = MAX_SYSEX

    def __init__(self, connection: MidiTcpConnection, name: str) -> None:
        self._connection = connection
        self.name = name

    @classmethod
    async def open(
        cls,
        address: oscbridge.HostPort,
        owner: MidiConnectionOwner,
        on_lost: Callable[[Exception], None],
        on_missed: Callable[[str, int, str], None],
    ) -> MidiTcpClient:
        """Connect. Raises ``OSError``.

        ``on_missed`` is called with the reason, the number and an explanation of sent messages
        that have not left when the connection ends.
        """
        name = f"{SCHEME}{address}"

        def lost(connection: MidiTcpConnection, error: Exception | None) -> None:
            if unsent := connection.take_unsent():
                on_missed("disconnected", unsent, "the connection ended before they had left")
            text = "connection closed by the peer" if error is None else str(error)
            on_lost(oscbridge.NotConnected(f"{name}: {text}"))

        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: MidiTcpConnection(owner, lost), address.host, address.port
        )
        return cls(connection, name)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Write messages. Raises :class:`oscbridge.NotConnected` before any is written."""
        if not self._connection.is_open:
            raise oscbridge.NotConnected(f"{self.name}: the connection is closed")
        await self._connection.write_and_drain(messages)

    def send_now(self, messages: Sequence[bytes], when_ns: int = 0) -> None:
        """Write messages without waiting."""
        if self._connection.is_open:
            self._connection.write(messages)

    async def close(self) -> None:
        await self._connection.close()

"""The OSC endpoint's link over TCP: one connection for both directions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

import oscbridge
from oscbridge.endpoints.osc.link import OnBad, OnLost, OnMissed, OnPacket

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType

__all__ = ["TCPLink", "connect_tcp"]

SEND_TIMEOUT: Final = 20.0
"""Seconds without progress after which the connection to a stalled peer is closed."""

NEXT_ADDRESS_DELAY: Final = 0.25
"""Seconds until the next address of a name is tried beside the one before it."""

CLOSE_TIMEOUT: Final = 0.4
"""Seconds for pending data when the connection is closed."""

WRITE_BUFFER: Final = 32_768
"""Buffered bytes above which sending waits."""

PIECE: Final = 16_384
"""Maximum bytes per write, unless one packet is longer."""


async def connect_tcp(
    to: oscbridge.OSCURL,
    *,
    on_packet: OnPacket,
    on_bad: OnBad,
    on_lost: OnLost,
    on_missed: OnMissed,
) -> TCPLink:
    """Open a TCP connection, to the first address of a name that accepts one (RFC 8305).

    Raises ``OSError``.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    sock = await _connect(found, to.host)
    _, link = await loop.create_connection(
        lambda: TCPLink(to.framing, on_packet, on_bad, on_lost, on_missed), sock=sock
    )
    return link


async def _connect(found: Sequence[AddrInfoType], host: str) -> socket.socket:
    """A connected socket. IPv4 is tried first, as elsewhere."""
    from aiohappyeyeballs import start_connection  # 4 ms that only TCP needs

    ordered = sorted(found, key=lambda info: info[0] != socket.AF_INET)
    delay = NEXT_ADDRESS_DELAY if len(found) > 1 else None
    try:
        # asyncio's own way to do this leaves sockets open when it is cancelled (CPython 3.11).
        return await start_connection(ordered, happy_eyeballs_delay=delay)
    except OSError as error:
        if error.errno is None:  # several addresses, with different errors
            detail = str(error).removeprefix("Multiple exceptions: ")
            raise OSError(f"no address of {host} accepts a connection: {detail}") from None
        raise


class TCPLink(asyncio.Protocol):
    """One connection for both directions. Reports its loss once, unless it was closed here."""

    def __init__(
        self,
        framing: str,
        on_packet: OnPacket,
        on_bad: OnBad,
        on_lost: OnLost,
        on_missed: OnMissed,
    ) -> None:
        self.remote: oscbridge.ClientAddress = ("", 0)
        self.near: oscbridge.ClientAddress = ("", 0)
        self._framing = oscbridge.stream_decoder(framing)
        self._on_packet = on_packet
        self._on_bad = on_bad
        self._on_lost = on_lost
        self._on_missed = on_missed
        self._unsent = oscbridge.UnsentMessages()
        self._transport: asyncio.Transport
        self._room = asyncio.Event()
        self._room.set()
        self._ended = asyncio.Event()
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        oscbridge.prepare_tcp_socket(transport.get_extra_info("socket"))
        self.remote = transport.get_extra_info("peername")
        self.near = transport.get_extra_info("sockname")

    def data_received(self, data: bytes) -> None:
        for packet in self._framing.feed(data):
            self._on_packet(packet, self.remote)
        if self._framing.error is not None:
            self._on_bad(self._framing.error, self.remote)
            self._lose(self._framing.error)

    def eof_received(self) -> bool:
        self._lose(oscbridge.NotConnected("the peer closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:  # the transport has forgotten how much is unsent
            self._count_missed(None)
        self._lose(exc or oscbridge.NotConnected("the connection is closed"))
        self._ended.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _lose(self, error: Exception) -> None:
        if self._closing:
            return
        cut = self._framing.cut() if self._framing.error is None else None
        if cut is not None:
            self._on_bad(cut, self.remote)
        self._closing = True
        self._room.set()
        self._abort()
        self._on_lost(error)

    def _abort(self) -> None:
        self._count_missed(self._transport.get_write_buffer_size())
        self._transport.abort()

    def _count_missed(self, unsent: int | None) -> None:
        """Count the sent packets of which a part is among the ``unsent`` bytes (None: unknown)."""
        count = self._unsent.count(unsent)
        self._unsent.clear()
        if count:
            self._on_missed("disconnected", count, "the connection ended before they had left")

    async def send(self, packets: Sequence[bytes]) -> None:
        # Packets of a send that the end of the connection cancels are sent again, so they are
        # noted when it is over.
        frames = [self._framing.encode(packet) for packet in packets]
        sent = len(frames)
        try:
            await self._send(frames)
        except oscbridge.PartialDelivery as partial:
            sent = len(partial.accepted)
            raise
        except asyncio.CancelledError:
            sent = 0
            raise
        finally:
            written = frames[:sent]
            size = sum(map(len, written))
            if written and not self._closing:
                self._unsent.wrote_to(self._transport, written, size)

    async def _send(self, frames: Sequence[bytes]) -> None:
        piece: list[bytes] = []
        size = 0
        for index, frame in enumerate(frames):
            if piece and size + len(frame) > PIECE:
                await self._write(piece, index - len(piece))
                piece, size = [], 0
            piece.append(frame)
            size += len(frame)
        await self._write(piece, len(frames) - len(piece))

    async def _write(self, piece: Sequence[bytes], index: int) -> None:
        """Write frames when there is room; ``index`` is that of the first packet in the batch."""
        if not self._room.is_set():
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._room.wait()
            except TimeoutError:
                text = f"the peer read nothing for {SEND_TIMEOUT:g} s"
                raise _broken(index, text) from None
        if self._closing:
            raise _broken(index, "the connection is closed")
        self._transport.write(b"".join(piece))
        if self._transport.is_closing():  # the write has failed: nothing of the piece has left
            raise _broken(index, "the connection is closed")

    def try_to_send(self, packet: bytes) -> None:
        if self._room.is_set() and not self._closing:
            self._transport.write(self._framing.encode(packet))

    async def close(self) -> None:
        self._closing = True
        self._room.set()
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._ended.wait()
        except TimeoutError:
            pass
        finally:
            if not self._ended.is_set():
                self._abort()


def _broken(sent: int, text: str) -> oscbridge.PartialDelivery:
    """The error for a connection that broke after ``sent`` packets."""
    return oscbridge.PartialDelivery(range(sent), cause=oscbridge.NotConnected(text))

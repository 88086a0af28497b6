"""Which messages have not left a transport, also one that fails while it is written to."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oscbridge.net.unsent import UnsentMessages

MESSAGES = [b"abc", b"defgh", b"ij"]


@asynccontextmanager
async def transport() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """A TCP connection, and the other end of it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened, _ = await loop.create_connection(asyncio.Protocol, *server.getsockname())
        peer, _ = server.accept()
    try:
        yield opened, peer
    finally:
        peer.close()
        opened.abort()
        await asyncio.sleep(0)


def reset(peer: socket.socket) -> None:
    """End a connection at once; the other side finds out when it writes."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


async def test_messages_that_have_left_are_forgotten() -> None:
    unsent = UnsentMessages()
    async with transport() as (opened, _):
        opened.write(b"".join(MESSAGES))
        unsent.wrote_to(opened, MESSAGES, 10)
        assert unsent.count() == 0


async def test_messages_of_a_write_that_fails_are_unsent() -> None:
    unsent = UnsentMessages()
    async with transport() as (opened, peer):
        reset(peer)
        opened.write(b"".join(MESSAGES))
        unsent.wrote_to(opened, MESSAGES, 10)
        assert opened.get_write_buffer_size() == 0
        assert unsent.count() == 3


async def test_failure_adds_to_messages_that_waited() -> None:
    unsent = UnsentMessages()
    unsent.wrote(MESSAGES, 10, 7)  # the first one has left
    unsent.wrote([b"klm"], 3, None)
    assert unsent.count() == 3
    unsent.clear()
    assert unsent.count() == 0

"""The frames for one client of the server's WebSocket."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import pytest
from aiohttp import WSCloseCode

import oscbridge
from oscbridge_oscquery import listening_client
from oscbridge_oscquery.frames import binary_frame, close_frame
from oscbridge_oscquery.listening_client import ListeningClient

SENT = 10_000


def read_all(peer: socket.socket) -> int:
    """The number of bytes until the connection ends."""
    count = 0
    while data := peer.recv(65_536):
        count += len(data)
    return count


def read_some(peer: socket.socket, size: int) -> int:
    """Read so many bytes, unless the connection ends before. Returns their number."""
    count = 0
    while count < size and (data := peer.recv(65_536)):
        count += len(data)
    return count


async def test_messages_that_have_not_left_when_the_connection_ends_are_counted() -> None:
    dropped = Counter[str]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        transport, _ = await asyncio.get_running_loop().create_connection(
            asyncio.Protocol, *server.getsockname()
        )
        peer, _ = server.accept()
    client = ListeningClient(
        transport,
        ("127.0.0.1", 1),
        oscbridge.OPEN_ACCESS,
        10,
        lambda reason, count: dropped.update({reason: count}),
    )
    frame = binary_frame(bytes(1_000))
    for _ in range(SENT):
        client.put(frame)
    client.flush()
    transport.abort()
    client.ended()
    with peer:
        whole = await asyncio.to_thread(read_all, peer) // len(frame)
    assert 0 < whole < SENT
    assert dropped == {"disconnected": SENT - whole}


@pytest.mark.parametrize("answers", [False, True])
async def test_messages_that_have_left_after_the_end_are_not_counted(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if answers:  # before anybody looks
        monkeypatch.setattr(listening_client, "LOOK_INTERVAL", 60)
    dropped = Counter[str]()
    lost = asyncio.Event()

    class ServerSide(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            client.ended(is_clean=answers)
            lost.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        transport, _ = await asyncio.get_running_loop().create_connection(
            ServerSide, *server.getsockname()
        )
        peer, _ = server.accept()
    client = ListeningClient(
        transport,
        ("127.0.0.1", 1),
        oscbridge.OPEN_ACCESS,
        10,
        lambda reason, count: dropped.update({reason: count}),
    )
    frame = binary_frame(bytes(1_000))
    end = close_frame(WSCloseCode.GOING_AWAY, "the bridge stops")
    for _ in range(SENT):
        client.put(frame)
    client.flush()
    client.end(WSCloseCode.GOING_AWAY, "the bridge stops")
    size = SENT * len(frame) + len(end)
    with peer:
        assert transport.get_write_buffer_size()
        assert await asyncio.to_thread(read_some, peer, size) == size
        if answers:
            peer.sendall(end)
        await asyncio.wait_for(lost.wait(), 5)
    assert not dropped

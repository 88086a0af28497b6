"""The frames for one client of the server's WebSocket."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import oscbridge
from oscbridge_oscquery.frames import binary_frame
from oscbridge_oscquery.listening_client import ListeningClient

SENT = 10_000


def read_all(peer: socket.socket) -> int:
    """The number of bytes until the connection ends."""
    count = 0
    while data := peer.recv(65_536):
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

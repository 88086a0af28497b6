"""The bounded queue before one client."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

import pytest

import oscbridge
from oscbridge_websocket.client import Client
from oscbridge_websocket.frames import Format, Frame
from oscbridge_websocket.rights import EVERYTHING
from oscbridge_websocket.server import Connection as ServerConnection
from oscbridge_websocket.tokens import Grant


class Connection:
    """Takes frames, or does not."""

    remote_address = ("192.0.2.1", 5000)

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = asyncio.Event()
        self.aborted = False
        self.transport = self

    async def send(self, data: bytes, text: bool | None = None) -> None:
        await self.open.wait()
        self.sent.append(data)

    def abort(self) -> None:
        self.aborted = True


def make(connection: Connection, dropped: list[int], *, queue: int, stall: float = 60) -> Client:
    return Client(
        cast(ServerConnection, connection),
        oscbridge.Origin("web"),
        Format.BUNDLES,
        Grant(None, EVERYTHING),
        queue=queue,
        rate=1_000,
        on_drop=dropped.append,
        log=logging.getLogger("test"),
        stall_timeout=stall,
    )


async def written(client: Client) -> None:
    """Let the client write until it waits."""
    task = asyncio.create_task(client.write())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()


async def test_frames_are_written_in_order() -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=10)
    connection.open.set()
    for name in (b"a", b"b", b"c"):
        client.put(Frame(name, 1))
    await written(client)
    assert connection.sent == [b"a", b"b", b"c"]
    assert dropped == []


async def test_beyond_the_limit_the_oldest_messages_are_dropped_and_counted() -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=5)
    for name, count in ((b"a", 2), (b"b", 2), (b"c", 1), (b"d", 3)):
        client.put(Frame(name, count))
    connection.open.set()
    await written(client)
    assert connection.sent == [b"c", b"d"]
    assert sum(dropped) == 4


async def test_a_frame_of_more_messages_than_the_limit_still_goes_out() -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=2)
    client.put(Frame(b"a", 1))
    client.put(Frame(b"big", 100))
    connection.open.set()
    await written(client)
    assert connection.sent == [b"big"]
    assert sum(dropped) == 1


async def test_what_was_written_no_longer_counts_as_waiting() -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=2)
    connection.open.set()
    for _ in range(5):
        client.put(Frame(b"ab", 2))
        await written(client)
    assert dropped == []


async def test_a_client_that_takes_nothing_for_long_is_disconnected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=1, stall=-1)
    client.put(Frame(b"a", 1))
    await written(client)  # it begins to send, and waits
    client.put(Frame(b"b", 1))
    assert not connection.aborted
    client.put(Frame(b"c", 1))
    assert connection.aborted
    assert "192.0.2.1:5000 took nothing" in caplog.text


async def test_a_burst_after_a_long_silence_disconnects_nobody() -> None:
    connection, dropped = Connection(), list[int]()
    client = make(connection, dropped, queue=1, stall=-1)
    connection.open.set()
    client.put(Frame(b"a", 1))
    await written(client)
    for _ in range(3):
        client.put(Frame(b"b", 1))
    assert sum(dropped) == 2
    assert not connection.aborted

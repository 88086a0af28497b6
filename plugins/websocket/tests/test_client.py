"""The bounded queue before one client."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest

import oscbridge
from oscbridge_websocket.client import WebSocketClient
from oscbridge_websocket.client_options import ClientOptions
from oscbridge_websocket.connection import WebSocketConnection
from oscbridge_websocket.frames import FrameFormat, OutgoingFrame


class FakeConnection:
    """Accepts frames once it is open."""

    remote_address = ("192.0.2.1", 5000)

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = asyncio.Event()
        self.aborted = False
        self.transport = self
        self.unsent = 0
        self.has_sent_all = False

    def unsent_meter(self) -> Callable[[], int]:
        return lambda: self.unsent

    def get_extra_info(self, _name: str) -> None:
        """None: a fake has no socket."""

    async def send(self, data: bytes, text: bool | None = None) -> None:
        await self.open.wait()
        self.sent.append(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


def make(
    connection: FakeConnection, dropped: Counter[str], *, queue: int, stall: float = 60
) -> WebSocketClient:
    return WebSocketClient(
        cast(WebSocketConnection, connection),
        oscbridge.Origin("web"),
        ClientOptions(FrameFormat.BUNDLES, snapshot=False, frame_rate=0, latest=False),
        oscbridge.OPEN_ACCESS,
        queue=queue,
        rate=1_000,
        on_drop=lambda reason, count: dropped.update({reason: count}),
        log=logging.getLogger("test"),
        stall_timeout=stall,
    )


async def written(client: WebSocketClient) -> None:
    """Let the client write until it has to wait."""
    task = asyncio.create_task(client.write())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()


async def test_frames_are_written_in_order() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=10)
    connection.open.set()
    for name in (b"a", b"b", b"c"):
        client.put(OutgoingFrame(name, 1))
    await written(client)
    assert connection.sent == [b"a", b"b", b"c"]
    assert dropped == {}


async def test_queue_limit_drops_and_counts_the_oldest_messages() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=5)
    for name, count in ((b"a", 2), (b"b", 2), (b"c", 1), (b"d", 3)):
        client.put(OutgoingFrame(name, count))
    connection.open.set()
    await written(client)
    assert connection.sent == [b"c", b"d"]
    assert dropped == {"slow_client": 4}


async def test_frame_larger_than_the_queue_limit_is_sent() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=2)
    client.put(OutgoingFrame(b"a", 1))
    client.put(OutgoingFrame(b"big", 100))
    connection.open.set()
    await written(client)
    assert connection.sent == [b"big"]
    assert dropped == {"slow_client": 1}


async def test_written_frames_do_not_count_towards_the_queue_limit() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=2)
    connection.open.set()
    for _ in range(5):
        client.put(OutgoingFrame(b"ab", 2))
        await written(client)
    assert dropped == {}


async def test_stalled_client_is_disconnected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=1, stall=-1)
    client.put(OutgoingFrame(b"a", 1))
    await written(client)  # it starts to send and waits
    client.put(OutgoingFrame(b"b", 1))
    assert not connection.aborted
    client.put(OutgoingFrame(b"c", 1))
    assert connection.aborted
    assert "192.0.2.1:5000 read nothing" in caplog.text


async def test_burst_after_a_long_silence_disconnects_nobody() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=1, stall=-1)
    connection.open.set()
    client.put(OutgoingFrame(b"a", 1))
    await written(client)
    for _ in range(3):
        client.put(OutgoingFrame(b"b", 1))
    assert dropped == {"slow_client": 2}
    assert not connection.aborted


async def test_unsent_frames_of_a_lost_connection_are_counted() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    connection.open.set()
    client = make(connection, dropped, queue=10)
    writing = asyncio.create_task(client.write())
    for data, unsent in ((b"sent", 0), (b"first", 7), (b"second", 10)):
        connection.unsent = unsent
        client.put(OutgoingFrame(data, 2))
        while data not in connection.sent:
            await asyncio.sleep(0)
    connection.unsent = 6 + 2  # the first one has left in part
    writing.cancel()
    client.drop_queued()
    assert dropped == {"disconnected": 4}


async def test_frame_whose_write_fails_is_counted() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=10)
    connection.aborted = True  # the transport has failed, and forgotten its data
    client.note_written(OutgoingFrame(b"first", 2))
    assert not client.is_idle
    client.drop_queued()
    assert dropped == {"disconnected": 2}


async def test_frames_sent_before_a_clean_end_are_not_counted_as_dropped() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=10)
    connection.unsent = 5
    client.note_written(OutgoingFrame(b"first", 1))
    connection.unsent, connection.has_sent_all = 0, True
    client.drop_queued()
    assert dropped == {}


async def test_what_waits_for_a_client_that_disconnects_is_counted() -> None:
    connection, dropped = FakeConnection(), Counter[str]()
    client = make(connection, dropped, queue=10)
    for count in (1, 2, 3):
        client.put(OutgoingFrame(b"a", count))
    await written(client)  # it starts to send the first one, and waits
    client.drop_queued()
    assert dropped == {"disconnected": 6}

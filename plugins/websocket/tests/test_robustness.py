"""Slow, foreign and too many clients; closing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from stopwatch import Stopwatch
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message

BIG = Message.of("/big", bytes(40_000))


async def probe(bridge: Any, join: Any, messages: Any) -> None:
    """Check that the bridge still routes a message from one client to another."""
    sender, receiver = await join(bridge), await join(bridge)
    await sender.send(oscbridge.encode_message(Message.of("/probe", 1)))
    assert await messages(receiver) == [Message.of("/probe", 1)]


async def slow_and_fast(start: Any, join: Any, raw: Any) -> tuple[Any, Any, Any]:
    """A bridge with short client queues, a client that reads, and one that does not."""
    bridge = await start("max_client_queue = 4")
    fast, slow = await join(bridge), await raw(bridge)
    await slow.handshake()
    return bridge, fast, slow


async def stuff(bridge: Any, fast: Any, messages: Any) -> int:
    """Send until a client that does not read loses a message. Returns the number sent."""
    for sent in range(1, 1_000):
        bridge.send(BIG)
        assert (await messages(fast))[0].address == "/big"
        if bridge.client_drops["slow_client"]:
            return sent
    raise AssertionError("nothing was dropped")


# --- slow clients ------------------------------------------------------------------------------


async def test_client_that_does_not_read_slows_nobody_and_its_drops_are_counted(
    start: Any, join: Any, messages: Any, raw: Any
) -> None:
    bridge, fast, _slow = await slow_and_fast(start, join, raw)
    await stuff(bridge, fast, messages)
    before = bridge.client_drops["slow_client"]
    for _ in range(10):
        bridge.send(BIG)
        await messages(fast)
    assert bridge.client_drops["slow_client"] - before == 10
    assert set(bridge.client_drops) == {"slow_client"}


async def test_message_does_not_overtake_what_the_library_has_written(start: Any, raw: Any) -> None:
    bridge, message = await start(), Message.of("/late", 1)
    client = await raw(bridge, buffer=1 << 20)
    await client.handshake()
    await bridge.until(lambda: bridge.clients)
    client.writer.transport.pause_reading()
    (served,) = bridge.endpoint.clients
    connection, written = served.connection, 0
    await bridge.endpoint.send_batch([Message.of("/first", 1)])
    assert connection.is_clear
    while not connection.unsent:  # until the socket is full
        connection.protocol.send_binary(bytes(60_000))
        connection.send_data()
        written += 60_000
    sock = client.writer.transport.get_extra_info("socket")._sock
    found = bytearray()
    while len(found) < written // 2:  # now it has room again, which the loop does not know yet
        with contextlib.suppress(BlockingIOError):
            found += sock.recv(1 << 20)
    await bridge.endpoint.send_batch([message])
    client.writer.transport.resume_reading()
    late = oscbridge.encode_message(message)
    while late not in found:
        found += await client.reader.read(65_536)
    before = found.index(late)
    assert before > written
    assert found.count(0, 0, before) >= written  # all of them


async def test_messages_queued_for_a_disconnected_client_are_counted_apart(
    start: Any, join: Any, messages: Any, raw: Any
) -> None:
    bridge, fast, slow = await slow_and_fast(start, join, raw)
    sent = await stuff(bridge, fast, messages)
    await slow.close()
    async with asyncio.timeout(10):
        await bridge.until(lambda: bridge.client_drops["disconnected"])
    assert bridge.client_drops["disconnected"] >= 4
    status = bridge.status
    assert (status.offered, status.sent, status.dropped) == (sent, sent, {})


async def test_each_message_reaches_a_client_that_is_cut_off_or_is_counted(
    start: Any, join: Any, messages: Any, raw: Any
) -> None:
    """Frames in the transport of an aborted connection are not lost silently."""
    bridge, fast, slow = await slow_and_fast(start, join, raw)
    sent = await stuff(bridge, fast, messages)
    await bridge.stop()
    whole = 0
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(10):
            while True:
                head = await slow.reader.readexactly(2)
                size = head[1]
                if size == 126:
                    size = int.from_bytes(await slow.reader.readexactly(2), "big")
                await slow.reader.readexactly(size)
                whole += head[0] == 0x82
    assert sent - whole == sum(bridge.client_drops.values()), bridge.client_drops


async def test_client_that_reads_again_receives_the_newest(
    start: Any, join: Any, messages: Any, raw: Any
) -> None:
    bridge, fast, slow = await slow_and_fast(start, join, raw)
    await stuff(bridge, fast, messages)
    bridge.send(Message.of("/newest"))
    await messages(fast)
    tail = b""
    while b"/newest\0" not in tail:
        chunk = await slow.reader.read(65_536)
        assert chunk
        tail = tail[-8:] + chunk


async def test_close_does_not_wait_for_a_client_that_does_not_read(
    start: Any, join: Any, messages: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge, fast, _slow = await slow_and_fast(start, join, raw)
    await stuff(bridge, fast, messages)
    stopwatch = Stopwatch()
    await bridge.stop()
    assert stopwatch.seconds < 1.5
    assert "did not close" not in caplog.text


# --- closing -----------------------------------------------------------------------------------


async def test_close_sends_code_1001(bridge: Any, join: Any) -> None:
    clients = [await join(bridge), await join(bridge, "osc.json")]
    stopwatch = Stopwatch()
    await bridge.stop()
    for client in clients:
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1001
    assert stopwatch.seconds < 1


async def test_close_does_not_wait_for_a_connection_without_handshake(
    bridge: Any, raw: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    silent = await raw(bridge)
    await join(bridge)  # the server has accepted the first connection by now
    stopwatch = Stopwatch()
    await bridge.stop()
    assert stopwatch.seconds < 1.5
    assert await silent.reader.read() == b""
    assert "did not close" not in caplog.text


async def test_queued_messages_are_sent_before_the_close(
    bridge: Any, join: Any, messages: Any
) -> None:
    client = await join(bridge)
    for index in range(50):
        bridge.offer(Message.of("/n", index))
    await bridge.stop()
    assert [m.args[0] for m in await messages(client, 50)] == list(range(50))


async def test_port_in_use_is_one_clear_error(bridge: Any, start: Any) -> None:
    configuration = f"""
        [endpoint.web]
        type   = "websocket"
        listen = "127.0.0.1:{bridge.port}"
    """
    with pytest.raises(oscbridge.OSCBridgeError) as caught:
        await start(configuration=configuration)
    assert str(caught.value) == (
        f"endpoint.web: ws://127.0.0.1:{bridge.port}: address already in use; "
        "end the other program or choose another port"
    )


# --- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [b"/" * 2_000, '"' * 2_000], ids=["binary", "text"])
async def test_oversized_frame_disconnects_only_its_sender(
    start: Any, join: Any, messages: Any, frame: str | bytes
) -> None:
    bridge = await start("max_packet_size = 1000")
    client = await join(bridge, "osc.json")
    await client.send(frame)
    await client.wait_closed()
    assert client.close_code == 1009
    await probe(bridge, join, messages)


async def test_client_above_the_limit_is_refused(start: Any, join: Any) -> None:
    bridge = await start("max_connections = 2")
    first = await join(bridge)
    await join(bridge)
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge)
    assert caught.value.response.status_code == 503
    assert bridge.refusals == 1
    bridge.send(Message.of("/a"))
    assert await first.recv() == oscbridge.encode_message(Message.of("/a"))


async def test_disconnected_client_makes_room(start: Any, join: Any) -> None:
    bridge = await start("max_connections = 1")
    first = await join(bridge)
    await first.close()
    await bridge.until(lambda: not bridge.clients)
    await join(bridge)


# --- origin ------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://example.org", "null", "http://evil.localhost.example"])
async def test_page_of_another_site_is_refused(
    bridge: Any, join: Any, origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await join(bridge, origin=origin)
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 4403
    assert f'origins = ["{origin}"]' in client.close_reason
    assert bridge.refusals == 1
    assert f"origins = [{origin!r}] in [endpoint.web]" in caplog.text


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:3000"])
async def test_page_from_the_same_host_is_accepted(bridge: Any, join: Any, origin: str) -> None:
    await join(bridge, origin=origin)


@pytest.mark.parametrize(
    ("listed", "origin"),
    [("https://example.org", "https://example.org"), ("null", "null"), ("*", "https://any.org")],
)
async def test_page_from_a_listed_site_is_accepted(
    start: Any, join: Any, listed: str, origin: str
) -> None:
    bridge = await start(f'origins = ["{listed}"]')
    await join(bridge, origin=origin)

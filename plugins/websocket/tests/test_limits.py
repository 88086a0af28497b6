"""Limits: too many connections, too slow handshakes, too fast and too large messages."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from stopwatch import Stopwatch
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket.connection import PING_TIMEOUT
from oscbridge_websocket.options import WebSocketOptions
from oscbridge_websocket.registry import ConnectionRegistry

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
ELSEWHERE = {"local_addr": ("127.0.0.2", 0)}


# --- too many ----------------------------------------------------------------------------------


async def test_connection_above_the_limit_per_address_is_refused_and_other_addresses_are_not(
    start: Any, join: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_connections_per_address = 2")
    clients = [await join(bridge), await join(bridge)]
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge)
    assert caught.value.response.status_code == 503
    clients.append(await join(bridge, **ELSEWHERE))
    await bridge.until(lambda: bridge.clients >= 3)
    bridge.send(Message.of("/a"))
    for client in clients:
        assert [m.address for m in await messages(client)] == ["/a"]
    assert bridge.refusals == 1
    assert "a connection from 127.0.0.1: max_connections_per_address = 2 reached" in caplog.text


async def test_silent_connections_count_towards_the_limit_per_address(
    start: Any, join: Any, raw: Any
) -> None:
    bridge = await start("max_connections_per_address = 2")
    for _ in range(2):
        await raw(bridge)
    await bridge.until(lambda: bridge.connections >= 2)
    with pytest.raises(InvalidStatus):
        await join(bridge)


async def test_pending_handshakes_are_limited_together(
    start: Any, join: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_handshakes = 2")
    client = await join(bridge)  # a client does not count any more
    await bridge.until(lambda: bridge.clients)
    silent = [await raw(bridge, f"127.0.0.{index}") for index in (2, 3)]
    await bridge.until(lambda: bridge.connections >= 3)
    with pytest.raises(InvalidStatus):
        await join(bridge, local_addr=("127.0.0.4", 0))
    assert "a connection from 127.0.0.4: max_handshakes = 2 reached" in caplog.text
    await silent[0].close()
    await bridge.until(lambda: bridge.connections <= 2)
    await join(bridge, local_addr=("127.0.0.4", 0))
    await (await client.ping())


async def test_client_without_its_token_counts_as_a_pending_handshake(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start("max_handshakes = 1" + token)
    await join(bridge)
    with pytest.raises(InvalidStatus):
        await join(bridge)


async def test_late_token_does_not_exceed_the_client_limit(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start("max_connections = 1" + token)
    late = await join(bridge)
    await join(bridge, headers={"Authorization": "Bearer right-and-secret"})
    await bridge.until(lambda: bridge.clients)
    await late.send(oscbridge.encode_message(Message.of("/token", "right-and-secret")))
    with pytest.raises(ConnectionClosed):
        await late.recv()
    assert (late.close_code, late.close_reason) == (1013, "too many clients")


async def test_reload_changes_the_limits_for_new_connections(start: Any, join: Any) -> None:
    bridge = await start("max_connections = 1")
    await join(bridge)
    await bridge.until(lambda: bridge.clients)
    assert await bridge.update("max_connections = 2\nmax_packet_size = 100")
    second = await join(bridge)
    await second.send(b"/" * 101)
    await second.wait_closed()
    assert second.close_code == 1009


def test_registry_keeps_nothing_about_ended_connections() -> None:
    class SilentConnection:
        network = "192.0.2.1"
        via = ""

        def abort(self) -> None: ...

    registry = ConnectionRegistry[SilentConnection](WebSocketOptions())
    for becomes_client in (False, True):
        connection = SilentConnection()
        assert registry.add(connection) == ""
        if becomes_client:
            assert registry.promote(connection)
        registry.remove(connection)
        registry.remove(connection)  # no effect
    assert (len(registry.connections), registry.clients, registry.networks) == (0, 0, 0)


@pytest.mark.load
async def test_five_thousand_connections_leave_the_endpoint_working(
    start: Any, join: Any, messages: Any, unharmed: Any
) -> None:
    bridge = await start()
    listener = await join(bridge, local_addr=("127.0.1.1", 0))
    await bridge.until(lambda: bridge.clients)
    most = 0
    async with unharmed(bridge, local_addr=("127.0.1.1", 0)):
        sockets: list[socket.socket] = []
        try:
            for index in range(5_000):
                sock = socket.socket()
                sockets.append(sock)
                sock.setblocking(False)
                sock.bind((f"127.0.0.{1 + index % 200}", 0))
                sock.connect_ex(("127.0.0.1", bridge.port))
                if index % 50 == 49:
                    await asyncio.sleep(0)
                    most = max(most, bridge.connections)
            while bridge.refusals < 5_000 - 128:
                await asyncio.sleep(0.01)
                most = max(most, bridge.connections)
            assert most == 1 + 128
            bridge.send(Message.of("/during"))
            assert [m.address for m in await messages(listener)] == ["/during"]
        finally:
            for sock in sockets:
                sock.close()
    assert bridge.refusals == 5_000 - 128


# --- too slow ----------------------------------------------------------------------------------


@pytest.mark.parametrize("started", [b"", UPGRADE, b"GET /"], ids=["nothing", "headers", "line"])
async def test_incomplete_handshake_times_out(
    start: Any,
    raw: Any,
    unharmed: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    started: bytes,
) -> None:
    monkeypatch.setattr("oscbridge_websocket.connection.OPEN_TIMEOUT", 0.3)
    bridge = await start()
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(started)
        assert await client.read_all() == b""
        await client.close()
    assert bridge.refusals == 1
    assert "a connection from 127.0.0.1: no request within 0.3 s" in caplog.text


async def test_handshake_that_trickles_in_times_out(
    start: Any, raw: Any, join: Any, unharmed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge_websocket.connection.OPEN_TIMEOUT", 0.5)
    bridge = await start()
    async with unharmed(bridge):
        slow = [await raw(bridge) for _ in range(20)]
        for client in slow:
            client.write(UPGRADE)

        async def trickle(client: Any) -> None:
            ended = asyncio.create_task(client.read_all())
            while not ended.done():
                client.write(b"X-A: b\r\n")
                await asyncio.wait([ended], timeout=0.02)
            await client.close()

        trickling = [asyncio.create_task(trickle(client)) for client in slow]
        good = await join(bridge)  # immediately, meanwhile
        await (await good.ping())
        await good.close()
        assert not all(task.done() for task in trickling)
        await asyncio.gather(*trickling)


def test_client_without_pong_is_disconnected_within_a_minute() -> None:
    assert WebSocketOptions().ping_interval + PING_TIMEOUT <= 60


# --- too fast ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bundled", [1, 50])
async def test_fast_sender_is_throttled_and_loses_nothing(
    start: Any, join: Any, messages: Any, bundled: int, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_rate = 400")
    flood, listener = await join(bridge), await join(bridge)
    await bridge.until(lambda: bridge.clients >= 2)
    started = time.monotonic()
    for first in range(0, 800, bundled):
        numbers = range(first, first + bundled)
        encoded = [oscbridge.encode_message(Message.of("/n", number)) for number in numbers]
        await flood.send(encoded[0] if bundled == 1 else oscbridge.encode_bundle(encoded))
    found = await messages(listener, 800)
    assert [m.args[0] for m in found] == list(range(800))
    assert 0.8 < time.monotonic() - started < 5  # a burst of one second, then the rate
    assert caplog.text.count("sends more than max_rate") == 1


async def test_throttled_client_slows_nobody_else(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_rate = 1")
    flood, good, listener = await join(bridge), await join(bridge), await join(bridge)
    await bridge.until(lambda: bridge.clients >= 3)
    flooding = [oscbridge.encode_message(Message.of("/flood"))] * 50
    await flood.send(oscbridge.encode_bundle(flooding))
    assert b"/flood\0" in await listener.recv()
    stopwatch = Stopwatch()
    await good.send(oscbridge.encode_message(Message.of("/good")))
    while b"/good\0" not in await listener.recv():
        pass
    assert stopwatch.seconds < 0.5
    stopwatch = Stopwatch()
    await bridge.stop()  # does not wait for the rest of the flood
    assert stopwatch.seconds < 1.5
    assert "did not close" not in caplog.text


# --- too large ---------------------------------------------------------------------------------


def frame(data: bytes, first: int) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(data)
    if size < 126:
        return bytes([first, 0x80 | size]) + bytes(4) + data
    return bytes([first, 0xFE]) + size.to_bytes(2) + bytes(4) + data


async def test_compression_bomb_is_not_decompressed(start: Any, raw: Any, unharmed: Any) -> None:
    bridge = await start()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(bytes(40 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 60_000
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head
        assert b"permessage-deflate" not in head
        tracemalloc.start()
        try:
            client.write(frame(bomb, 0xC2))  # RSV1: compressed
            closing = await client.read_all()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert closing[:1] == b"\x88"
        assert int.from_bytes(closing[2:4]) == 1002
        assert peak < 1 << 20
        await client.close()


async def test_fragmented_frame_has_the_same_size_limit(
    start: Any, raw: Any, unharmed: Any
) -> None:
    bridge = await start("max_packet_size = 1000")
    async with unharmed(bridge):
        client = await raw(bridge)
        await client.handshake()
        client.write(frame(bytes(400), 0x02) + frame(bytes(400), 0x00) * 2)
        closing = await client.read_all()
        assert int.from_bytes(closing[2:4]) == 1009
        await client.close()


async def test_oversized_frames_from_many_clients_do_no_harm(
    start: Any, join: Any, unharmed: Any
) -> None:
    bridge = await start("max_packet_size = 1000")
    async with unharmed(bridge):
        for _ in range(20):
            client = await join(bridge)
            await client.send(base64.b64encode(os.urandom(4_000)))
            await client.wait_closed()
            assert client.close_code == 1009

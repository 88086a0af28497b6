"""Those that take up room: too many, too fast, too large, and too slow to say what they want."""

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
from websockets.exceptions import ConnectionClosed, InvalidStatus

import oscbridge
from oscbridge import Message
from oscbridge_websocket.admission import Admission
from oscbridge_websocket.endpoint import PING_INTERVAL, PING_TIMEOUT
from oscbridge_websocket.options import WebSocketOptions

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
ELSEWHERE = {"local_addr": ("127.0.0.2", 0)}


# --- too many ----------------------------------------------------------------------------------


async def test_one_connection_more_than_an_address_may_have_is_refused_and_others_are_not(
    start: Any, join: Any, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_connections_per_address = 2")
    clients = [await join(bridge), await join(bridge)]
    with pytest.raises(InvalidStatus) as caught:
        await join(bridge)
    assert caught.value.response.status_code == 503
    clients.append(await join(bridge, **ELSEWHERE))
    while bridge.clients < 3:
        await asyncio.sleep(0)
    bridge.send(Message.of("/a"))
    for client in clients:
        assert [m.address for m in await messages(client)] == ["/a"]
    assert bridge.refusals == 1
    assert "127.0.0.1: a connection beyond max_connections_per_address = 2" in caplog.text


async def test_connections_that_say_nothing_count_towards_the_limit_of_their_address(
    start: Any, join: Any, raw: Any
) -> None:
    bridge = await start("max_connections_per_address = 2")
    for _ in range(2):
        await raw(bridge)
    while bridge.visitors < 2:
        await asyncio.sleep(0)
    with pytest.raises(InvalidStatus):
        await join(bridge)


async def test_connections_that_are_no_clients_yet_are_limited_together(
    start: Any, join: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_handshakes = 2")
    client = await join(bridge)  # which is one, and does not count any more
    while not bridge.clients:
        await asyncio.sleep(0)
    silent = [await raw(bridge, f"127.0.0.{index}") for index in (2, 3)]
    while bridge.visitors < 3:
        await asyncio.sleep(0)
    with pytest.raises(InvalidStatus):
        await join(bridge, local_addr=("127.0.0.4", 0))
    assert "a connection beyond max_handshakes = 2" in caplog.text
    await silent[0].close()
    while bridge.visitors > 2:
        await asyncio.sleep(0)
    await join(bridge, local_addr=("127.0.0.4", 0))
    await (await client.ping())


async def test_clients_without_their_token_count_as_no_clients_yet(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token + "max_handshakes = 1")
    await join(bridge)
    with pytest.raises(InvalidStatus):
        await join(bridge)


async def test_a_token_as_the_first_message_makes_no_client_beyond_the_limit(
    start: Any, join: Any, token: str
) -> None:
    bridge = await start(token + "max_connections = 1")
    late = await join(bridge)
    await join(bridge, headers={"Authorization": "Bearer right-and-secret"})
    while not bridge.clients:
        await asyncio.sleep(0)
    await late.send(oscbridge.encode_message(Message.of("/token", "right-and-secret")))
    with pytest.raises(ConnectionClosed):
        await late.recv()
    assert (late.close_code, late.close_reason) == (1013, "too many clients")


async def test_a_reload_changes_the_limits_for_those_that_come(start: Any, join: Any) -> None:
    bridge = await start("max_connections = 1")
    await join(bridge)
    while not bridge.clients:
        await asyncio.sleep(0)
    assert bridge.update("max_connections = 2\nmax_packet_size = 100")
    second = await join(bridge)
    await second.send(b"/" * 101)
    await second.wait_closed()
    assert second.close_code == 1009


def test_nothing_is_kept_about_connections_that_have_ended() -> None:
    class Visitor:
        network = "192.0.2.1"

        def abort(self) -> None: ...

    admission = Admission(WebSocketOptions())
    for becomes_client in (False, True):
        visitor = Visitor()
        assert admission.enter(visitor) == ""
        if becomes_client:
            assert admission.accept(visitor)
        admission.leave(visitor)
        admission.leave(visitor)  # which changes nothing
    assert (len(admission), admission.clients, len(admission._networks)) == (0, 0, 0)


@pytest.mark.load
async def test_five_thousand_connections_exhaust_nothing(
    start: Any, join: Any, messages: Any, unharmed: Any
) -> None:
    bridge = await start()
    listener = await join(bridge, local_addr=("127.0.1.1", 0))
    while not bridge.clients:
        await asyncio.sleep(0)
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
                    most = max(most, bridge.visitors)
            while bridge.refusals < 5_000 - 128:
                await asyncio.sleep(0.01)
                most = max(most, bridge.visitors)
            assert most == 1 + 128
            bridge.send(Message.of("/during"))
            assert [m.address for m in await messages(listener)] == ["/during"]
        finally:
            for sock in sockets:
                sock.close()
    assert bridge.refusals == 5_000 - 128


# --- too slow ----------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", UPGRADE, b"GET /"], ids=["nothing", "headers", "line"])
async def test_a_client_that_opens_and_does_not_finish_is_closed(
    start: Any,
    raw: Any,
    unharmed: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    begun: bytes,
) -> None:
    monkeypatch.setattr("oscbridge_websocket.server.OPEN_TIMEOUT", 0.3)
    bridge = await start()
    async with unharmed(bridge):
        client = await raw(bridge)
        client.write(begun)
        assert await client.read_all() == b""
        await client.close()
    assert bridge.refusals == 1
    assert "127.0.0.1: no request within 0.3 s" in caplog.text


async def test_a_handshake_that_trickles_in_for_ever_is_ended(
    start: Any, raw: Any, join: Any, unharmed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscbridge_websocket.server.OPEN_TIMEOUT", 0.5)
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
        good = await join(bridge)  # at once, meanwhile
        await (await good.ping())
        await good.close()
        assert not all(task.done() for task in trickling)
        await asyncio.gather(*trickling)


def test_a_client_that_answers_no_ping_is_disconnected_in_a_minute() -> None:
    assert PING_INTERVAL + PING_TIMEOUT <= 60


# --- too fast ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bundled", [1, 50])
async def test_a_client_that_sends_too_fast_is_slowed_and_loses_nothing(
    start: Any, join: Any, messages: Any, bundled: int, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_rate = 400")
    flood, listener = await join(bridge), await join(bridge)
    while bridge.clients < 2:
        await asyncio.sleep(0)
    begun = time.monotonic()
    for first in range(0, 800, bundled):
        numbers = range(first, first + bundled)
        encoded = [oscbridge.encode_message(Message.of("/n", number)) for number in numbers]
        await flood.send(encoded[0] if bundled == 1 else oscbridge.encode_bundle(encoded))
    found = await messages(listener, 800)
    assert [m.args[0] for m in found] == list(range(800))
    assert 0.8 < time.monotonic() - begun < 5  # a second's worth at once, then by the rate
    assert caplog.text.count("sends more than max_rate") == 1


async def test_a_client_that_is_slowed_slows_nobody_else(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start("max_rate = 1")
    flood, good, listener = await join(bridge), await join(bridge), await join(bridge)
    while bridge.clients < 3:
        await asyncio.sleep(0)
    flooding = [oscbridge.encode_message(Message.of("/flood"))] * 50
    await flood.send(oscbridge.encode_bundle(flooding))
    assert b"/flood\0" in await listener.recv()
    begun = time.monotonic()
    await good.send(oscbridge.encode_message(Message.of("/good")))
    while b"/good\0" not in await listener.recv():
        pass
    assert time.monotonic() - begun < 0.5
    begun = time.monotonic()
    await bridge.app.stop()  # which does not wait for what the flood has left
    assert time.monotonic() - begun < 1.5
    assert "did not close" not in caplog.text


# --- too large ---------------------------------------------------------------------------------


def frame(data: bytes, first: int) -> bytes:
    """A frame of a client: masked, with zeros."""
    size = len(data)
    if size < 126:
        return bytes([first, 0x80 | size]) + bytes(4) + data
    return bytes([first, 0xFE]) + size.to_bytes(2) + bytes(4) + data


async def test_a_compression_bomb_is_not_unpacked(start: Any, raw: Any, unharmed: Any) -> None:
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


async def test_a_frame_in_many_pieces_has_the_same_limit(
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


async def test_frames_over_the_limit_from_many_clients_do_no_harm(
    start: Any, join: Any, unharmed: Any
) -> None:
    bridge = await start("max_packet_size = 1000")
    async with unharmed(bridge):
        for _ in range(20):
            client = await join(bridge)
            await client.send(base64.b64encode(os.urandom(4_000)))
            await client.wait_closed()
            assert client.close_code == 1009

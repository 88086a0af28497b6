"""Clients that read nothing, send too much, or ask for too much."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from query_bridge import QueryBridge
from query_bridge import StartQueryBridge as Start
from raw_client import RawClient

import oscbridge
from oscbridge_oscquery import listeners, server

FADER = "/mix/1/fader"
SAY = oscbridge.Message.of("/say", "x" * 1_000)
EXTRA = '[[route]]\nfrom = "q"\nmatch = "/extra"\nto = "desk"\n'

Connect = Callable[[QueryBridge], Awaitable[RawClient]]


def masked(kind: int, data: bytes) -> bytes:
    """A frame of a client, with a mask of zeros."""
    return bytes((kind, 0x80 | len(data), 0, 0, 0, 0)) + data


@pytest.fixture
async def stalled() -> AsyncIterator[Connect]:
    """Connects a client that listens to /say, and reads nothing."""
    clients: list[RawClient] = []

    async def connect(bridge: QueryBridge) -> RawClient:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.connect(("127.0.0.1", bridge.port))
        client = RawClient(*await asyncio.open_connection(sock=sock, limit=1_024))
        clients.append(client)
        await client.handshake()
        client.write(masked(0x81, b'{"COMMAND":"LISTEN","DATA":"/say"}'))
        client.write(masked(0x89, b""))
        assert await client.reader.readexactly(2) == b"\x8a\0"
        return client

    yield connect
    for client in clients:
        client.writer.transport.abort()
    await asyncio.sleep(0)


async def test_slow_client_loses_its_oldest_messages_and_slows_nobody(
    start: Start, stalled: Connect
) -> None:
    bridge = await start("max_client_queue = 10")
    await stalled(bridge)
    good = await bridge.listening("/say")
    sent = 0
    while "slow_client" not in bridge.status.client_dropped:
        for _ in range(100):
            bridge.bridge.offer("q", SAY)
        for _ in range(100):
            assert await good.next() == ("/say", SAY.args)
        sent += 100
        assert sent < 100_000
    assert bridge.status.dropped == {}
    assert bridge.status.sent == sent


async def test_slow_client_loses_no_change_of_the_tree(start: Start, stalled: Connect) -> None:
    bridge = await start("max_client_queue = 10")
    slow, good = await stalled(bridge), await bridge.join()
    await overload(bridge)
    await bridge.bridge.reload(bridge.text + EXTRA)
    assert await good.next_command() == ("PATH_ADDED", "/extra")
    await overload(bridge)
    found = b""
    async with asyncio.timeout(30):
        while b'{"COMMAND":"PATH_ADDED","DATA":"/extra"}' not in found:
            found = found[-100:] + await slow.reader.read(1_000)


async def overload(bridge: QueryBridge) -> None:
    """Send more to the client than it reads, until it loses further messages."""
    before = bridge.status.client_dropped.get("slow_client", 0)
    while bridge.status.client_dropped.get("slow_client", 0) == before:
        for _ in range(100):
            bridge.bridge.offer("q", SAY)
        await bridge.bridge.until(lambda: bridge.status.queued == 0)


async def test_client_that_reads_nothing_is_disconnected(
    start: Start, stalled: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SEND_TIMEOUT", 0.5)
    bridge = await start("max_client_queue = 10")
    await stalled(bridge)
    await bridge.bridge.until(lambda: bridge.endpoint.client_count == 1)
    for _ in range(100):
        for _ in range(100):
            bridge.bridge.offer("q", SAY)
        await bridge.bridge.until(lambda: bridge.status.queued == 0)
    await bridge.bridge.until(lambda: bridge.endpoint.client_count == 0)
    assert bridge.status.client_dropped["slow_client"] > 0


async def test_more_connections_than_allowed_are_rejected(start: Start) -> None:
    bridge = await start("max_connections = 2")
    one, two = await bridge.join(), await bridge.join()
    with pytest.raises(aiohttp.ClientError):
        await bridge.join()
    for client in (one, two):
        await client.settled()


async def test_listens_above_the_limit_are_refused(
    bridge: QueryBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "MAX_LISTENS", 10)
    client = await bridge.join()
    await client.listen(*(f"/{number}" for number in range(20)))
    await client.settled()
    assert bridge.status.refused == 10
    bridge.bridge.offer("q", oscbridge.Message.of("/9", 1), oscbridge.Message.of("/10", 1))
    assert await client.next() == ("/9", (1,))
    assert await client.nothing_came()


async def test_client_that_sends_too_much_is_throttled(start: Start) -> None:
    bridge = await start("max_rate = 20")
    client = await bridge.join()
    started = asyncio.get_running_loop().time()
    for _ in range(60):
        await client.send("/say", "x")
    for _ in range(60):
        await bridge.at_device()
    assert asyncio.get_running_loop().time() - started > 1.0


async def test_client_that_sends_too_many_empty_bundles_is_throttled(start: Start) -> None:
    bridge = await start("max_rate = 20")
    client = await bridge.join()
    started = asyncio.get_running_loop().time()
    for _ in range(60):
        await client.socket.send_bytes(oscbridge.encode_bundle([], oscbridge.IMMEDIATELY))
    await client.send("/say", "x")
    await bridge.at_device()
    assert asyncio.get_running_loop().time() - started > 1.0


async def test_trees_for_many_clients_leave_time_for_others(bridge: QueryBridge) -> None:
    client = await bridge.listening(FADER)
    asking = [asyncio.create_task(bridge.get("/")) for _ in range(50)]
    bridge.from_stage(FADER, 0.5)
    assert await client.next() == (FADER, (0.5,))
    assert {(await each).status for each in asking} == {200}


async def test_client_that_leaves_in_the_middle_of_a_frame_costs_nothing(
    bridge: QueryBridge, stalled: Connect
) -> None:
    for data in (b"\x82", masked(0x82, b"12345678")[:9], b"\xff\xff\xff", masked(0x83, b"x")):
        client = await stalled(bridge)
        client.write(data)
        await client.writer.drain()
        client.writer.close()
        await bridge.bridge.until(lambda: bridge.endpoint.client_count == 0)
    assert (await bridge.get(FADER)).status == 200

"""A broker that sends far more than it may costs little memory, and never blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import struct
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge.testing import until

ACCEPTED = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}
MAX_BLOCKED = 0.1
"""Seconds of CPU time in one turn of the loop."""

MAX_MEMORY = 100 * 1024 * 1024
"""Bytes."""

Flood = Callable[[bytes, bytes], Awaitable[str]]


@pytest.fixture
async def flood() -> AsyncIterator[tuple[Flood, list[bytes]]]:
    """A broker that answers the first connect and then sends bytes; records each CONNECT."""
    servers: list[asyncio.Server] = []
    connects: list[bytes] = []

    async def start(answer: bytes, data: bytes) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connects.append(await reader.read(1_000))
            with contextlib.suppress(OSError):
                if len(connects) == 1:
                    writer.write(answer)
                    view = memoryview(data)
                    for start in range(0, len(view), 1 << 16):
                        writer.write(view[start : start + (1 << 16)])
                        await writer.drain()
                while await reader.read(1 << 16):
                    pass
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start, connects
    for server in servers:
        server.close()


class TurnClock:
    """The longest turn of the loop, in seconds of CPU time."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._latest = time.thread_time()
        self._loop.call_soon(self._tick)

    def _tick(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._latest)
        self._latest = now
        self._loop.call_later(0, self._tick)


def publish(version: str, qos: int, mid: int, topic: bytes, payload: bytes) -> bytes:
    identifier = struct.pack(">H", mid) if qos else b""
    none = b"\x00" if version == "5" else b""
    body = struct.pack(">H", len(topic)) + topic + identifier + none + payload
    size, length = len(body), b""
    while True:
        size, digit = size >> 7, size & 0x7F
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([0x30 | qos << 1]) + length + body


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_qos_2_flood_without_pubrel_ends_the_connection(
    flood: Any, start: Any, caplog: Any, version: str
) -> None:
    run, connects = flood
    packets = [publish(version, 2, mid, b"a", b"x" * 4_000) for mid in range(1, 60_001)]
    url = await run(ACCEPTED[version], b"".join(packets))
    del packets
    bridge = await start(url, f'version = "{version}"', connected=False)
    clock = TurnClock()
    tracemalloc.start()
    try:
        await until(lambda: "messages with QoS 2 that it has not released" in caplog.text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert clock.longest < MAX_BLOCKED
    assert peak < MAX_MEMORY
    assert not bridge.status.connected
    if version == "5":
        assert b"\x21\x01\x00" in connects[0]  # Receive Maximum = 256


@pytest.mark.parametrize("qos", [0, 1])
async def test_huge_retained_tree_does_not_block_the_loop(flood: Any, start: Any, qos: int) -> None:
    run, _ = flood
    count = 20_000
    packets = [publish("5", qos, n % 60_000 + 1, b"t/%d" % n, b"1") for n in range(count)]
    url = await run(ACCEPTED["5"], b"".join(packets))
    bridge = await start(url, connected=False)
    gc.disable()  # it would walk the whole heap of the tests
    try:
        clock = TurnClock()
        await until(lambda: bridge.received.qsize() == count, 60)
    finally:
        gc.enable()
    assert clock.longest < MAX_BLOCKED


async def test_oversized_topics_are_not_cached(flood: Any, start: Any) -> None:
    run, _ = flood
    count = 2_000
    packets = [publish("5", 0, 0, b"/" * 60_000 + b"%d" % n, b"1") for n in range(count)]
    url = await run(ACCEPTED["5"], b"".join(packets))
    bridge = await start(url, 'subscribe = ["#"]', connected=False)
    before = resident_memory()
    await until(lambda: bridge.received.qsize() == count, 60)
    assert resident_memory() - before < MAX_MEMORY


def resident_memory() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


async def test_packet_above_the_announced_maximum_ends_the_connection(
    flood: Any, start: Any, caplog: Any
) -> None:
    run, _ = flood
    url = await run(ACCEPTED["5"], publish("5", 0, 0, b"a", b"x" * 20_000_000))
    await start(url, connected=False)
    await until(lambda: "a packet of 20000004 bytes; at most 16777216 are accepted" in caplog.text)

"""Streams of events, read from a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from oscbridge_webhook import streams

LISTEN = 'listen = "127.0.0.1:0"\n'
CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.hook]
type = "webhook"
{options}
"""
TOKEN = """
[[token]]
name = "wall"
secret = {{ env = "WALL" }}
addresses = ["/{address}"]
"""
SECRET = "wall-of-24-characters-at-least"


class Stream:
    """One client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def next(self) -> bytes:
        """The next event or comment. Each is a chunk, or several are one."""
        async with asyncio.timeout(10):
            while (line := await self.reader.readline()).strip() == b"" or line[-2:] == b"\r\n":
                assert line, "the stream has ended"
            rest = b"" if line[:1] == b":" else await self.reader.readuntil(b"\n\n")
            return line + rest

    async def event(self) -> tuple[int, str]:
        """The number and the address of the next event."""
        while (found := await self.next())[:1] == b":":
            pass
        number, data, _, _ = found.split(b"\n")
        return int(number.removeprefix(b"id: ")), orjson.loads(data.removeprefix(b"data: "))[
            "address"
        ]

    async def ended(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.read()


Open = Callable[..., Awaitable[Stream]]


@pytest.fixture
async def open_stream() -> AsyncIterator[Open]:
    """Opens a stream; it has a status other than 200 if the test says so."""
    async with AsyncExitStack() as stack:

        async def open_stream(
            bridge: Any, query: str = "", token: str = "", status: int = 200
        ) -> Stream:
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port, limit=1 << 24)
            stack.callback(writer.close)
            lines = [f"GET /api/v1/events{query} HTTP/1.1", "Host: localhost"]
            if token:
                lines.append(f"Authorization: Bearer {token}")
            writer.write("\r\n".join([*lines, "", ""]).encode())
            stream = Stream(reader, writer)
            head = await stream.head()
            assert f" {status} " in head.partition("\r\n")[0]
            if status == 200:
                assert "Content-Type: text/event-stream" in head
                assert await stream.next() == b": connected\n"
            return stream

        yield open_stream


async def test_messages_are_streamed_in_order(start: Any, open_stream: Open) -> None:
    bridge = await start()
    stream = await open_stream(bridge)
    for address in ("/a", "/b", "/c"):
        bridge.offer(address, 1)
    assert [await stream.event() for _ in range(3)] == [(1, "/a"), (2, "/b"), (3, "/c")]


async def test_a_client_gets_what_it_asks_for(start: Any, open_stream: Open) -> None:
    bridge = await start()
    stream = await open_stream(bridge, "?match=/mixer/*&match=/x")
    for address in ("/a", "/mixer/1", "/x"):
        bridge.offer(address)
    assert [(await stream.event())[1] for _ in range(2)] == ["/mixer/1", "/x"]


async def test_a_stream_without_events_has_comments(
    start: Any, open_stream: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    stream = await open_stream(await start())
    assert [await stream.next() for _ in range(2)] == [b":\n", b":\n"]


async def test_a_slow_client_misses_the_oldest_messages(start: Any, open_stream: Open) -> None:
    bridge = await start(f"{LISTEN}max_events_queue = 10")
    slow, other = await open_stream(bridge), await open_stream(bridge, "?match=/last")
    text = "x" * 1_000_000
    for _ in range(40):
        bridge.offer("/a", text)
    bridge.offer("/last")
    assert (await other.event())[1] == "/last"
    await bridge.bridge.until(lambda: bridge.status.sent == 41)
    assert bridge.status.client_dropped["slow_client"] > 0
    numbers = []
    while not numbers or numbers[-1] < 41:
        numbers.append((await slow.event())[0])
    assert numbers == sorted(set(numbers))
    assert len(numbers) + bridge.status.client_dropped["slow_client"] == 41


async def test_streams_are_limited(start: Any, open_stream: Open) -> None:
    bridge = await start(f"{LISTEN}max_streams = 1")
    first = await open_stream(bridge)
    await open_stream(bridge, status=503)
    assert bridge.status.refused == 1
    first.writer.close()
    await bridge.bridge.until(lambda: bridge.status.clients == 1)
    await open_stream(bridge)


@pytest.mark.parametrize(("after", "is_open"), [(TOKEN, True), ("", False)])
async def test_a_reload_gives_streams_their_new_rights(
    start: Any, open_stream: Open, monkeypatch: pytest.MonkeyPatch, after: str, is_open: bool
) -> None:
    monkeypatch.setenv("WALL", SECRET)
    monkeypatch.setenv("OTHER", f"other-{SECRET}")
    other = '[[token]]\nname = "other"\nsecret = {{ env = "OTHER" }}\n'

    def configuration(text: str, address: str) -> str:
        return CONFIGURATION + text.replace("{address}", address) + other

    bridge = await start(LISTEN, configuration(TOKEN, "old"))
    stream = await open_stream(bridge, token=SECRET)
    await bridge.bridge.reload(configuration(after, "new").format(options=LISTEN))
    if not is_open:
        assert b"data" not in await stream.ended()
        return
    for address in ("/old", "/new"):
        bridge.offer(address)
    assert (await stream.event())[1] == "/new"


async def test_streams_end_with_the_bridge(start: Any, open_stream: Open) -> None:
    bridge = await start()
    stream = await open_stream(bridge)
    await bridge.bridge.stop()
    assert (await stream.ended()).endswith(b"0\r\n\r\n")

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
            bridge: Any, query: str = "", token: str = "", status: int = 200, last: str = ""
        ) -> Stream:
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port, limit=1 << 24)
            stack.callback(writer.close)
            lines = [f"GET /api/v1/events{query} HTTP/1.1", "Host: localhost"]
            if token:
                lines.append(f"Authorization: Bearer {token}")
            if last:
                lines.append(f"Last-Event-ID: {last}")
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
    found = [await stream.event() for _ in range(3)]
    first = found[0][0]
    assert found == [(first, "/a"), (first + 1, "/b"), (first + 2, "/c")]


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
    last, address = await other.event()
    assert address == "/last"
    await bridge.bridge.until(lambda: bridge.status.sent == 41)
    assert bridge.status.client_dropped["slow_client"] > 0
    numbers = []
    while not numbers or numbers[-1] < last:
        numbers.append((await slow.event())[0])
    assert numbers == sorted(set(numbers))
    assert len(numbers) + bridge.status.client_dropped["slow_client"] == 41


async def test_messages_that_had_not_left_when_their_client_disconnected_are_counted(
    start: Any, open_stream: Open
) -> None:
    bridge = await start(f"{LISTEN}max_events_queue = 10")
    gone = await open_stream(bridge)
    text = "x" * 1_000_000
    for _ in range(40):
        bridge.offer("/a", text)
    await bridge.bridge.until(lambda: bridge.status.sent == 40)
    gone.writer.transport.abort()
    await bridge.bridge.until(lambda: bridge.status.client_dropped.get("disconnected", 0) > 0)
    missed = bridge.status.client_dropped
    assert set(missed) == {"slow_client", "disconnected"}
    # Some megabytes are in the buffers of the kernel, which cannot tell whether they were read.
    assert 20 <= missed["slow_client"] + missed["disconnected"] <= 40


async def test_a_client_that_comes_back_gets_what_it_missed(start: Any, open_stream: Open) -> None:
    bridge = await start()
    stream = await open_stream(bridge)
    bridge.offer("/a")
    number, _ = await stream.event()
    stream.writer.close()
    await bridge.bridge.until(lambda: bridge.status.clients == 0)
    for address in ("/b", "/c", "/d"):
        bridge.offer(address)
    await bridge.bridge.until(lambda: bridge.status.sent == 4)
    again = await open_stream(bridge, "?match=/c&match=/d&match=/e", last=str(number))
    bridge.offer("/e")
    found = [await again.event() for _ in range(3)]
    assert found == [(number + 2, "/c"), (number + 3, "/d"), (number + 4, "/e")]


async def test_a_client_that_missed_nothing_gets_only_new_messages(
    start: Any, open_stream: Open
) -> None:
    bridge = await start()
    stream = await open_stream(bridge)
    bridge.offer("/a")
    number, _ = await stream.event()
    again = await open_stream(bridge, last=str(number))
    bridge.offer("/b")
    assert await again.event() == (number + 1, "/b")


@pytest.mark.parametrize("last", ["0", "7", "18446744073709551616", "1e9", "-1", "x" * 4_000, "²"])
async def test_a_client_that_missed_unknown_events_is_told(
    start: Any, open_stream: Open, last: str
) -> None:
    bridge = await start()
    await open_stream(bridge)
    stream = await open_stream(bridge, last=last)
    bridge.offer("/a")
    assert await stream.next() == b"event: missed\ndata: {}\n\n"
    assert (await stream.event())[1] == "/a"


async def test_events_are_forgotten_a_while_after_the_last_stream(
    start: Any, open_stream: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEEP_TIME", 0.0)
    bridge = await start()
    stream = await open_stream(bridge)
    bridge.offer("/a")
    number, _ = await stream.event()
    stream.writer.close()
    kept = bridge.bridge.endpoint("hook")._server.streams
    await bridge.bridge.until(lambda: not kept.keeps_events)
    bridge.offer("/b")
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    await open_stream(bridge)
    again = await open_stream(bridge, last=str(number))
    assert await again.next() == b"event: missed\ndata: {}\n\n"


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

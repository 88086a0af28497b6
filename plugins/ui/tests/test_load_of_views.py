"""Pages that show everything at once cost no message."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from control_room import connected
from ports import free_port

from oscbridge import Message, encode_message

PAGES = 4
COUNT = 40_000
ADDRESSES = 500
BATCH = 100
RATE = 10_000.0
"""Messages per second."""

CONFIGURATION = """
[http]
listen = "127.0.0.1:0"

[bridge.stage]
listen = "tcp+1.0://127.0.0.1:0"

[endpoint.desk]
type   = "osc"
to     = "tcp+1.0://127.0.0.1:{desk}"
policy = "block"

[[route]]
name = "all"
from = "stage"
to   = "desk"
"""

WATCHED: tuple[dict[str, Any], ...] = (
    {"type": "watch_now"},
    {"type": "watch_log"},
    {"type": "watch_values", "count": 400, "sort": "rate"},
    {"type": "watch_routes"},
    {"type": "watch_surface", "page": ""},
    {"type": "watch_learning"},
    {"type": "watch_devices"},
    {"type": "watch_recordings"},
)


class Desk:
    """Counts the messages that arrive at it."""

    def __init__(self) -> None:
        self.count = 0
        self.port = free_port()
        self.is_complete = asyncio.Event()
        self.is_closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (size,) = struct.unpack(">I", await reader.readexactly(4))
                await reader.readexactly(size)
                self.count += 1
                if self.count >= COUNT:
                    self.is_complete.set()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            await writer.wait_closed()
            self.is_closed.set()


async def send(port: int) -> None:
    """Send all messages at the rate, as far as the bridge reads them."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for first in range(0, COUNT, BATCH):
        for number in range(first, first + BATCH):
            packet = encode_message(Message.of(f"/load/{number % ADDRESSES}", number / COUNT))
            writer.write(struct.pack(">I", len(packet)) + packet)
        await writer.drain()
        await asyncio.sleep(max(0.0, began + (first + BATCH) / RATE - loop.time()))
    writer.close()


@pytest.mark.load
async def test_nothing_is_lost_while_pages_watch_everything(start: Callable[..., Any]) -> None:
    desk = Desk()
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(desk.serve, "127.0.0.1", desk.port)
        stack.callback(server.close)
        process = stack.enter_context(start(CONFIGURATION.format(desk=desk.port)))
        pages = []
        for _ in range(PAGES):
            page = await stack.enter_async_context(connected(process.port("http")))
            for message in WATCHED:
                await page.send(**message)
            pages.append(page)
        assert (await pages[0].command(type="start_recording", name="load"))["error"] == ""

        async def read(page: Any) -> None:
            async for _ in page.socket:
                pass

        reading = [asyncio.create_task(read(page)) for page in pages[1:]]
        await asyncio.gather(send(process.port("stage")), desk.is_complete.wait())
        assert (await pages[0].command(type="stop_recording"))["error"] == ""
        while (pulse := await pages[0].next("pulse"))["sent"] < COUNT:
            pass
        assert (pulse["received"], pulse["lost"]) == (COUNT, 0)
        assert desk.count == COUNT
        for task in reading:
            assert not task.done()  # each page is still there
            task.cancel()
    await desk.is_closed.wait()  # or its connection would be left to a later test

"""A receiver: ``peer.py ws PORT``, ``peer.py udp PORT [HOST]`` or ``peer.py tcp PORT [stall]``.

In a process of its own. Counts the messages of each bridge, by the first part of their
address, and prints the counts as JSON when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import suppress

from oscbridge import decode_packet, messages
from oscbridge.osc.framing import SLIPDecoder

STALLED, READING = 8.0, 12.0
"""Seconds for which the peer that stalls does not read, and reads."""

QUIET = 1.0
"""Seconds without anything after which it has read all."""


def count(counts: Counter[str], packet: bytes) -> None:
    for message in messages(decode_packet(packet)):
        counts[message.address.split("/")[1]] += 1


async def websocket(port: int, counts: Counter[str]) -> None:
    from websockets.asyncio.client import connect

    async with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as socket:
        print("ready", flush=True)
        async for frame in socket:
            assert isinstance(frame, bytes)
            count(counts, frame)


class Stall:
    """When not to read."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.heard = 0.0

    async def wait(self, began: float) -> None:
        into = (asyncio.get_running_loop().time() - began) % (STALLED + READING)
        if into > READING:
            with suppress(TimeoutError):
                async with asyncio.timeout(STALLED + READING - into):
                    await self.over.wait()


async def tcp(port: int, counts: Counter[str], stall: Stall | None) -> None:
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = SLIPDecoder()
        began = loop.time()
        while data := await reader.read(65_536):
            for packet in decoder.feed(data):
                count(counts, packet)
            if stall is not None:
                stall.heard = loop.time()
                await stall.wait(began)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port, limit=65_536) as server:
        print("ready", flush=True)
        await server.serve_forever()


class UDPReceiver(asyncio.DatagramProtocol):
    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts

    def datagram_received(self, data: bytes, _address: object) -> None:
        count(self._counts, data)


async def udp(host: str, port: int, counts: Counter[str]) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: UDPReceiver(counts), (host, port))
    print("ready", flush=True)
    await loop.create_future()


async def main(kind: str, port: int, option: str = "") -> None:
    counts: Counter[str] = Counter()
    stall = Stall() if option == "stall" else None
    if kind == "ws":
        task = asyncio.create_task(websocket(port, counts))
    elif kind == "udp":
        task = asyncio.create_task(udp(option or "127.0.0.1", port, counts))
    else:
        task = asyncio.create_task(tcp(port, counts, stall))
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
    if stall is not None:
        stall.over.set()
        stall.heard = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - stall.heard < QUIET:
            await asyncio.sleep(QUIET)
    print(json.dumps(counts), flush=True)
    os._exit(0)  # connections are still open


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))

"""What the soak's endpoints talk to: ``peer.py ws PORT`` or ``peer.py tcp PORT [stall SECONDS]``.

In a process of its own. Counts the messages of each bridge, by the first part of their
address, and prints the counts as JSON when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

from oscbridge import decode_packet, messages
from oscbridge.osc.framing import SLIPDecoder

STALLED, READING = 8.0, 12.0
"""Seconds for which the peer that stalls does not read, and reads."""


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


async def tcp(port: int, counts: Counter[str], *, stalls: bool) -> None:
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = SLIPDecoder()
        began = loop.time()
        while data := await reader.read(65_536):
            for packet in decoder.feed(data):
                count(counts, packet)
            into = (loop.time() - began) % (STALLED + READING)
            if stalls and into > READING:
                await asyncio.sleep(STALLED + READING - into)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=65_536)
    print("ready", flush=True)
    await server.serve_forever()


async def main(kind: str, port: int, *, stalls: bool) -> None:
    counts: Counter[str] = Counter()
    work = websocket(port, counts) if kind == "ws" else tcp(port, counts, stalls=stalls)
    task = asyncio.create_task(work)
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((task, over), return_when=asyncio.FIRST_COMPLETED)
    print(json.dumps(counts), flush=True)
    task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), stalls="stall" in sys.argv))

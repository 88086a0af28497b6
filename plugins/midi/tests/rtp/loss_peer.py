"""One side of the loss test: ``loss_peer.py receive HOST`` or ``send URL COUNT``.

Prints "ready" when the session exists. The sender then plays random notes, which all end, and
prints "sent". The receiver prints what it knows as JSON at each line that it reads.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

import oscbridge
from oscbridge.testing import running_bridge, until
from oscbridge_midi.endpoint import MidiEndpoint

BATCH = 5
"""Messages per packet."""

PAUSE = 0.001
"""Seconds between packets."""


async def receive(host: str) -> None:
    text = f'[endpoint.near]\ntype = "midi"\nlisten = "rtp://{host}:5004"\n'
    async with running_bridge(text, record=["near"]) as bridge:
        endpoint = bridge.endpoint("near")
        assert isinstance(endpoint, MidiEndpoint)
        print("listening", flush=True)
        await until(lambda: endpoint.client_count)
        print("ready", flush=True)
        received = bridge.received("near")
        sounding: set[tuple[object, ...]] = set()
        count = 0
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            while not received.empty():
                message = received.get_nowait()
                count += 1
                if message.address == "/note" and message.args[2]:
                    sounding.add(message.args[:2])
                elif message.address in ("/note", "/note_off"):
                    sounding.discard(message.args[:2])
            status = bridge.endpoint_status("near").received
            found = {"count": count, "sounding": len(sounding), "dropped": dict(status.dropped)}
            print(json.dumps(found), flush=True)


async def send(url: str, count: int) -> None:
    text = (
        '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n'
        f'[endpoint.far]\ntype = "midi"\noutput = "{url}"\n'
    )
    async with running_bridge(text) as bridge:
        endpoint = bridge.endpoint("far")
        await until(lambda: bridge.endpoint_status("far").connected)
        print("ready", flush=True)
        rng = random.Random(1)
        sounding: set[tuple[int, int]] = set()
        messages = []
        for _ in range(count):
            key = rng.randrange(1, 5), rng.randrange(128)
            velocity = 0 if key in sounding else rng.randrange(1, 128)
            (sounding.discard if key in sounding else sounding.add)(key)
            messages.append(oscbridge.Message.of("/note", *key, velocity))
        messages += [oscbridge.Message.of("/note", *key, 0) for key in sorted(sounding)]
        for start in range(0, len(messages), BATCH):
            await endpoint.send_batch(
                [oscbridge.Delivery(each, None, {}) for each in messages[start : start + BATCH]]
            )
            await asyncio.sleep(PAUSE)
        print("sent", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    asyncio.run(receive(rest[0]) if role == "receive" else send(rest[0], int(rest[1])))

"""The peers of ``control_room_load.py``, each in a process of its own.

``control_room_peers.py send PORT RATE ADDRESSES`` sends OSC over TCP at a steady rate,
``receive PORT`` counts messages over TCP, and ``pages PORT COUNT`` are clients of the control
room without a browser. Each prints "ready", runs until its standard input ends, and prints its
counts as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["LoadPeer", "address_of"]

CHANNEL = 20
"""Addresses of one channel."""

TURN = 0.005
"""Seconds between writes of the sender."""

COUNT_TIMEOUT = 60.0
"""Seconds for a peer to read the rest and to print its counts."""

WATCHED: tuple[Mapping[str, object], ...] = (
    {"first": 0, "count": 64},
    {"first": 5_000, "count": 64},
    {"query": "level07", "count": 64},
    {"sort": "rate", "count": 64},
)
"""What the clients show: the list, a part far below, a search, and another order."""


def address_of(number: int) -> str:
    """All are of one length, so that messages can be counted by their bytes."""
    return f"/ch/{number // CHANNEL:04}/level{number % CHANNEL:02}"


def frame_of(number: int, value: float) -> bytes:
    """A message as OSC 1.0 frames it over TCP."""
    address = address_of(number).encode()
    packet = address + bytes(4 - len(address) % 4) + b",f\0\0" + struct.pack(">f", value)
    return struct.pack(">i", len(packet)) + packet


FRAME = len(frame_of(0, 0.0))


class LoadPeer:
    """Starts one of the peers."""

    def __init__(self, *args: object) -> None:
        command = [sys.executable, __file__, *map(str, args)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if ready != "ready\n":
            sys.exit(f"{' '.join(command)} did not start: {ready!r}")

    def end(self) -> dict[str, Any]:
        """End it. Returns what it has counted."""
        output, _ = self._process.communicate(timeout=COUNT_TIMEOUT)
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found

    def kill(self) -> None:
        """End it at once."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


# --- in the processes ---------------------------------------------------------------------------


def send(port: int, rate: float, addresses: int) -> None:
    """Each address in turn, with values that rise and fall."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    sent, number = 0, 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        print("ready", flush=True)
        began = time.perf_counter()
        while not over.is_set():
            due = int((time.perf_counter() - began) * rate) - sent
            if due <= 0:
                time.sleep(TURN)
                continue
            frames = bytearray()
            for _ in range(due):
                frames += frame_of(number, (sent // addresses * 7 + number) % 101 / 100)
                number = (number + 1) % addresses
                sent += 1
            sock.sendall(frames)
    print(json.dumps({"messages": sent, "seconds": time.perf_counter() - began}), flush=True)


def receive(port: int) -> None:
    """The receiver ends when the connection does, as the bridge stops last."""
    with socket.create_server(("127.0.0.1", port)) as server:
        print("ready", flush=True)
        sock, _ = server.accept()
        size = 0
        with sock:
            while data := sock.recv(1 << 18):
                size += len(data)
    messages, rest = divmod(size, FRAME)
    print(json.dumps({"messages": messages, "rest": rest}), flush=True)


async def pages(port: int, count: int) -> None:
    """Clients that watch all topics."""
    from websockets.asyncio.client import ClientConnection, connect

    async def close(client: ClientConnection) -> None:
        await over.wait()
        await client.close()

    async def page(number: int) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        by_second: Counter[tuple[str, int]] = Counter()
        url, subprotocols = f"ws://127.0.0.1:{port}/ui", ["oscbridge.ui.1"]
        async with connect(
            url, subprotocols=subprotocols, max_size=None, compression=None, proxy=None
        ) as client:
            watched = {"type": "watch_values", **WATCHED[number % len(WATCHED)]}
            for message in (
                {"type": "hello"},
                {"type": "watch_now"},
                {"type": "watch_log"},
                watched,
            ):
                await client.send(json.dumps(message))
            assert '"welcome"' in await client.recv()
            ready.release()
            closing = asyncio.create_task(close(client))
            async for text in client:
                topic = text[9:].partition('"')[0]
                counts[topic] += 1
                counts["bytes"] += len(text)
                by_second[topic, int(time.monotonic())] += 1
            await closing
        return {**counts, "most per second": max(by_second.values(), default=0)}

    over, ready = asyncio.Event(), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(page(number)) for number in range(count)]
    for _ in tasks:
        await ready.acquire()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    over.set()
    print(json.dumps({"pages": await asyncio.gather(*tasks)}), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", port, rate, addresses]:
            send(int(port), float(rate), int(addresses))
        case ["receive", port]:
            receive(int(port))
        case ["pages", port, count]:
            asyncio.run(pages(int(port), int(count)))

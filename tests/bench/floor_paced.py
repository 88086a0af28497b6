"""The floor of dashboards: UDP to WebSocket clients, 60 frames per second, without parsing.

It keeps the last datagram of each address and writes those of a frame together. Arguments: UDP
port, WebSocket port, frames per second.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from floor_relay import MAX_DATAGRAM, accept, clients

BUNDLE = b"#bundle\0\0\0\0\0\0\0\0\1"
latest: dict[bytes, bytes] = {}


def read(sock: socket.socket) -> None:
    """Read until the socket is empty: a turn of the loop for each datagram would cost more."""
    try:
        while True:
            data = sock.recv(MAX_DATAGRAM)
            latest[data[: data.find(b"\0")]] = data
    except BlockingIOError:
        pass


def write(loop: asyncio.AbstractEventLoop, due: float, interval: float) -> None:
    loop.call_at(due + interval, write, loop, due + interval, interval)
    if latest:
        elements = (
            part for data in latest.values() for part in (struct.pack(">i", len(data)), data)
        )
        body = BUNDLE + b"".join(elements)
        latest.clear()
        for client in clients:
            client.write(b"\x82\x7e" + len(body).to_bytes(2) + body)


async def main(udp: int, web: int, rate: float) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", udp))
        sock.setblocking(False)
        loop.add_reader(sock, read, sock)
        write(loop, loop.time(), 1 / rate)
        async with await asyncio.start_server(accept, "127.0.0.1", web) as server:
            print("ready", flush=True)
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

"""The floor: UDP to every WebSocket client with asyncio, without parsing and without checks.

It makes the system calls that a relay cannot do without, in Python. Arguments: UDP port,
WebSocket port.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
MAX_DATAGRAM = 65_535
clients: set[asyncio.StreamWriter] = set()


class Relay(asyncio.DatagramProtocol):
    def datagram_received(self, data: bytes, addr: object) -> None:
        size = len(data)
        head = (0x82, size) if size < 126 else (0x82, 126, *size.to_bytes(2))
        frame = bytes(head) + data
        for client in clients:
            client.write(frame)


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    answer = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + answer.encode() + b"\r\n\r\n"
    )
    clients.add(writer)
    await reader.read()
    clients.discard(writer)
    writer.close()


async def main(udp: int, web: int) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Relay, local_addr=("127.0.0.1", udp))
    # As long as a datagram. The 256 KiB of asyncio take three system calls for the memory.
    transport.max_size = MAX_DATAGRAM  # type: ignore[attr-defined]
    async with await asyncio.start_server(accept, "127.0.0.1", web) as server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

"""Sends numbered messages at a steady rate: ``sender.py NAME PORT RATE SECONDS [FIRST]``.

In a process of its own. Prints how many it has sent, and how many of them were refused.
"""

from __future__ import annotations

import socket
import struct
import sys
import time


def main(name: str, port: int, rate: float, seconds: float, first: int = 0) -> None:
    address = f"/{name}/fader".encode()
    head = address + b"\0" * (4 - len(address) % 4) + b",i\0\0"
    count = int(rate * seconds)
    chunk = max(1, int(rate / 1000))
    refused = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        began = time.perf_counter()
        for start in range(0, count, chunk):
            wait = began + start / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            for number in range(first + start, first + min(start + chunk, count)):
                packet = head + struct.pack(">i", number)
                try:
                    sock.send(packet)
                except ConnectionRefusedError:  # reports an earlier one; this one was not sent
                    refused += 1
                    sock.send(packet)
    print(count, refused)


if __name__ == "__main__":
    name, port, rate, seconds, *first = sys.argv[1:]
    main(name, int(port), float(rate), float(seconds), *map(int, first))

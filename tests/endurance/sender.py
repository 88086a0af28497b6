"""Sends numbered messages at a steady rate: ``sender.py NAME PORT RATE SECONDS``.

In a process of its own. Prints how many it has sent.
"""

from __future__ import annotations

import socket
import struct
import sys
import time


def main(name: str, port: int, rate: float, seconds: float) -> None:
    address = f"/{name}/fader".encode()
    head = address + b"\0" * (4 - len(address) % 4) + b",i\0\0"
    count = int(rate * seconds)
    chunk = max(1, int(rate / 1000))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        begun = time.perf_counter()
        for start in range(0, count, chunk):
            wait = begun + start / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            for number in range(start, min(start + chunk, count)):
                sock.send(head + struct.pack(">i", number))
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))

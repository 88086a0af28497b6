"""Sends numbered messages at a steady rate: ``paced_sender.py PORT COUNT RATE``.

In a separate process, so that it disturbs neither the program nor the receiver. Prints how
many seconds it took.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

CHUNK = 20  # messages in a row, a millisecond of them at 20,000 a second
HEAD = b"/load\0\0\0,if\0"


def main(port: int, count: int, rate: float) -> None:
    packets = [HEAD + struct.pack(">if", index, index / count) for index in range(count)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        begun = time.perf_counter()
        for start in range(0, count, CHUNK):
            wait = begun + start / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            for packet in packets[start : start + CHUNK]:
                sock.send(packet)
        print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

"""The port worker's queue of received messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from oscbridge_midi.port_protocol import HEADER, OVERFLOW, RECEIVED, unpack_received
from oscbridge_midi.port_worker import MAX_PENDING, InputQueue


def test_input_queue_keeps_the_order_and_counts_overflow() -> None:
    stalled, written = threading.Event(), threading.Event()
    batches: list[bytes] = []

    def write(data: bytes) -> None:
        batches.append(data)
        written.set()
        stalled.wait(10)  # as if the bridge does not read

    received = InputQueue(write)
    received.put(b"\xf8")
    assert written.wait(10)
    given = [bytes((0xF2, number & 127, number >> 7)) for number in range(MAX_PENDING)]
    for data in [*given, b"\xf8"]:  # one above the limit
        received.put(data)
    written.clear()
    stalled.set()
    assert written.wait(10)
    found = list(split(batches[1]))
    assert [unpack_received(payload)[0] for kind, payload in found if kind == RECEIVED] == given
    assert found[-1] == (OVERFLOW, b"1")


def split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The frames in written data."""
    while data:
        kind, length = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : HEADER.size + length]
        data = data[HEADER.size + length :]

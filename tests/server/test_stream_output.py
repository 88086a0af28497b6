"""The output of one TCP client where threads serve connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from oscbridge.server.stream_output import StreamOutput

FRAMES = [bytes([number]) * 1_000 for number in range(200)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        yield near, far


def test_frames_leave_whole_and_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    output = StreamOutput(near)
    for frame in FRAMES:
        output.add([frame])
    assert len(output) > 0
    received = b""
    while len(received) < 200_000:
        received += far.recv(65_536)
        output.flush()
    assert received == b"".join(FRAMES)
    assert (len(output), output.count_unsent()) == (0, 0)


def test_frames_that_have_not_left_are_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    output = StreamOutput(near)
    output.add(FRAMES)
    missed, waiting = output.count_unsent(), len(output)
    assert missed == -(-waiting // 1_000)
    near.close()
    left = b""
    while data := far.recv(65_536):
        left += data
    assert len(left) == 200_000 - waiting


def test_frames_stay_whole_while_another_thread_flushes(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    output, received, done = StreamOutput(near), bytearray(), threading.Event()

    def read() -> None:
        while len(received) < 200_000:
            received.extend(far.recv(65_536))
            output.flush()
        done.set()

    reader = threading.Thread(target=read)
    reader.start()
    for frame in FRAMES:
        output.add([frame])
    while not done.wait(0.001):
        output.flush()
    reader.join()
    assert bytes(received) == b"".join(FRAMES)

"""Datagrams that the kernel drops at a socket."""

from __future__ import annotations

import socket
import sys

import pytest

from oscbridge.net.udp_drops import KernelDropCounter, drops_between, receive_buffer

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")


@pytest.mark.parametrize(
    ("before", "now", "drops"),
    [(0, 0, 0), (0, 7, 7), (5, 7, 2), (2**32 - 3, 4, 7), (2**32 - 1, 0, 1)],
)
def test_drops_between_survives_the_wrap_of_the_counter(before: int, now: int, drops: int) -> None:
    assert drops_between(before, now) == drops


@linux_only
def test_counter_takes_each_drop_once_and_none_after_the_close() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.bind(("127.0.0.1", 0))
        counter = KernelDropCounter(sock)
        assert counter.take() == 0
        dropped = 200 - overfill(sock)
        assert dropped > 0
        assert counter.take() == dropped
        assert counter.take() == 0
        dropped = 200 - overfill(sock)
        assert counter.take() == dropped
    assert counter.take() == 0


@linux_only
def test_receive_buffer_is_what_the_system_granted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        assert receive_buffer(sock) == 16_384


def overfill(sock: socket.socket) -> int:
    """Send 200 datagrams and read those that fit. Returns their number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(b"/a", sock.getsockname())
    sock.setblocking(False)
    read = 0
    while True:
        try:
            sock.recv(16)
        except BlockingIOError:
            return read
        read += 1

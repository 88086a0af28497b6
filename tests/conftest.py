"""What several test files need."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def udp_socket() -> Iterator[Callable[..., socket.socket]]:
    """Makes UDP sockets, bound to a free port, that give up waiting after 5 s."""
    made: list[socket.socket] = []

    def make(host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        made.append(sock)
        sock.settimeout(5)
        sock.bind((host, 0))
        return sock

    yield make
    for sock in made:
        sock.close()

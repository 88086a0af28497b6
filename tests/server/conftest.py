"""Fixtures of the tests of servers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from forking_program import ForkingProgram


@pytest.fixture
def start() -> Iterator[Callable[[str], ForkingProgram]]:
    """Starts programs; their bodies make ``server``."""
    started: list[ForkingProgram] = []

    def run(body: str) -> ForkingProgram:
        started.append(ForkingProgram(body))
        return started[-1]

    yield run
    for program in started:
        program.close()


@pytest.fixture
def sender(udp_socket: Callable[..., socket.socket]) -> socket.socket:
    return udp_socket()

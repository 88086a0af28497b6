"""UDP sockets."""

from __future__ import annotations

import socket

import pytest

import oscbridge


def test_sockets_that_ask_for_it_share_a_port() -> None:
    with oscbridge.open_udp_socket(socket.AF_INET, ("127.0.0.1", 0), shares_port=True) as first:
        address = first.getsockname()
        oscbridge.open_udp_socket(socket.AF_INET, address, shares_port=True).close()
        with pytest.raises(OSError, match="in use"):
            oscbridge.open_udp_socket(socket.AF_INET, address)

"""Ports for programs that cannot choose one themselves."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]


def free_port() -> int:
    """A port that nobody has, UDP and TCP, on all addresses.

    It is outside of those that the system hands out (32768 and up on Linux, 49152 and up
    elsewhere), so nothing that binds to port 0 or connects takes it before it is used.
    """
    for _ in range(100):
        port = random.SystemRandom().randrange(10_000, 32_000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("", port))
        except OSError:
            continue
        return port
    raise AssertionError("no free port in 100 tries")

"""A worker that is killed at any instant: what it had read is in the counters."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from udp_sockets import udp_socket

from oscbridge import Message, encode_message
from oscbridge.testing import running_bridge
from oscbridge.testing.identity import source_that_does_not_add_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net/udp")

CONFIG = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "forking"
limits = { max_address_length = 64 }
[endpoint.out]
type = "recording"
[[route]]
from = "in"
match = "/known"
to = "out"
"""
BURST = 50
"""Packets; the worker reads so few within a small part of the interval of its reports."""

PACKETS = {
    "unmatched": encode_message(Message("/unknown")),
    "matched": encode_message(Message("/known")),
    "bad": encode_message(Message("/" + "x" * 100)),
}


def worker() -> int | None:
    """The process ID of the only worker of this process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in children:
        with suppress(ProcessLookupError):  # it has been reaped meanwhile
            if b"worker_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    return None


@pytest.mark.parametrize("kind", PACKETS)
async def test_packets_that_a_killed_worker_has_read_are_counted(kind: str) -> None:
    async with running_bridge(CONFIG) as bridge:
        url, pid = bridge.url("in"), worker()
        assert pid is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for _ in range(BURST):
                peer.sendto(PACKETS[kind], (url.host, url.port))
        while udp_socket(url.port).unread:
            pass
        os.kill(pid, signal.SIGKILL)
        await bridge.until(lambda: not bridge.bridge_status("in").problem and worker() != pid)

        def is_accounted_for() -> bool:
            counts = bridge.bridge_status("in").received
            assert source_that_does_not_add_up("in", counts) == []
            return counts.messages + sum(counts.bad.values()) == BURST

        await bridge.until(is_accounted_for)

"""A worker or its child that is killed at any instant: what it had read is in the counters."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from processes import children_of
from udp_sockets import udp_socket

from oscbridge import Message, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge.testing.identity import source_that_does_not_add_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net/udp")

CONFIG = """
[bridge.in]
listen = "{scheme}://127.0.0.1:0"
mode = "forking"
limits = {{ max_address_length = 64 }}
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
    for pid in children_of(os.getpid()):
        with suppress(ProcessLookupError, FileNotFoundError):  # it has been reaped meanwhile
            if b"worker_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


async def accounted_for(bridge: RunningBridge, packets: int) -> None:
    """Wait until so many packets are counted. The identity holds in every snapshot until then."""

    def is_accounted_for() -> bool:
        counts = bridge.bridge_status("in").received
        assert source_that_does_not_add_up("in", counts) == []
        return counts.messages + sum(counts.bad.values()) == packets

    await bridge.until(is_accounted_for)


@pytest.mark.parametrize("kind", PACKETS)
async def test_packets_that_a_killed_worker_has_read_are_counted(kind: str) -> None:
    async with running_bridge(CONFIG.format(scheme="udp")) as bridge:
        url, pid = bridge.url("in"), worker()
        assert pid is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for _ in range(BURST):
                peer.sendto(PACKETS[kind], (url.host, url.port))
        while udp_socket(url.port).unread:
            pass
        os.kill(pid, signal.SIGKILL)
        await bridge.until(lambda: not bridge.bridge_status("in").problem and worker() != pid)
        await accounted_for(bridge, BURST)


@pytest.mark.parametrize("kind", PACKETS)
@pytest.mark.parametrize("victim", ["worker", "child"])
async def test_packets_that_a_killed_child_has_read_are_counted(victim: str, kind: str) -> None:
    async with running_bridge(CONFIG.format(scheme="tcp")) as bridge:
        url, pid = bridge.url("in"), worker()
        assert pid is not None
        frame = stream_encoder(url.framing)
        with socket.create_connection((url.host, url.port)) as peer:
            peer.sendall(frame(PACKETS["matched"]))
            await bridge.recording("out").arrived(1)
            (child,) = children_of(pid)
            peer.sendall(b"".join([frame(PACKETS[kind])] * BURST) + frame(PACKETS["matched"]))
            await bridge.recording("out").arrived(2 + BURST * (kind == "matched"))
            os.kill(child if victim == "child" else pid, signal.SIGKILL)
            await accounted_for(bridge, BURST + 2)

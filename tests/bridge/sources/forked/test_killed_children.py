"""A child or a worker that is killed: each message is counted once, as the sink received it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from oscbridge import Message, encode_bundle, encode_message
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge.testing.identity import source_that_does_not_add_up

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork")

WAIT = 60.0
"""Seconds for 300 messages with one child per message, on a busy machine."""

CONFIG = """
[bridge.in]
listen = "{scheme}://127.0.0.1:0"
mode = "forking"
{option}
[endpoint.out]
type = "recording"
[[route]]
from = "in"
function = "{module}:run"
to = "out"
"""
MODULE = """
import os, signal

def run(message):
    if message.address == "/before":
        os.kill(os.getpid(), signal.SIGKILL)
    yield message
    if message.address == "/after":
        os.kill(os.getpid(), signal.SIGKILL)
    if message.address == "/worker":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
"""
KINDS = [
    "udp",
    "tcp",
    pytest.param(
        "udp 1000",
        marks=pytest.mark.skipif(sys.platform != "linux", reason="one message per child"),
    ),
]
"""The scheme of the bridge, and ``max_messages_per_child``."""

X, BEFORE, AFTER, WORKER = (
    encode_message(Message.of(address)) for address in ("/x", "/before", "/after", "/worker")
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "killing.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "killing", raising=False)
    return "killing"


def config(kind: str, module: str) -> str:
    """The configuration for one of ``KINDS``."""
    scheme, _, messages = kind.partition(" ")
    option = f"max_messages_per_child = {messages}" if messages else ""
    return CONFIG.format(scheme=scheme, module=module, option=option)


class Peer:
    """A client of the bridge."""

    def __init__(self, bridge: RunningBridge) -> None:
        url = bridge.url("in")
        udp = url.scheme == "udp"
        self._encode = bytes if udp else stream_encoder(url.framing)
        self.socket = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        )
        self.socket.connect((url.host, url.port))

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            self.socket.sendall(self._encode(packet))


async def settled(bridge: RunningBridge, received: int, routed: int, dropped: int) -> None:
    """Wait for these counters. The identity holds in every snapshot until then."""

    def is_settled() -> bool:
        counts = bridge.bridge_status("in").received
        assert source_that_does_not_add_up("in", counts) == []
        found = counts.messages, counts.routed, sum(counts.dropped.values()), counts.held
        return found == (received, routed, dropped, 0)

    try:
        await bridge.until(is_settled)
    except AssertionError as error:
        raise AssertionError(f"{bridge.bridge_status('in').received}") from error
    assert len(bridge.recording("out").messages) == routed


@pytest.mark.parametrize("kind", KINDS)
async def test_message_of_a_child_killed_after_delivery_is_routed(kind: str, module: str) -> None:
    async with running_bridge(config(kind, module)) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(X, X, AFTER)
            await bridge.recording("out").arrived(3)
            await settled(bridge, 3, 3, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_messages_of_a_bundle_are_counted_up_to_the_kill(kind: str, module: str) -> None:
    async with running_bridge(config(kind, module)) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(encode_bundle([X, AFTER, X, X]))
            await bridge.recording("out").arrived(2)
            await settled(bridge, 4, 2, 2)


@pytest.mark.parametrize("kind", KINDS)
async def test_message_of_a_child_killed_before_delivery_is_dropped(kind: str, module: str) -> None:
    async with running_bridge(config(kind, module)) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(X, BEFORE)
            await settled(bridge, 2, 1, 1)


async def test_question_of_a_child_killed_before_delivery_is_dropped(module: str) -> None:
    asker = """
        [bridge.in.clients]
        answers = "asker"
        [[route]]
        from = "in"
        match = "/never"
        to = "in"
    """
    async with running_bridge(config("udp", module) + asker) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(X, BEFORE)
            await settled(bridge, 2, 1, 1)


async def test_child_of_an_idle_connection_loses_nothing(module: str) -> None:
    async with running_bridge(config("tcp", module)) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(X, X)
            await settled(bridge, 2, 2, 0)
            for pid in grandchildren():
                os.kill(pid, signal.SIGKILL)
            await bridge.until(lambda: not grandchildren())
            peer = Peer(bridge)
            with peer.socket:
                peer.send(X)
                await settled(bridge, 3, 3, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_message_delivered_before_the_worker_is_killed_is_routed(
    kind: str, module: str
) -> None:
    async with running_bridge(config(kind, module)) as bridge:
        peer = Peer(bridge)
        with peer.socket:
            peer.send(encode_bundle([X, X]))
            await bridge.recording("out").arrived(2)  # children die with their worker
            peer.send(WORKER)
            await bridge.recording("out").arrived(3)
            await bridge.until(lambda: any("worker was killed" in line for line in bridge.log))
            await settled(bridge, 3, 3, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_counts_agree_with_the_sink_whenever_children_are_killed(
    kind: str, module: str
) -> None:
    chance = random.Random(13)
    async with running_bridge(config(kind, module)) as bridge:
        counts = bridge.bridge_status("in").received
        for _ in range(30):
            peer = Peer(bridge)
            with peer.socket:
                peer.send(*[X] * 10)
                await asyncio.sleep(chance.uniform(0, 0.03))
                for pid in grandchildren():
                    with suppress(ProcessLookupError):  # it has ended by itself
                        os.kill(pid, signal.SIGKILL)
            counts = bridge.bridge_status("in").received
            assert source_that_does_not_add_up("in", counts) == []
        sink = bridge.recording("out").messages

        def is_settled() -> bool:
            counts = bridge.bridge_status("in").received
            ended = (" " in kind or not grandchildren()) and counts.held == 0
            return ended and (kind == "tcp" or counts.messages == 300)

        await bridge.until(is_settled, WAIT)
        await bridge.until(lambda: bridge.bridge_status("in").received.routed == len(sink), WAIT)


def children_of(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(each) for each in text.split()]


def grandchildren() -> list[int]:
    """The children of the workers of this process."""
    return [each for worker in children_of(os.getpid()) for each in children_of(worker)]

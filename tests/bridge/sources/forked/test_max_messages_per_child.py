"""A forking bridge whose children handle several messages each."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oscbridge import Message, encode_bundle, encode_message
from oscbridge.testing import running_bridge
from oscbridge.testing.identity import source_that_does_not_add_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

CONFIG = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "forking"
workers = {workers}
max_messages_per_child = {messages}
[endpoint.out]
type = "recording"
[[route]]
from = "in"
function = "{module}:run"
to = "out"
"""
MODULE = """
import os

from oscbridge import Message

count = 0

def run(message):
    global count
    count += 1
    if message.address == "/fail":
        raise ValueError
    return Message.of("/x", os.getpid(), count)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "counting.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "counting"


def config(module: str, messages: int, workers: int = 1) -> str:
    return CONFIG.format(module=module, messages=messages, workers=workers)


async def test_child_is_replaced_after_its_messages(module: str) -> None:
    async with running_bridge(config(module, 3)) as bridge:
        for number in range(9):
            bridge.send("in", Message.of("/x"))
            await bridge.recording("out").arrived(number + 1)
        found = [message.args for message in bridge.recording("out").messages]
        assert [count for _, count in found] == [1, 2, 3] * 3
        assert len({pid for pid, _ in found}) == 3


async def test_each_message_is_counted_once(
    module: str, udp_socket: Callable[[], socket.socket]
) -> None:
    packets = [encode_message(Message.of(address)) for address in ("/x", "/fail")]
    packets += [encode_bundle([packets[0]] * 3), b"bad"]
    async with running_bridge(config(module, 10, workers=3)) as bridge:
        url, peer = bridge.url("in"), udp_socket()
        for _ in range(50):
            for packet in packets:
                peer.sendto(packet, (url.host, url.port))

        def is_settled() -> bool:
            counts = bridge.bridge_status("in").received
            assert source_that_does_not_add_up("in", counts) == []
            return counts.routed == 250 and counts.held == 0 and counts.bad.total() == 50

        await bridge.until(is_settled)
        assert len(bridge.recording("out").messages) == 200


async def test_reload_finishes_messages_of_children(module: str) -> None:
    async with running_bridge(config(module, 1_000, workers=2)) as bridge:
        for _ in range(100):
            bridge.send("in", Message.of("/x"))
        await bridge.recording("out").arrived(1)
        text = config(module, 1_000, workers=2)
        await bridge.reload(text.replace('from = "in"', 'from = "in"\nmatch = "/x"'))
        await bridge.recording("out").arrived(100)

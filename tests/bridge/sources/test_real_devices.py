"""Packets of real devices through a whole bridge, in every mode."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscbridge import decode_packet, encode_bundle
from oscbridge.testing import RunningBridge, running_bridge

MODES = ["asyncio", "blocking", "threading", "forking"]
CONFIG = """
[bridge.in]
listen = "{url}"
mode = "{mode}"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:{port}"
{policy}
[endpoint.seen]
type = "recording"
[[route]]
from = "in"
match = "/*"
to = ["desk", "seen"]
[[route]]
from = "in"
match = "/upper/{{name}}"
send = "/text/{{name}} {{0}}!"
to = "desk"
"""
X32 = b'node\0\0\0\0,s\0\0/ch/01/config "Vox" 1 YE 1\n\0'
OSC_JS = b"/title\0\0,s\0\0Gro\xdfer Gott\0"
SPOOL = 'policy = "spool"\n[endpoint.desk.spool]\npath = "{path}"'


@pytest.fixture
def desk() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


def config(desk: socket.socket, mode: str, policy: str = "", scheme: str = "udp") -> str:
    port = desk.getsockname()[1]
    return CONFIG.format(url=f"{scheme}://127.0.0.1:0", mode=mode, port=port, policy=policy)


def send(bridge: RunningBridge, *packets: bytes) -> None:
    url = bridge.url("in")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for packet in packets:
            sock.sendto(packet, (url.host, url.port))


@pytest.mark.parametrize("policy", ["drop_oldest", "spool"])
@pytest.mark.parametrize("mode", MODES)
async def test_packets_of_devices_are_forwarded_with_their_bytes(
    mode: str, policy: str, desk: socket.socket, tmp_path: Path
) -> None:
    spool = SPOOL.format(path=tmp_path / "spool") if policy == "spool" else ""
    async with running_bridge(config(desk, mode, spool), installed=False) as bridge:
        send(bridge, X32)
        await bridge.recording("seen").arrived(1)
        send(bridge, OSC_JS)
        found = await bridge.recording("seen").arrived(2)
        assert found[-1][:3] == ("/title", "s", ("Großer Gott",))
        await bridge.until(lambda: bridge.endpoint_status("desk").sent == 2)
        assert [decode_packet(desk.recv(1000)), desk.recv(1000)] == [
            decode_packet(b"/node\0\0\0" + X32[8:]),
            OSC_JS,
        ]
        await bridge.until(
            lambda: bridge.bridge_status("in").received.tolerated == {"address": 1, "text": 1}
        )
        assert bridge.bridge_status("in").received.bad == {}
        assert re.search(r"tolerated_messages_total{.*text.*} 1", bridge.metrics())


@pytest.mark.parametrize("mode", MODES)
async def test_a_bundle_loses_only_the_message_with_an_unknown_type(
    mode: str, desk: socket.socket
) -> None:
    async with running_bridge(config(desk, mode), installed=False) as bridge:
        send(bridge, encode_bundle([OSC_JS, b"/bad\0\0\0\0,x\0\0", b"node\0\0\0\0,\0\0\0"]))
        found = await bridge.recording("seen").arrived(2)
        assert [message.address for message in found] == ["/title", "/node"]
        await bridge.until(lambda: bridge.bridge_status("in").received.bad == {"type": 1})


async def test_changed_text_is_sent_as_utf_8(desk: socket.socket) -> None:
    async with running_bridge(config(desk, "asyncio"), installed=False) as bridge:
        send(bridge, b"/upper/x\0\0\0\0,s\0\0\xdf\0\0\0")
        await bridge.recording("seen").arrived(1)
        texts = sorted(desk.recv(1000) for _ in range(2))
        assert texts[0] == "/text/x\0,s\0\0ß!\0".encode()
        assert texts[1] == b"/upper/x\0\0\0\0,s\0\0\xdf\0\0\0"


@pytest.mark.parametrize("mode", MODES)
async def test_length_prefixes_at_a_slip_listener_are_named_at_once(
    mode: str, desk: socket.socket
) -> None:
    async with running_bridge(config(desk, mode, scheme="tcp"), installed=False) as bridge:
        url = bridge.url("in")
        with socket.create_connection((url.host, url.port), timeout=10) as stream:
            stream.sendall(b"\0\0\0\x10/node\0\0\0,i\0\0\0\0\0\1")
            assert await asyncio.to_thread(stream.recv, 1) == b""
        await bridge.until(lambda: bridge.bridge_status("in").received.bad == {"wrong_framing": 1})


async def test_slip_at_a_length_prefix_listener_is_named_at_the_first_byte(
    desk: socket.socket,
) -> None:
    async with running_bridge(config(desk, "asyncio", scheme="tcp+1.0"), installed=False) as bridge:
        url = bridge.url("in")
        with socket.create_connection((url.host, url.port), timeout=10) as stream:
            stream.sendall(b"\xc0")
            await bridge.until(lambda: any("tcp+auto://" in line for line in bridge.log))

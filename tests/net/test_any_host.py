"""``[::]`` and ``*``: both address families, for everything that listens."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.bridge.config.port_conflicts import Listen, collide, reaches
from oscbridge.dispatcher import Dispatcher
from oscbridge.monitoring.http_server import HTTPServer
from oscbridge.net import any_host
from oscbridge.net.url import OSCURL, HostPort
from oscbridge.osc.framing import stream_encoder
from oscbridge.osc_server import BlockingOSCUDPServer
from oscbridge.status.status import Status
from oscbridge.testing import free_port, running_bridge

both_names = pytest.mark.parametrize("host", ["[::]", "*"])
FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
MODES = ["asyncio", "blocking", "threading"] + ["forking"] * hasattr(os, "fork")
PACKET = oscbridge.encode_message(Message.of("/a", 1))


@both_names
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_bridge_receives_from_both_families(host: str, mode: str, scheme: str) -> None:
    text = f"""
        [bridge.stage]
        listen = "{scheme}://{host}:0"
        mode   = "{mode}"
        [endpoint.out]
        type = "recording"
        [[route]]
        from = "stage"
        to   = "out"
        """
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    data = PACKET if scheme == "udp" else stream_encoder("1.1")(PACKET)
    async with running_bridge(text) as bridge:
        for count, (family, address) in enumerate(FAMILIES, 1):
            with socket.socket(family, kind) as sender:
                sender.connect((address, bridge.url("stage").port))
                sender.send(data)
                await bridge.recording("out").arrived(count)


@both_names
async def test_http_answers_both_families(host: str) -> None:
    server = HTTPServer(HostPort.parse(f"{host}:0"), lambda: Status((), (), ()))
    await server.start()
    try:
        for _, address in FAMILIES:
            reader, writer = await asyncio.open_connection(address, server.address.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: stage.local\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: example.org\r\n\r\n")
            rest = await reader.readuntil(b"ok\n")
            assert b"421" not in rest
            assert (await reader.readline()).startswith(b"HTTP/1.1 421"), "'*' is not any name"
            writer.close()
    finally:
        await server.stop()


@pytest.mark.parametrize("host", ["::", "*"])
def test_library_server_receives_from_both_families(host: str) -> None:
    dispatcher, got = Dispatcher(), list[object]()
    dispatcher.map("/a", lambda _address, *args: got.append(args))
    with BlockingOSCUDPServer((host, 0), dispatcher) as server:
        for family, address in FAMILIES:
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.sendto(PACKET, (address, server.server_address[1]))
                server.handle_request()
    assert got == [(1,), (1,)]


def test_system_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(any_host.socket, "has_ipv6", False)
    with any_host.open_listening_socket(0) as sock:
        assert sock.getsockname()[0] == "0.0.0.0"


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ("*", "::", True),
        ("*", "0.0.0.0", True),
        ("::", "127.0.0.1", True),
        ("*", "::1", True),
        ("0.0.0.0", "::1", False),
    ],
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_ports_of_any_host_conflict_in_both_families(
    one: str, other: str, conflict: bool, transport: str
) -> None:
    first, second = (
        Listen(f"bridge.{host}", transport, HostPort(host, 9000), host) for host in (one, other)
    )
    assert collide(first, second) is collide(second, first) is conflict


@pytest.mark.parametrize("target", ["127.0.0.1", "::1", "localhost"])
def test_messages_to_this_machine_reach_any_host(target: str) -> None:
    listen = Listen("bridge.a", "udp", HostPort("*", 9000), "*")
    assert reaches(OSCURL("udp", target, 9000), listen)


@both_names
@pytest.mark.parametrize("target", ["127.0.0.1", "[::1]"])
async def test_osc_endpoint_listens_on_any_host_whatever_the_family_of_its_peer(
    host: str, target: str
) -> None:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    port = free_port()
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind((target.strip("[]"), 0))
        peer.settimeout(10)
        text = f"""
            [bridge.in]
            listen = "udp://127.0.0.1:0"
            [endpoint.desk]
            type   = "osc"
            to     = "udp://{target}:{peer.getsockname()[1]}"
            listen = "{host}:{port}"
            [[route]]
            from = "in"
            to   = "desk"
            """
        async with running_bridge(text) as bridge:
            bridge.send("in", Message.of("/a", 1))
            data, sender = await asyncio.to_thread(peer.recvfrom, 100)
            assert (data, sender[1]) == (PACKET, port)

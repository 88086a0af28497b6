"""Reachability of the peer of an OSC endpoint: refused datagrams, expected replies, recovery."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from oscbridge import Endpoint, Message, encode_message
from oscbridge.endpoints.osc import endpoint as module
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.status.status import EndpointStatus
from oscbridge.testing import RunningBridge, running_bridge

WAIT = 10.0

Bridging = Callable[..., AbstractAsyncContextManager[RunningBridge]]


@pytest.fixture(autouse=True)
def kinds(types: dict[str, type[Endpoint]]) -> None:
    types["osc"] = OSCEndpoint


@pytest.fixture
def bridged() -> Bridging:
    @asynccontextmanager
    async def run(port: int, options: str = "") -> AsyncIterator[RunningBridge]:
        text = f'[endpoint.peer]\ntype = "osc"\nto = "udp://127.0.0.1:{port}"\n{options}'
        async with running_bridge(text) as bridge:
            yield bridge

    return run


def bound(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def peer(bridge: RunningBridge) -> EndpointStatus:
    return bridge.endpoint_status("peer")


async def test_closed_port_is_not_connected_until_a_datagram_is_accepted(
    bridged: Any, caplog: Any
) -> None:
    caplog.set_level("INFO")
    closed = bound()
    port = closed.getsockname()[1]
    closed.close()
    async with bridged(port) as bridge:
        bridge.offer("peer", Message("/a"))
        await bridge.until(lambda: not peer(bridge).connected, WAIT)
        assert peer(bridge).problem == f"Connection refused by udp://127.0.0.1:{port}"
        assert f"not connected: Connection refused by udp://127.0.0.1:{port}" in caplog.text
        assert "connected again" not in caplog.text
        with bound(port) as device:
            bridge.offer("peer", Message("/b"))
            await bridge.until(lambda: peer(bridge).connected, WAIT)
            assert device.recv(100) == encode_message(Message("/b"))
        assert caplog.text.count("connected again") == 1
        caplog.clear()
        bridge.offer("peer", Message("/c"))
        await bridge.until(lambda: not peer(bridge).connected, WAIT)
        assert "not connected: Connection refused" in caplog.text
        assert "more in" not in caplog.text
        assert peer(bridge).sent == 3


@pytest.mark.parametrize(
    ("number", "least"), [(errno.ECONNREFUSED, 0.0), (errno.EHOSTUNREACH, 0.3)]
)
async def test_device_that_is_off_is_not_connected_while_the_system_asks_for_it(
    number: int, least: float, bridged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONFIRM_TIME", 0.0)
    monkeypatch.setattr(module, "HOST_CONFIRM_TIME", 0.3)
    with bound() as device:
        async with bridged(device.getsockname()[1]) as bridge:
            link = bridge.endpoint("peer")._link
            link._on_refused("gone", number)
            assert not peer(bridge).connected
            began = time.monotonic()
            bridge.offer("peer", Message("/a"))
            await bridge.until(lambda: peer(bridge).connected, WAIT)
            assert time.monotonic() - began >= least


async def test_recovery_is_the_last_line_about_the_connection(bridged: Any) -> None:
    closed = bound()
    port = closed.getsockname()[1]
    closed.close()
    async with bridged(port) as bridge:
        for number in range(1, 4):
            bridge.offer("peer", Message("/a"))
            await bridge.until(lambda n=number: peer(bridge).unreachable_errors == n, WAIT)
        with bound(port):
            bridge.offer("peer", Message("/b"))
            await bridge.until(lambda: peer(bridge).connected, WAIT)
        first, summary, last = bridge.log
        assert "not connected" in first
        assert "(2 more in" in summary
        assert "connected again" in last


async def test_peer_that_sends_is_connected(bridged: Any) -> None:
    with bound() as device:
        port = device.getsockname()[1]
    local = bound()
    listen = local.getsockname()[1]
    local.close()
    async with bridged(port, f'listen = "127.0.0.1:{listen}"') as bridge:
        bridge.offer("peer", Message("/a"))
        await bridge.until(lambda: not peer(bridge).connected, WAIT)
        with bound() as other:
            other.sendto(encode_message(Message("/here")), ("127.0.0.1", listen))
            await bridge.until(lambda: peer(bridge).connected, WAIT)


async def test_silence_is_a_problem_only_where_an_answer_is_expected(
    bridged: Any, caplog: Any
) -> None:
    with bound() as device:
        port = device.getsockname()[1]
        keepalive = 'keepalive = { send = "/xinfo", every = 0.1, expect = true }'
        async with bridged(port, keepalive) as bridge:
            await bridge.until(lambda: not peer(bridge).connected, WAIT)
            assert "no reply to /xinfo for 0.3 s" in peer(bridge).problem
            loop = asyncio.get_running_loop()
            _, client = await loop.sock_recvfrom(device, 100)
            device.sendto(encode_message(Message("/xinfo")), client)
            await bridge.until(lambda: peer(bridge).connected, WAIT)
            assert peer(bridge).received.silence is not None


async def test_silence_without_expect_changes_nothing(bridged: Any) -> None:
    with bound() as device:
        port = device.getsockname()[1]
        async with bridged(port, 'keepalive = { send = "/xremote", every = 0.1 }') as bridge:
            loop = asyncio.get_running_loop()
            for _ in range(6):
                await loop.sock_recvfrom(device, 100)
            assert peer(bridge).connected


async def test_connection_that_ends_at_once_is_never_logged_as_connected_again(
    caplog: Any,
) -> None:
    caplog.set_level("INFO")
    accepted = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    text = f'[endpoint.peer]\ntype = "osc"\nto = "tcp://127.0.0.1:{port}"'
    async with server, running_bridge(text) as bridge:
        await bridge.until(lambda: accepted == 3, WAIT)
    assert "connected again" not in caplog.text

"""Loops through the sockets of one program end; messages that pass through them once arrive."""

from __future__ import annotations

import socket
import time

import pytest

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.bridge.hops import MAX_HOPS
from oscbridge.testing import RunningBridge, free_port, running_bridge, until

MODES = ("asyncio", "blocking", "threading", "forking")
WAIT = 10.0
SENT = [2 * MAX_HOPS + 1] * 2
"""Messages of each of two endpoints: no endpoint sends back its own ones, which count as sent."""


def dropped(bridge: RunningBridge, source: str = "in") -> int:
    """Messages that were dropped as parts of a loop, by the source or its routes."""
    routes = min(each.messages.failed.get("loop", 0) for each in bridge.status().routes)
    return routes + bridge.bridge_status(source).received.dropped["loop"]


def loop(listen: str, to: str, mode: str, send: str) -> str:
    """Two endpoints that send what they get back to the bridge, in turn."""
    return f"""
        [bridge.in]
        listen = "{listen}"
        mode = "{mode}"
        [endpoint.a]
        type = "osc"
        to = "{to}"
        [endpoint.b]
        type = "osc"
        to = "{to}"
        [endpoint.seen]
        type = "recording"
        [[route]]
        from = "in"
        send = "{send}"
        to = ["a", "b"]
        [[route]]
        from = "in"
        to = "seen"
    """


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::]"])
async def test_loop_over_udp_ends_and_is_counted(mode: str, host: str) -> None:
    port = free_port()
    text = loop(
        f"udp://{host}:{port}", f"udp://127.0.0.1:{port}", mode, "/x{address} {= x + 1 : i}"
    )
    async with running_bridge(text) as bridge:
        bridge.send("in", Message.of("/go", 1))
        await until(lambda: dropped(bridge) >= 2, WAIT)
        sent = [bridge.endpoint_status(name).sent for name in ("a", "b")]
        assert sent == SENT
        arrived = await bridge.recording("seen").arrived(2 * MAX_HOPS + 1, WAIT)
        seen = [len(each.address.split("/")) - 2 for each in arrived]
        assert sorted(seen) == sorted([0, *[n for n in range(1, MAX_HOPS + 1) for _ in "ab"]])
        assert any("do routes form a ring?" in line for line in bridge.log)


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_loop_over_tcp_ends_and_is_counted(mode: str) -> None:
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    async with running_bridge(loop(url, url, mode, "/x{address} {*}")) as bridge:
        await until(lambda: all(e.connected for e in bridge.status().endpoints), WAIT)
        bridge.send("in", Message.of("/go", 1))
        await until(lambda: dropped(bridge) >= 2, WAIT)
        assert [bridge.endpoint_status(name).sent for name in ("a", "b")] == SENT


async def test_loop_whose_messages_stay_the_same_ends() -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    text = loop(url, url, "asyncio", "/same")
    async with running_bridge(text) as bridge:
        for _ in range(3):
            bridge.send("in", Message.of("/go", 1))
        await until(lambda: dropped(bridge) >= 2, WAIT)
        seen = len(bridge.recording("seen").messages)
        assert seen <= 3 + 3 * 2 * MAX_HOPS


@pytest.mark.parametrize("mode", ["asyncio", "forking"])
async def test_loop_of_text_that_is_not_utf8_ends(mode: str) -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    async with running_bridge(loop(url, url, mode, "/x{address} {*}")) as bridge:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"/go\0,sf\0gr\xfc\0\x3d\xcc\xcc\xcd", ("127.0.0.1", port))
        await until(lambda: dropped(bridge) >= 2, WAIT)


async def test_loop_of_bundles_with_forwarded_time_tags_ends() -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    text = loop(url, url, 'asyncio"\ntime_tags = "forward', "/x{address} {*}")
    async with running_bridge(text) as bridge:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            elements = [encode_message(Message.of(f"/{n}", n)) for n in range(3)]
            bundle = encode_bundle(elements, TimeTag.from_unix_ns(time.time_ns()))
            sock.sendto(bundle, ("127.0.0.1", port))
        await until(lambda: dropped(bridge) >= 6, WAIT)


async def test_loop_through_a_client_of_a_bridge_ends() -> None:
    port = free_port()
    text = f"""
        [bridge.stage]
        listen = "udp://127.0.0.1:{port}"
        [endpoint.player]
        type = "osc"
        to = "udp://127.0.0.1:{port}"
        [[route]]
        from = "stage"
        match = "/hello"
        to = "player"
        [[route]]
        from = "player"
        send = "/x{{address}} {{*}}"
        to = "stage"
        [bridge.other]
        listen = "udp://127.0.0.1:0"
        [[route]]
        from = "other"
        to = "player"
    """
    async with running_bridge(text) as bridge:
        bridge.send("other", Message.of("/join"))  # now the endpoint is a client of the bridge
        await until(lambda: bridge.endpoint_status("stage").clients == 1, WAIT)
        bridge.endpoint("player").receive(Message.of("/go"))
        await until(lambda: bridge.endpoint_status("player").received.dropped["loop"], WAIT)


async def test_message_passes_through_several_bridges_of_one_program() -> None:
    ports = [free_port() for _ in range(3)]
    tables = [
        f"""
        [bridge.b{number}]
        listen = "udp://127.0.0.1:{port}"
        [endpoint.to{number}]
        type = "osc"
        to = "udp://127.0.0.1:{ports[(number + 1) % 3]}"
        [[route]]
        from = "b{number}"
        match = "/{number}/*"
        send = "/{number + 1}/x {{*}}"
        to = "to{number}"
        """
        for number, port in enumerate(ports)
    ]
    seen = (
        '[endpoint.seen]\ntype = "recording"\n[[route]]\nfrom = "b0"\nmatch = "/3/x"\nto = "seen"'
    )
    async with running_bridge("\n".join([*tables, seen])) as bridge:
        for number in range(50):  # the same message again and again
            bridge.send("b0", Message.of("/0/x", number % 2))
        await until(lambda: len(bridge.recording("seen").messages) == 50, WAIT)
        assert not any(dropped(bridge, f"b{number}") for number in range(3))


async def test_bridge_that_is_added_at_a_reload_is_part_of_a_loop() -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    with_loop = loop(url, url, "asyncio", "/x{address}")
    without = with_loop.replace(f'listen = "{url}"', 'listen = "udp://127.0.0.1:0"')
    async with running_bridge(without) as bridge:
        await bridge.reload(with_loop)
        bridge.send("in", Message.of("/go", 1))
        await until(lambda: dropped(bridge) >= 2, WAIT)

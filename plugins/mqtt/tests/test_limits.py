"""Brokers with low limits, and sessions that outlive connections."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.testing import until

ACCEPTED = b"\x20\x03\x00\x00\x00"
"""A CONNACK of MQTT 5: success, without properties."""

WAIT = 15.0
"""Seconds to wait for a packet."""

PUBLISH = 0x30
PINGREQ = 0xC0
DISCONNECT = 0xE0
"""Types of packets (MQTT 5.0, section 2.1.2)."""


async def packet_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The first byte and the body of the next packet."""
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        (digit,) = await reader.readexactly(1)
        size |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first, await reader.readexactly(size)


async def next_kind(seen: asyncio.Queue[tuple[int, bytes]]) -> int:
    """The type of the next packet: the upper half of its first byte."""
    return (await asyncio.wait_for(seen.get(), WAIT))[0] & 0xF0


Serve = Callable[[bytes], Awaitable[tuple[str, asyncio.Queue[tuple[int, bytes]]]]]


@pytest.fixture
async def answering() -> AsyncIterator[Serve]:
    """A broker that answers a connect with given bytes, and records the packets after it."""
    writers: list[asyncio.StreamWriter] = []
    servers: list[asyncio.Server] = []

    async def serve(answer: bytes) -> tuple[str, asyncio.Queue[tuple[int, bytes]]]:
        seen: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            try:
                await packet_of(reader)
                writer.write(answer)
                while True:
                    seen.put_nowait(await packet_of(reader))
            except (OSError, asyncio.IncompleteReadError):
                writer.close()

        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        port = servers[-1].sockets[0].getsockname()[1]
        return f"mqtt://127.0.0.1:{port}", seen

    yield serve
    for server in servers:
        server.close()
    for writer in writers:
        writer.close()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max_qos 0", "publishing with QoS 0: this broker accepts no more"),
        ("retain_available false", "the broker retains no messages"),
    ],
)
async def test_broker_without_qos_or_retain_is_used_within_its_limits(
    start_broker: Any, start: Any, watch: Any, caplog: Any, line: str, expected: str
) -> None:
    broker = await start_broker(line)
    watcher = await watch(broker, "#")
    bridge = await start(broker, 'client_id = "me"\nqos = 2\nretain = true')
    assert (await watcher.get("me/status")).payload == b"online"
    bridge.send(Message.of("/a", 1))
    assert (await watcher.get("a")).payload == b"1"
    assert expected in caplog.text


async def test_subscriptions_are_split_into_packets_that_the_broker_accepts(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker("max_packet_size 500")
    topics = [f"{'x' * 100}/{index}" for index in range(200)]
    bridge = await start(broker, f"subscribe = {topics}")
    watcher = await watch(broker)
    for topic in (topics[0], topics[-1]):
        watcher.publish(topic, "1")
        assert (await bridge.next()).address == f"/{topic}"


async def test_oversized_subscription_is_reported(
    start_broker: Any, start: Any, watch: Any, caplog: Any
) -> None:
    broker = await start_broker("max_packet_size 500")
    bridge = await start(broker, f'subscribe = ["{"x" * 600}", "in"]')
    watcher = await watch(broker)
    watcher.publish("in", "1")
    assert (await bridge.next()).address == "/in"
    assert bridge.status.refused == 1
    assert "the broker accepts packets of at most 500 bytes" in caplog.text


async def test_publications_in_flight_stay_within_the_receive_maximum(
    answering: Any, start: Any
) -> None:
    allowed = 3
    url, seen = await answering(b"\x20\x06\x00\x00\x03\x21" + struct.pack(">H", allowed))
    routes = "".join(
        f'[[route]]\nfrom="osc"\nmatch="/{name}"\nto="mqtt"\n'
        f'mqtt={{homeassistant={{component="sensor",name="{name}"}}}}\n'
        for name in "abcdefgh"
    )
    bridge = await start(url, "qos = 1", routes)
    bridge.send(*[Message.of(f"/{name}", 1) for name in "abcdefgh"])
    await until(lambda: bridge.status.offered == 8)
    publications = 0
    while publications < allowed:
        publications += await next_kind(seen) == PUBLISH
    await bridge.stop()
    after = []
    while (first_and_body := await asyncio.wait_for(seen.get(), WAIT))[0] & 0xF0 != DISCONNECT:
        after.append(first_and_body)
    # Only the status "offline" may follow without an acknowledgement.
    assert [body.endswith(b"offline") for _, body in after] == [True]


async def test_keepalive_of_the_broker_replaces_the_configured_one(
    answering: Any, start: Any
) -> None:
    url, seen = await answering(b"\x20\x06\x00\x00\x03\x13\x00\x01")
    await start(url, "keepalive = 3000")
    while await next_kind(seen) != PINGREQ:
        pass


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            b"\x20\x13\x00\x9c\x10\x1c\x00\x06other:\x1f\x00\x04no\nw",
            "the broker rejected the connection: Use another server (no?w); "
            "set broker to the server it recommends: other:",
        ),
        (
            ACCEPTED + b"\xe0\x0a\x97\x08\x1f\x00\x05a lot",
            "the broker closed the connection: Quota exceeded (a lot)",
        ),
        (
            ACCEPTED + b"\x36\x06\x00\x01a\x00\x01\x00",
            'the broker sent invalid MQTT 5; if it does not support MQTT 5, set version = "3.1.1"',
        ),
    ],
)
async def test_reason_of_a_disconnect_is_reported(
    answering: Any, start: Any, problem_of: Any, answer: bytes, expected: str
) -> None:
    url, _ = await answering(answer)
    bridge = await start(url, connected=False)
    assert await problem_of(bridge) == expected


async def leave_pending_deliveries(port: int, version: int, count: int) -> None:
    """Publish as the client ``me`` with QoS 2, up to the first answer, and abort."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    properties = b"\x05\x11\x00\x00\x00\x3c" if version == 5 else b""
    connect = b"\x00\x04MQTT" + bytes([version, 0, 0, 60]) + properties + b"\x00\x02me"
    none = b"\x00" if version == 5 else b""
    packets = [b"\x10" + bytes([len(connect)]) + connect]
    for number in range(1_000, 1_000 + count):
        body = b"\x00\x04half" + struct.pack(">H", number) + none + b"%d" % number
        packets.append(b"\x34" + bytes([len(body)]) + body)
    writer.write(b"".join(packets))
    async with asyncio.timeout(10):
        while count:
            count -= (await packet_of(reader))[0] == 0x50
    writer.transport.abort()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_pending_qos_2_deliveries_of_a_killed_bridge_are_completed(
    start_broker: Any, start: Any, watch: Any, version: str
) -> None:
    broker = await start_broker("max_inflight_messages 20")
    watcher = await watch(broker, "#")
    await leave_pending_deliveries(broker.port, 5 if version == "5" else 4, 20)
    options = f'client_id = "me"\nversion = "{version}"\nqos = 2\nsession_expiry = 60'
    bridge = await start(broker, options)
    bridge.offer(*[Message.of("/n", index) for index in range(100)])
    await until(lambda: bridge.status.sent == 100)
    payloads = set()
    while (seen := await watcher.next()).payload != b"99":
        payloads.add((seen.topic, seen.payload))
    assert {("half", b"%d" % number) for number in range(1_000, 1_020)} <= payloads


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_messages_for_a_removed_subscription_are_counted(
    broker: Any, start: Any, watch: Any, caplog: Any, version: str
) -> None:
    options = f'client_id = "me"\nversion = "{version}"\nsession_expiry = 60\nsubscribe = '
    first = await start(broker, options + '["old", "both"]')
    await first.stop()
    bridge = await start(broker, options + '["both"]')
    watcher = await watch(broker)
    watcher.publish("old", "1")
    watcher.publish("both", "2")
    assert (await bridge.next()).address == "/both"
    assert bridge.bad["subscription"] == 1
    assert "connect once with session_expiry = 0 to discard the session" in caplog.text


async def test_own_announcements_are_ignored_with_3_1_1(
    broker: Any, start: Any, watch: Any
) -> None:
    bridge = await start(broker, 'version = "3.1.1"\nsubscribe = ["#"]')
    watcher = await watch(broker)
    watcher.publish("end", "1")
    assert (await bridge.next()).address == "/end"
    assert bridge.bad.total() == 0


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_oversized_payload_is_counted_and_acknowledged(
    start_broker: Any, start: Any, watch: Any, version: str, qos: int
) -> None:
    broker = await start_broker("max_inflight_messages 20")
    subscribe = f'subscribe = [{{ topic = "in", qos = {qos} }}]'
    bridge = await start(broker, f'version = "{version}"\n{subscribe}')
    watcher = await watch(broker)
    for payload in (b"1", b"x" * 3_000_000, b"2", *[b"y" * 140_000] * 25, b"3"):
        watcher.publish("in", payload, qos)
    assert [(await bridge.next()).args for _ in range(3)] == [(1,), (2,), (3,)]
    assert bridge.bad["max_payload_size"] == 26


async def test_persistent_session_over_websocket_publishes_qos_2_as_qos_1(
    start_broker: Any, start: Any, caplog: Any
) -> None:
    broker = await start_broker(websocket=True)
    url = broker.url.replace("mqtt://", "ws://")
    bridge = await start(url, "qos = 2\nsession_expiry = 60")
    bridge.send(Message.of("/a", 1))
    await until(lambda: bridge.status.sent == 1)
    assert "publishing with QoS 1: this broker accepts no more" in caplog.text


async def test_disconnect_during_the_release_is_reported_at_once(
    answering: Any, start: Any, problem_of: Any
) -> None:
    resumed = b"\x20\x03\x01\x00\x00"
    url, _ = await answering(resumed + b"\xe0\x02\x8b\x00")
    bridge = await start(url, "qos = 2\nsession_expiry = 60", connected=False)
    async with asyncio.timeout(7):  # a silent broker is reported after 8 s
        assert "Server shutting down" in await problem_of(bridge)

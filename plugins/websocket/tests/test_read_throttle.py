"""The read throttle: pings, fragments, and more data than one slice."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from stopwatch import Stopwatch

import oscbridge
from oscbridge import Message
from oscbridge_websocket import connection
from oscbridge_websocket.connection import MIN_FRAME_RATE
from oscbridge_websocket.read_throttle import SLICE, ReadThrottle

MASK = bytes(4)
PING = b"\x89\xfd" + MASK + bytes(125)
EMPTY_PING = b"\x89\x80" + MASK
EMPTY_FRAGMENT = b"\x00\x80" + MASK


def binary(message: Message) -> bytes:
    data = oscbridge.encode_message(message)
    return bytes([0x82, 0x80 | len(data)]) + MASK + data


def buffered(bridge: Any) -> int:
    """The most bytes that wait to be written to a connection."""
    connections = bridge.endpoint.connections
    return max(int(each.transport.get_write_buffer_size()) for each in connections)


async def test_pongs_do_not_accumulate_for_a_client_that_does_not_read(
    start: Any, raw: Any, join: Any, messages: Any
) -> None:
    bridge = await start("max_rate = 1000000")
    listener = await join(bridge)
    client = await raw(bridge)
    await client.handshake()
    for number in range(200):
        client.write(PING * 500 + binary(Message.of("/n", number)))
        assert await messages(listener) == [Message.of("/n", number)]
        assert buffered(bridge) < 100_000


async def test_several_pings_in_one_write_are_all_answered_in_order(bridge: Any, raw: Any) -> None:
    client = await raw(bridge)
    await client.handshake()
    texts = [b"%04d" % number for number in range(3_000)]  # more than one slice
    client.write(b"".join(b"\x89\x84" + bytes(4) + text for text in texts))
    expected = b"".join(b"\x8a\x04" + text for text in texts)
    assert await client.reader.readexactly(len(expected)) == expected


async def test_pong_is_sent_when_the_write_buffer_has_room_again(
    start: Any, raw: Any, join: Any, messages: Any
) -> None:
    bridge = await start()
    client, other = await raw(bridge), await join(bridge)
    await client.handshake()
    await bridge.until(lambda: bridge.clients >= 2)
    while not buffered(bridge):  # the system's own buffers are full
        await other.send(oscbridge.encode_message(Message.of("/fill", bytes(60_000))))
        await (await other.ping())
    client.write(b"\x89\x84" + MASK + b"here" + binary(Message.of("/sent")))
    assert await messages(other) == [Message.of("/sent")]
    found = b""
    async with asyncio.timeout(10):
        while b"\x8a\x04here" not in found:
            found = found[-10:] + await client.reader.read(65_536)


@pytest.mark.parametrize("frame", [EMPTY_PING, EMPTY_FRAGMENT], ids=["pings", "fragments"])
async def test_sender_of_too_many_frames_is_throttled_and_slows_nobody(
    start: Any,
    raw: Any,
    join: Any,
    messages: Any,
    caplog: pytest.LogCaptureFixture,
    frame: bytes,
) -> None:
    bridge = await start("max_rate = 10")
    flood, good, listener = await raw(bridge), await join(bridge), await join(bridge)
    await flood.handshake()
    await bridge.until(lambda: bridge.clients >= 3)
    started, stopwatch = time.monotonic(), Stopwatch()
    data = oscbridge.encode_message(Message.of("/late"))
    # A message that starts in the first frame and ends in the last.
    first = bytes([0x02, 0x80 | len(data)]) + MASK + data
    flood.write(first + frame * 3 * MIN_FRAME_RATE + b"\x80\x80" + MASK)
    await good.send(oscbridge.encode_message(Message.of("/good")))
    assert await messages(listener) == [Message.of("/good")]
    assert stopwatch.seconds < 0.5
    assert await messages(listener) == [Message.of("/late")]
    assert time.monotonic() - started > 0.5
    assert caplog.text.count(f"sends more than {MIN_FRAME_RATE} frames per second") == 1


async def test_data_before_the_end_of_a_connection_is_not_lost(
    start: Any, raw: Any, join: Any, messages: Any
) -> None:
    bridge = await start("max_rate = 1000000")
    listener = await join(bridge)
    client = await raw(bridge)
    await client.handshake()
    client.write(b"".join(binary(Message.of("/n", number)) for number in range(5_000)))
    client.writer.write_eof()
    found = await messages(listener, 5_000)
    assert [message.args for message in found] == [(number,) for number in range(5_000)]


async def test_data_before_the_end_over_tls_is_throttled_and_not_lost(
    start: Any, raw: Any, join: Any, messages: Any, certificate: Any
) -> None:
    bridge = await start(certificate.toml + "max_rate = 10")
    listener = await join(bridge, ssl=certificate.trusted)
    client = await raw(bridge, tls=certificate.trusted)
    await client.handshake()
    while bridge.clients < 2:
        await asyncio.sleep(0)
    started = time.monotonic()
    data = EMPTY_PING * 3 * MIN_FRAME_RATE + binary(Message.of("/last"))
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # data and its end in one read
    client.write(data)
    client.writer.close()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    assert await messages(listener) == [Message.of("/last")]
    assert time.monotonic() - started > 0.5
    async with asyncio.timeout(10):
        while bridge.connections > 1:
            await asyncio.sleep(0.01)


async def test_stop_does_not_wait_for_data_of_ended_connections(
    start: Any, raw: Any, certificate: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start(certificate.toml + "max_rate = 10")
    client = await raw(bridge, tls=certificate.trusted)
    await client.handshake()
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # data and its end in one read
    client.write(EMPTY_PING * 8 * MIN_FRAME_RATE)
    client.writer.close()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    async with asyncio.timeout(10):
        while "frames per second: throttled" not in caplog.text:
            await asyncio.sleep(0.01)
    stopwatch = Stopwatch()
    await bridge.stop()
    assert stopwatch.seconds < 2.0


@pytest.mark.parametrize("way", ["stop", "drain timeout"])
async def test_discarded_messages_of_an_ended_connection_are_counted(
    way: str, start: Any, raw: Any, certificate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "drain timeout":
        monkeypatch.setattr(connection, "DRAIN_TIMEOUT", 0.1)
    bridge = await start(certificate.toml + "max_rate = 1_000")
    client = await raw(bridge, tls=certificate.trusted)
    await client.handshake()
    await bridge.until(lambda: bridge.clients)
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # data and its end in one read
    client.write((EMPTY_PING + binary(Message.of("/n", 1))) * 1_500)  # in one segment
    client.writer.close()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    await bridge.until(lambda: bridge.status.received.messages)
    if way == "drain timeout":
        await bridge.until(lambda: not bridge.connections)
    await bridge.stop()
    counted = bridge.status.received
    assert counted.messages == 1_500
    assert 0 < counted.dropped["disconnected"] < 1_500
    assert counted.held == 0


# --- unit --------------------------------------------------------------------------------------


class FakeTransport:
    """Records whether it is being read."""

    def __init__(self) -> None:
        self.reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


Fed = list[bytes]


def make(
    transport: FakeTransport, fed: Fed, slow: Callable[[], None] = lambda: None
) -> ReadThrottle:
    def feed(data: bytes) -> int:
        fed.append(data)
        return 1

    return ReadThrottle(cast(asyncio.Transport, transport), 1_000_000, feed, slow)


async def timers_due_now() -> None:
    """Wait until every timer that is due now has run."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0, passed.set)
    await passed.wait()


async def test_throttle_parses_one_slice_at_a_time_and_pauses_reading() -> None:
    transport, fed = FakeTransport(), Fed()
    data = b"a" * SLICE + b"b" * SLICE + b"c"
    make(transport, fed).receive(data)
    assert [len(each) for each in fed] == [SLICE]
    assert [transport.reads] == [False]
    async with asyncio.timeout(5):
        while not transport.reads:
            await asyncio.sleep(0)
    assert b"".join(fed) == data
    assert [len(each) for each in fed] == [SLICE, SLICE, 1]


async def test_paused_throttle_parses_nothing() -> None:
    transport, fed = FakeTransport(), Fed()
    throttle = make(transport, fed)
    throttle.pause()
    throttle.receive(b"early")
    assert (fed, transport.reads) == ([], False)
    throttle.resume()
    async with asyncio.timeout(5):
        while not transport.reads:
            await asyncio.sleep(0)
    assert fed == [b"early"]


async def test_rest_is_parsed_in_slices_after_the_end() -> None:
    transport, fed, parsed = FakeTransport(), Fed(), asyncio.Event()
    throttle = make(transport, fed)
    throttle.receive(b"x" * 3 * SLICE)
    throttle.call_when_parsed(parsed.set)
    assert (throttle.has_data, len(fed)) == (True, 1)
    async with asyncio.timeout(5):
        await parsed.wait()
    assert (throttle.has_data, [len(each) for each in fed]) == (False, [SLICE] * 3)


async def test_discard_drops_the_rest() -> None:
    transport, fed = FakeTransport(), Fed()
    throttle = make(transport, fed)
    throttle.receive(b"x" * 3 * SLICE)
    assert throttle.discard() == b"x" * 2 * SLICE
    assert not throttle.has_data
    await timers_due_now()
    assert len(fed) == 1

"""What is sent besides messages, or in pieces: pings, fragments, more than is looked at at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

import oscbridge
from oscbridge import Message
from oscbridge_websocket.pace import SLICE, Pace
from oscbridge_websocket.server import MIN_FRAMES

MASK = bytes(4)
PING = b"\x89\xfd" + MASK + bytes(125)
EMPTY_PING = b"\x89\x80" + MASK
EMPTY_PIECE = b"\x00\x80" + MASK


def binary(message: Message) -> bytes:
    data = oscbridge.encode_message(message)
    return bytes([0x82, 0x80 | len(data)]) + MASK + data


def waiting(bridge: Any) -> int:
    """Bytes that wait to be written to any connection."""
    visitors = bridge.app.endpoints["web"].endpoint._admission._visitors
    return max(int(each.transport.get_write_buffer_size()) for each in visitors)


async def test_answers_to_pings_do_not_pile_up_for_a_client_that_reads_nothing(
    start: Any, raw: Any, join: Any, messages: Any
) -> None:
    bridge = await start("max_rate = 1000000")
    listener = await join(bridge)
    client = await raw(bridge)
    await client.handshake()
    for number in range(200):
        client.write(PING * 500 + binary(Message.of("/n", number)))
        assert await messages(listener) == [Message.of("/n", number)]
        assert waiting(bridge) < 100_000


async def test_of_pings_that_come_together_the_last_is_answered(bridge: Any, raw: Any) -> None:
    client = await raw(bridge)
    await client.handshake()
    client.write(EMPTY_PING * 100 + b"\x89\x84" + MASK + b"last")
    assert await client.reader.readexactly(6) == b"\x8a\x04last"


async def test_a_ping_is_answered_when_there_is_room_again(
    start: Any, raw: Any, join: Any, messages: Any
) -> None:
    bridge = await start()
    client, other = await raw(bridge), await join(bridge)
    await client.handshake()
    while bridge.clients < 2:
        await asyncio.sleep(0)
    while not waiting(bridge):  # the system's own buffers are full
        await other.send(oscbridge.encode_message(Message.of("/fill", bytes(60_000))))
        await (await other.ping())
    client.write(b"\x89\x84" + MASK + b"here" + binary(Message.of("/sent")))
    assert await messages(other) == [Message.of("/sent")]
    found = b""
    async with asyncio.timeout(10):
        while b"\x8a\x04here" not in found:
            found = found[-10:] + await client.reader.read(65_536)


@pytest.mark.parametrize("frame", [EMPTY_PING, EMPTY_PIECE], ids=["pings", "pieces"])
async def test_who_sends_too_many_frames_is_read_no_faster_and_slows_nobody(
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
    while bridge.clients < 3:
        await asyncio.sleep(0)
    begun = time.monotonic()
    data = oscbridge.encode_message(Message.of("/late"))
    # A message that begins with the first frame and ends with the last.
    first = bytes([0x02, 0x80 | len(data)]) + MASK + data
    flood.write(first + frame * 3 * MIN_FRAMES + b"\x80\x80" + MASK)
    await good.send(oscbridge.encode_message(Message.of("/good")))
    assert await messages(listener) == [Message.of("/good")]
    assert time.monotonic() - begun < 0.5
    assert await messages(listener) == [Message.of("/late")]
    assert time.monotonic() - begun > 0.5
    assert caplog.text.count(f"sends more than {MIN_FRAMES} frames a second") == 1


async def test_what_came_before_the_end_of_a_connection_is_not_lost(
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


# --- alone -------------------------------------------------------------------------------------


class Transport:
    """Only says whether it is read from."""

    def __init__(self) -> None:
        self.reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


Fed = list[bytes]


def make(transport: Transport, fed: Fed, slow: Callable[[], None] = lambda: None) -> Pace:
    def feed(data: bytes) -> int:
        fed.append(data)
        return 1

    return Pace(cast(asyncio.Transport, transport), 1_000_000, feed, slow)


async def test_a_slice_is_taken_at_a_time_and_nothing_is_read_meanwhile() -> None:
    transport, fed = Transport(), Fed()
    data = b"a" * SLICE + b"b" * SLICE + b"c"
    make(transport, fed).put(data)
    assert [len(each) for each in fed] == [SLICE]
    assert [transport.reads] == [False]
    async with asyncio.timeout(5):
        while not transport.reads:
            await asyncio.sleep(0)
    assert b"".join(fed) == data
    assert [len(each) for each in fed] == [SLICE, SLICE, 1]


async def test_nothing_is_handed_on_while_there_is_no_room() -> None:
    transport, fed = Transport(), Fed()
    pace = make(transport, fed)
    pace.hold()
    pace.put(b"early")
    assert (fed, transport.reads) == ([], False)
    pace.release()
    async with asyncio.timeout(5):
        while not transport.reads:
            await asyncio.sleep(0)
    assert fed == [b"early"]


async def test_what_is_left_is_handed_on_at_once_at_the_end() -> None:
    transport, fed = Transport(), Fed()
    pace = make(transport, fed)
    pace.put(b"x" * 3 * SLICE)
    pace.finish()
    assert [len(each) for each in fed] == [SLICE, 2 * SLICE]
    await asyncio.sleep(0.01)  # no timer is left
    assert len(fed) == 2


async def test_what_is_left_of_a_connection_that_is_gone_is_forgotten() -> None:
    transport, fed = Transport(), Fed()
    pace = make(transport, fed)
    pace.put(b"x" * 3 * SLICE)
    pace.drop()
    pace.finish()
    await asyncio.sleep(0.01)
    assert len(fed) == 1

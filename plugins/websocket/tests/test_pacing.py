"""Frames at a limited rate."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson
import pytest
from stopwatch import Stopwatch
from websockets.exceptions import ConnectionClosed

import oscbridge
from oscbridge import IMPULSE, MIDI, Message
from oscbridge_websocket.frames import FrameFormat
from oscbridge_websocket.pacing import FramePacer, Pace, encode_for_pacing


def addresses(frame: bytes) -> list[str]:
    return [each.address for each in oscbridge.messages(oscbridge.decode_packet(frame))]


async def ready(client: Any, bridge: Any) -> None:
    await (await client.ping())
    while not bridge.clients:
        await asyncio.sleep(0)


async def frames_of(client: Any, last: str) -> list[list[Message]]:
    """The messages of each frame, up to the one with the address ``last``."""
    found: list[list[Message]] = []
    async with asyncio.timeout(15):
        while not found or found[-1][-1].address != last:
            packet = oscbridge.decode_packet(await client.recv())
            found.append([m._replace(timetag=None) for m in oscbridge.messages(packet)])
    return found


@pytest.mark.parametrize(("options", "query"), [("frame_rate = 20", ""), ("", "frame_rate=20")])
async def test_client_gets_at_most_so_many_frames_each_a_bundle(
    start: Any, join: Any, options: str, query: str
) -> None:
    bridge = await start(options)
    client = await join(bridge, query=query)
    await ready(client, bridge)
    began = time.monotonic()
    times, found = [], []
    sent = 0
    while time.monotonic() - began < 1:
        bridge.send(Message.of("/a", sent))
        sent += 1
        await asyncio.sleep(0.002)
    bridge.send(Message.of("/end"))
    async with asyncio.timeout(5):
        while not found or found[-1].address != "/end":
            frame = await client.recv()
            times.append(time.monotonic() - began)
            assert frame.startswith(b"#bundle\0")
            found += oscbridge.messages(oscbridge.decode_packet(frame))
    assert [m.args[0] for m in found[:-1]] == list(range(sent))
    assert 10 < len(times) <= 20 * times[-1] + 2


async def test_first_message_after_a_pause_is_sent_at_once(start: Any, join: Any) -> None:
    bridge = await start("frame_rate = 0.5")
    client = await join(bridge)
    await ready(client, bridge)
    for address in ("/first", "/after a pause".replace(" ", "_")):
        stopwatch = Stopwatch()
        bridge.send(Message.of(address))
        assert addresses(await client.recv()) == [address]
        assert stopwatch.seconds < 1
        await asyncio.sleep(2.1)


async def test_messages_are_complete_and_in_order_without_latest(start: Any, join: Any) -> None:
    bridge = await start()
    client = await join(bridge, query="frame_rate=5")
    await ready(client, bridge)
    sent = [Message.of(f"/{index % 7}", index) for index in range(50)]
    bridge.send(*sent, Message.of("/end"))
    frames = await frames_of(client, "/end")
    assert [each for frame in frames for each in frame][:-1] == sent
    assert not bridge.client_drops


async def test_latest_keeps_the_newest_value_per_address(start: Any, join: Any) -> None:
    bridge = await start("frame_rate = 2\nlatest = true")
    client = await join(bridge)
    await ready(client, bridge)
    bridge.send(Message.of("/first"))
    await client.recv()
    for value in range(10):
        bridge.send(Message.of("/a", value), Message.of("/b", -value))
        await asyncio.sleep(0)
    bridge.send(Message.of("/a", 99), Message.of("/end", 1))
    [frame] = await frames_of(client, "/end")
    assert frame == [Message.of("/b", -9), Message.of("/a", 99), Message.of("/end", 1)]
    assert bridge.client_drops == {"replaced": 19}


async def test_latest_keeps_every_message_that_must_be_delivered(start: Any, join: Any) -> None:
    bridge = await start()
    client = await join(bridge, query="frame_rate=2&latest=1")
    await ready(client, bridge)
    bridge.send(Message.of("/first"))
    await client.recv()
    midi = [Message.of("/midi", MIDI(0, 0x90, 60, velocity)) for velocity in (90, 0)]
    sent = [Message.of("/go"), Message.of("/go"), Message.of("/bang", IMPULSE), *midi]
    sent += [Message.of("/bang", IMPULSE), Message.of("/*", 1), Message.of("/*", 2)]
    bridge.send(*sent, Message.of("/end"))
    frames = await frames_of(client, "/end")  # a type that few clients know travels alone
    assert [each for frame in frames for each in frame][:-1] == sent
    assert not bridge.client_drops


@pytest.mark.parametrize("query", ["frame_rate=2", "frame_rate=2&bundles=0"])
async def test_single_messages_of_a_frame_arrive_together(start: Any, raw: Any, query: str) -> None:
    bridge = await start()
    client = await raw(bridge)
    json = "bundles" not in query
    protocol = "Sec-WebSocket-Protocol: osc.json\n" if json else ""
    answer = await client.request(
        f"GET /?{query} HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\n"
        f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n{protocol}"
    )
    assert " 101 " in answer
    while not bridge.clients:
        await asyncio.sleep(0)
    bridge.send(Message.of("/0"))
    await client.reader.read(2048)
    bridge.send(*(Message.of(f"/{index}") for index in range(1, 6)))
    data = await client.reader.read(2048)
    first = b"\x81" if json else b"\x82"
    assert data.count(first) == 5
    if json:
        assert orjson.loads(data[2 : 2 + data[1]])["address"] == "/1"


@pytest.mark.parametrize("value", ["abc", "nan", "inf", "-1", "0.01", "100000", "", "60;"])
async def test_unusable_frame_rate_is_rejected_with_the_reason(
    bridge: Any, join: Any, value: str
) -> None:
    client = await join(bridge, query=f"frame_rate={value}")
    with pytest.raises(ConnectionClosed) as caught:
        await client.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4400
    assert "must be a number from 0.1 to 1000" in caught.value.rcvd.reason


async def test_client_may_switch_the_frame_rate_off(start: Any, join: Any) -> None:
    bridge = await start("frame_rate = 0.1")
    client = await join(bridge, query="frame_rate=0")
    await ready(client, bridge)
    for index in range(3):
        bridge.send(Message.of(f"/{index}"))
        assert addresses(await client.recv()) == [f"/{index}"]


async def test_waiting_messages_are_bounded_and_the_oldest_are_dropped(
    start: Any, join: Any
) -> None:
    bridge = await start("frame_rate = 1\nmax_client_queue = 10")
    client = await join(bridge)
    await ready(client, bridge)
    bridge.send(Message.of("/first"))
    await client.recv()
    for index in range(30):
        bridge.send(Message.of("/a", index))
        await asyncio.sleep(0)
    bridge.send(Message.of("/end"))
    [frame] = await frames_of(client, "/end")
    assert [m.args for m in frame[:-1]] == [(index,) for index in range(21, 30)]
    assert bridge.client_drops == {"frame_rate": 21}


async def test_waiting_messages_are_sent_when_the_bridge_ends(start: Any, join: Any) -> None:
    bridge = await start("frame_rate = 0.1")
    client = await join(bridge)
    await ready(client, bridge)
    bridge.send(Message.of("/first"))
    await client.recv()
    before = bridge.status.sent
    bridge.send(Message.of("/last"))
    await bridge.until(lambda: bridge.status.sent > before)
    await bridge.stop()
    assert addresses(await client.recv()) == ["/last"]


async def test_own_messages_do_not_return_to_a_client_with_a_frame_rate(
    start: Any, join: Any
) -> None:
    bridge = await start("frame_rate = 50")
    one, other = await join(bridge), await join(bridge)
    await ready(one, bridge)
    await ready(other, bridge)
    while bridge.clients < 2:
        await asyncio.sleep(0)
    await one.send(oscbridge.encode_message(Message.of("/from/one")))
    assert addresses(await other.recv()) == ["/from/one"]
    bridge.send(Message.of("/end"))
    assert addresses(await one.recv()) == ["/end"]


# --- the pacer ---------------------------------------------------------------------------------


class Reader:
    """A client that reads or not, and the frames sent to it."""

    def __init__(self, *, latest: bool = False, limit: int = 100, rate: float = 100) -> None:
        self.reads = True
        self.writes: list[list[bytes]] = []
        self.drops: dict[str, int] = {}
        self.pacer = FramePacer(
            FrameFormat.BUNDLES,
            Pace(rate, latest, limit),
            is_ready=lambda: self.reads,
            write=lambda paced: self.writes.append([frame.data for frame in paced.frames]),
            on_drop=lambda reason, count: self.drops.update(
                {reason: self.drops.get(reason, 0) + count}
            ),
        )

    def put(self, *messages: Message) -> None:
        self.pacer.put(encode_for_pacing(messages, FrameFormat.BUNDLES, lambda _count: None))


async def test_messages_wait_while_the_client_does_not_read() -> None:
    client = Reader(limit=5)
    client.reads = False
    client.put(*(Message.of("/a", index) for index in range(8)))
    await asyncio.sleep(0.05)
    assert (client.writes, len(client.pacer), client.drops) == ([], 5, {"slow_client": 3})
    client.reads = True
    while not client.writes:
        await asyncio.sleep(0)
    [[frame]] = client.writes
    assert [m.args for m in oscbridge.messages(oscbridge.decode_packet(frame))] == [
        (index,) for index in range(3, 8)
    ]


async def test_messages_of_a_client_that_disconnects_are_counted() -> None:
    client = Reader(rate=0.1)
    client.put(Message.of("/a", 1))
    client.put(Message.of("/a", 2), Message.of("/a", 3))
    assert client.pacer.close() == 2
    assert len(client.writes) == 1


async def test_large_frames_are_split_over_several_intervals() -> None:
    client = Reader(limit=1_000)
    client.put(*(Message.of("/a", bytes(300_000)) for _ in range(7)))
    while len(client.pacer):
        await asyncio.sleep(0)
    sizes = [len(frame) for [frame] in client.writes]
    assert len(sizes) == 3
    assert max(sizes) <= 1 << 20


async def test_bridge_keeps_messages_for_the_next_frame_if_all_clients_have_a_rate(
    start: Any, join: Any
) -> None:
    bridge = await start()
    assert bridge.endpoint.next_send == 0
    for rate in (0.1, 0.2):
        await join(bridge, query=f"frame_rate={rate}")
    await bridge.until(lambda: bridge.clients == 2)
    before = asyncio.get_running_loop().time()
    bridge.send(Message.of("/a", 1))
    await bridge.until(lambda: bridge.endpoint.next_send)
    assert before + 1 / 0.2 <= bridge.endpoint.next_send < before + 1 / 0.1
    client = await join(bridge)
    await bridge.until(lambda: bridge.clients == 3)
    assert bridge.endpoint.next_send == 0  # that one is sent messages at once
    await client.close()
    await bridge.until(lambda: bridge.endpoint.next_send)


async def test_flood_to_clients_with_a_rate_is_complete_and_ends_with_the_last_values(
    start: Any, join: Any
) -> None:
    bridge = await start()
    every, newest = [await join(bridge, query=f"frame_rate=60{more}") for more in ("", "&latest=1")]
    await bridge.until(lambda: bridge.clients == 2)
    for index in range(2_000):
        bridge.send(Message.of(f"/{index % 50}", index))
        if index % 5 == 4:
            await asyncio.sleep(0)
    bridge.send(Message.of("/end"))
    found = [m for frame in await frames_of(every, "/end") for m in frame]
    assert [m.args[0] for m in found[:-1]] == list(range(2_000))
    last = {m.address: m.args for frame in await frames_of(newest, "/end") for m in frame}
    assert last == {**{f"/{index % 50}": (index,) for index in range(1_950, 2_000)}, "/end": ()}
    assert (bridge.status.sent, bridge.drops) == (2_001, {})

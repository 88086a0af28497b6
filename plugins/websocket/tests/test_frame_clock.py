"""Frames that are made once for many clients."""

from __future__ import annotations

import asyncio
from collections import Counter

import oscbridge
from oscbridge import Message
from oscbridge_websocket.frame_clock import FrameClock
from oscbridge_websocket.frames import FrameFormat
from oscbridge_websocket.pacing import FramePacer, Pace, PacedFrame

FOREVER = 0.1
"""Frames per second: no second one is due during a test."""


class PacedClient:
    """A client that reads or not, and the frames written to it."""

    def __init__(self, clock: FrameClock, pace: Pace, drops: Counter[str]) -> None:
        self.reads = True
        self.frames: list[PacedFrame] = []
        self.pacer = FramePacer(
            FrameFormat.BUNDLES,
            pace,
            is_ready=lambda: self.reads,
            write=self.frames.append,
            on_drop=lambda reason, count: drops.update({reason: count}),
        )
        clock.join(self.pacer)

    @property
    def messages(self) -> list[Message]:
        packets = [oscbridge.decode_packet(f.data) for each in self.frames for f in each.frames]
        return [m._replace(timetag=None) for packet in packets for m in oscbridge.messages(packet)]

    async def received(self, count: int) -> list[Message]:
        """All messages, once there are so many."""
        async with asyncio.timeout(10):
            while len(self.messages) < count:
                await asyncio.sleep(0.001)
        return self.messages


class Clocked:
    """A clock with clients."""

    def __init__(
        self, rate: float, *, latest: bool = False, limit: int = 100, clients: int = 3
    ) -> None:
        self.drops: Counter[str] = Counter()
        self.pace = Pace(rate, latest, limit)
        self.clock = FrameClock(
            FrameFormat.BUNDLES, self.pace, lambda reason, count: self.drops.update({reason: count})
        )
        self.clients = [self.client() for _ in range(clients)]

    def client(self) -> PacedClient:
        return PacedClient(self.clock, self.pace, self.drops)

    def put(self, *values: int, address: str = "/a") -> None:
        self.clock.put([Message.of(address, value) for value in values])


def of(*values: int) -> list[Message]:
    return [Message.of("/a", value) for value in values]


async def test_clients_are_written_the_same_bytes() -> None:
    clocked = Clocked(FOREVER)
    clocked.put(1)
    first, *others = [client.frames for client in clocked.clients]
    assert all(each[0].serialized is first[0].serialized for each in others)


async def test_messages_wait_for_the_frame_and_are_complete_and_in_order() -> None:
    clocked = Clocked(50)
    for value in range(10):
        clocked.put(value)
    for client in clocked.clients:
        assert await client.received(10) == of(*range(10))
        assert len(client.frames) == 2


async def test_replaced_and_dropped_messages_are_counted_for_each_client() -> None:
    clocked = Clocked(FOREVER, latest=True, limit=2, clients=3)
    clocked.put(0)  # sent at once
    clocked.put(1, 2, 3)
    clocked.put(1, address="/b")
    clocked.put(1, address="/c")
    assert clocked.drops == {"replaced": 2 * 3, "frame_rate": 1 * 3}


async def test_client_that_does_not_read_loses_nothing_and_is_in_step_again() -> None:
    clocked = Clocked(50, clients=2)
    reads, waits = clocked.clients
    waits.reads = False
    clocked.put(1)
    await reads.received(1)
    assert waits.messages == []
    clocked.put(2)
    await reads.received(2)
    waits.reads = True
    value = 2
    async with asyncio.timeout(10):
        while not (waits.frames and waits.frames[-1] is reads.frames[-1]):  # shared again
            value += 1
            clocked.put(value)
            await asyncio.sleep(0.005)
    assert await waits.received(value) == of(*range(1, value + 1))


async def test_client_gets_only_what_was_sent_after_it_joined() -> None:
    clocked = Clocked(50, clients=1)
    clocked.put(1)
    clocked.put(2)
    late = clocked.client()
    clocked.put(3)
    assert await clocked.clients[0].received(3) == of(1, 2, 3)
    assert await late.received(1) == of(3)


async def test_messages_that_wait_for_a_client_that_leaves_are_its_losses() -> None:
    clocked = Clocked(FOREVER, clients=2)
    clocked.put(1)
    clocked.put(2, 3)
    leaving, stays = clocked.clients
    clocked.clock.leave(leaving.pacer)
    assert leaving.pacer.close() == 2
    clocked.clock.spill()
    stays.pacer.flush()
    assert stays.messages == of(1, 2, 3)


async def test_client_that_moves_to_another_clock_gets_what_it_held() -> None:
    clocked, other = Clocked(20, clients=1), Clocked(20, clients=0)
    (client,) = clocked.clients
    clocked.put(1)
    clocked.put(2)
    clocked.clock.leave(client.pacer)
    other.clock.join(client.pacer)
    assert await client.received(2) == of(1, 2)


async def test_message_that_cannot_be_encoded_is_counted_once_and_costs_only_itself() -> None:
    clocked = Clocked(FOREVER, clients=2)
    clocked.clock.put([Message("/a", "i", ("text",)), Message.of("/a", 1)])
    assert clocked.drops == {"encode": 1}
    assert [client.messages for client in clocked.clients] == [of(1), of(1)]


async def test_more_than_fits_into_a_frame_is_split_by_the_pacers() -> None:
    clocked = Clocked(100, limit=1_000, clients=2)
    clocked.clock.put([Message.of("/a", bytes(300_000)) for _ in range(7)])
    for client in clocked.clients:
        await client.received(7)
        assert [len(each.frames) for each in client.frames] == [1, 1, 1]

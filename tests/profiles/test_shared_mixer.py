"""A simulated mixer behind a bridge, with many kinds of clients at the same time.

Whoever moves a fader, it arrives at everyone else once, and nobody gets an own move back.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect

from oscbridge import OSCURL, Message, decode_packet, encode_message, messages
from oscbridge.profiles.device_server import serve_device
from oscbridge.profiles.library import shipped_profiles
from oscbridge.profiles.profile import read_profile
from oscbridge.testing import RunningBridge, running_bridge, until

pytestmark = pytest.mark.timeout(180)

WAIT = 40.0
FADER, END = "/ch/01/mix/fader", "/ch/32/mix/fader"

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[bridge.stage.clients]
absorb = ["/xremote"]

[endpoint.desk]
type = "osc"
to = "{desk}"
profile = "x32"

[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"

[endpoint.q]
type = "oscquery"
listen = "127.0.0.1:0"

[[route]]
from = ["stage", "web", "q"]
to = "desk"

[[route]]                # the others see what one has set
from = ["stage", "web", "q"]
when = "len(args) > 0"
to = ["stage", "web", "q"]

[[route]]
from = "desk"
to = ["stage", "web", "q"]
"""


class Participant(ABC):
    """Someone with a fader. ``seen`` are the moves of others, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[tuple[str, float]] = []

    @abstractmethod
    async def move(self, address: str, value: float) -> None:
        """Move a fader."""

    @abstractmethod
    async def listen(self) -> None:
        """Record moves until cancelled."""

    def record(self, packet: bytes) -> None:
        for message in messages(decode_packet(packet)):
            if message.address in (FADER, END) and message.args:
                (value,) = message.args
                assert isinstance(value, float)
                self.seen.append((message.address, round(value, 4)))


class OSCTablet(Participant):
    """Sends and receives over UDP, and asks for changes as mixers want it."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("127.0.0.1", 0))
        self._to = ("127.0.0.1", port)

    def subscribe(self) -> None:
        self._sock.sendto(encode_message(Message.of("/xremote")), self._to)

    async def move(self, address: str, value: float) -> None:
        self._sock.sendto(encode_message(Message.of(address, value)), self._to)

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.record(await loop.sock_recv(self._sock, 65_536))

    def close(self) -> None:
        self._sock.close()


class SocketClient(Participant):
    """A client over WebSocket, of the endpoint for it or of OSCQuery: binary packets."""

    def __init__(self, name: str, connection: ClientConnection) -> None:
        super().__init__(name)
        self._connection = connection

    async def move(self, address: str, value: float) -> None:
        await self._connection.send(encode_message(Message.of(address, value)))

    async def listen(self) -> None:
        async for frame in self._connection:
            if isinstance(frame, bytes):
                self.record(frame)


def port_of(bridge: RunningBridge, endpoint: str) -> int:
    found = re.search(r":(\d+)", bridge.endpoint_status(endpoint).where)
    assert found
    return int(found[1])


@asynccontextmanager
async def everyone() -> AsyncIterator[tuple[RunningBridge, Sequence[Participant]]]:
    profile = read_profile(shipped_profiles()["x32"])
    async with AsyncExitStack() as stack:
        nowhere = OSCURL.parse("udp://127.0.0.1:0")
        desk = await stack.enter_async_context(
            serve_device(profile, nowhere, lambda _peer, _message: None)
        )
        bridge = await stack.enter_async_context(running_bridge(CONFIGURATION.format(desk=desk)))
        tablets = [OSCTablet(f"tablet {n}", bridge.url("stage").port) for n in range(3)]
        hand = OSCTablet("hand at the mixer", desk.port)  # as a program of its maker
        for tablet in (*tablets, hand):
            stack.callback(tablet.close)
            tablet.subscribe()
        page, query = [
            await stack.enter_async_context(connect(f"ws://127.0.0.1:{port_of(bridge, name)}/"))
            for name in ("web", "q")
        ]
        for address in (FADER, END):
            await query.send(json.dumps({"COMMAND": "LISTEN", "DATA": address}))
        participants = [*tablets, SocketClient("page", page), SocketClient("query", query), hand]
        tasks = [asyncio.create_task(each.listen()) for each in participants]
        try:
            await until(lambda: bridge.endpoint_status("stage").clients == 3, WAIT)
            await until(lambda: bridge.endpoint_status("desk").connected, WAIT)
            yield bridge, participants
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until_all_know(participants: Sequence[Participant], hand: Participant) -> None:
    """Repeat a move until everyone gets it: subscriptions take a moment."""
    others = [each for each in participants if each is not hand]
    for number in range(400):
        await hand.move(END, number / 1000)
        await asyncio.sleep(0.1)
        if all(each.seen for each in others):
            last = (END, number / 1000)
            await until(lambda end=last: all(each.seen[-1] == end for each in others), WAIT)
            return
    raise AssertionError(f"no change reaches {[e.name for e in others if not e.seen]}")


async def test_move_arrives_everywhere_once_and_never_fights() -> None:
    async with everyone() as (bridge, participants):
        await wait_until_all_know(participants, participants[-1])
        await wait_until_all_know(participants, participants[0])  # the hand hears the others
        for each in participants:
            each.seen.clear()
        moves: list[tuple[Participant, float]] = []
        for number in range(12):  # everyone twice, one after the other
            mover, value = participants[number % 6], round(0.05 * (number + 1), 4)
            await mover.move(FADER, value)
            moves.append((mover, value))
            others = [each for each in participants if each is not mover]
            await until(lambda o=others, v=value: all((FADER, v) in e.seen for e in o), WAIT)
        await asyncio.sleep(1)  # what would come back, or twice
        for each in participants:
            expected = [(FADER, value) for mover, value in moves if mover is not each]
            assert each.seen == expected, each.name
        for name in ("desk", "web", "q", "stage"):
            assert not sum(bridge.endpoint_status(name).dropped.values())


async def test_fader_that_is_moved_fast_from_everywhere_comes_to_rest() -> None:
    async with everyone() as (_, participants):
        await wait_until_all_know(participants, participants[-1])
        await wait_until_all_know(participants, participants[0])
        for each in participants:
            each.seen.clear()
        for number in range(120):
            await participants[number % 6].move(FADER, (number + 1) / 1000)
            await asyncio.sleep(0.002)
        await participants[1].move(END, 0.5)
        for each in participants:
            count = 100 if each is participants[1] else 101
            await until(lambda e=each, n=count: len(e.seen) >= n, WAIT)
        await asyncio.sleep(1)  # nothing moves any more
        for index, each in enumerate(participants):
            seen = [value for address, value in each.seen if address == FADER]
            expected = [(n + 1) / 1000 for n in range(120) if n % 6 != index]
            assert sorted(seen) == expected, each.name

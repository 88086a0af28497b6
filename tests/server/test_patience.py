"""A server whose handlers need no message for a while."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from oscbridge import encode_message
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.turn import Turn
from oscbridge.osc import Message
from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer, DrainingTransport
from oscbridge.testing.waiting import until


class PatientServer:
    """Keeps the values that it receives, and sends to itself."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.dispatcher = Dispatcher()
        self.dispatcher.turn = self.turn = Turn()
        self.turn.waiting = 1
        self.asked = 0
        self.dispatcher.patience = self.patience
        self.dispatcher.map("/n", lambda _address, number: self.got.append(number))

    def patience(self) -> float:
        self.asked += 1
        return 60.0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        server = AsyncIOOSCUDPServer(("127.0.0.1", 0), self.dispatcher, loop)
        transport, _ = await server.create_serve_endpoint()
        assert isinstance(transport, DrainingTransport)
        self.transport = transport

    def send(self, numbers: Sequence[int]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in numbers:
                message = encode_message(Message.of("/n", number))
                sock.sendto(message, self.transport.get_extra_info("sockname"))


async def test_everything_is_handled_in_order() -> None:
    server = PatientServer()
    await server.open()
    for first in range(0, 100, 5):
        server.send(range(first, first + 5))
        await asyncio.sleep(0)
    await until(lambda: len(server.got) == 100)
    assert server.got == list(range(100))
    server.transport.close()


async def test_datagrams_that_were_not_read_are_handled_at_the_end() -> None:
    server = PatientServer()
    await server.open()
    server.send([0, 1])
    while not server.got:
        await asyncio.sleep(0)
    server.send([2, 3])
    server.transport.close()
    assert server.got == [0, 1, 2, 3]


async def test_patience_is_asked_for_only_while_a_sink_has_left_messages() -> None:
    server = PatientServer()
    server.turn.waiting = 0
    await server.open()
    server.send([0, 1])
    await until(lambda: server.got == [0, 1])
    assert not server.asked
    server.turn.waiting = 1
    server.send([2, 3])
    await until(lambda: server.got == [0, 1, 2, 3])
    assert server.asked
    server.transport.close()


async def test_paused_server_stays_paused() -> None:
    server = PatientServer()
    await server.open()
    server.send([0, 1])
    while not server.got:
        await asyncio.sleep(0)
    server.transport.pause_reading()
    server.send([2])
    await asyncio.sleep(0.02)
    assert server.got == [0, 1]
    server.transport.resume_reading()
    await until(lambda: server.got == [0, 1, 2])
    server.transport.close()

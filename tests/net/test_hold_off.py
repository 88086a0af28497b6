"""A socket that is not read for a moment while nobody needs new datagrams."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from oscbridge.net import hold_off
from oscbridge.net.direct_readers import add_reader, remove_reader
from oscbridge.net.hold_off import MARGIN, PERIOD, HoldOff
from oscbridge.net.udp_receive import BATCH


class Reader:
    """Reads one datagram whenever it is called, and holds off as it is configured."""

    def __init__(self, sock: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.sock = sock
        self.patience, self.count = 0.0, 2
        self.got: list[bytes] = []
        self.read_at: list[float] = []
        self.hold_off = HoldOff(self.loop, sock)
        add_reader(self.loop, sock, self.read)

    def read(self) -> None:
        self.got.append(self.sock.recv(100))
        self.read_at.append(self.loop.time())
        self.hold_off.begin(self.read, lambda: self.patience, self.count)

    def is_watched(self) -> bool:
        """Whether the loop watches the socket."""
        return self.loop.remove_reader(self.sock)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A sender and a receiver."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    far.setblocking(False)
    with near, far:
        yield near, far


async def received(reader: Reader, count: int) -> list[float]:
    async with asyncio.timeout(10):
        while len(reader.got) < count:
            await asyncio.sleep(0)
    return reader.read_at


async def test_socket_is_read_again_after_the_period(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    reader = Reader(far)
    reader.patience = 10.0
    for number in range(3):
        near.send(b"%d" % number)
    first, second, third = await received(reader, 3)
    assert reader.got == [b"0", b"1", b"2"]
    assert second - first >= PERIOD
    assert third - second >= PERIOD
    reader.hold_off.end()
    remove_reader(reader.loop, far)


async def test_it_ends_before_somebody_needs_what_arrives(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_off, "PERIOD", 60.0)
    near, far = pair
    reader = Reader(far)
    reader.patience = MARGIN + 0.005
    near.send(b"0")
    near.send(b"1")
    first, second = await received(reader, 2)
    assert second - first >= 0.005
    reader.hold_off.end()
    remove_reader(reader.loop, far)


@pytest.mark.parametrize(("patience", "count"), [(MARGIN, 2), (0.0, 2), (60.0, BATCH), (60.0, 1)])
async def test_there_is_none_if_it_is_needed_now_or_datagrams_are_rare_or_too_many(
    pair: tuple[socket.socket, socket.socket], patience: float, count: int
) -> None:
    near, far = pair
    reader = Reader(far)
    reader.patience, reader.count = patience, count
    near.send(b"0")
    await received(reader, 1)
    assert not reader.hold_off.end()
    assert reader.is_watched()


async def test_end_reports_whether_it_had_begun(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    reader = Reader(far)
    reader.patience = 60.0
    near.send(b"0")
    await received(reader, 1)
    assert reader.hold_off.end()
    assert not reader.hold_off.end()
    assert not reader.is_watched()

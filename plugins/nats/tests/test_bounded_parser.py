"""Commands of a server, in pieces and with mistakes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from nats.errors import ProtocolError

from oscbridge_nats import bounded_parser
from oscbridge_nats.bounded_parser import BoundedParser

HEADERS = b"NATS/1.0\r\nA: b\r\n\r\n"
STREAM = (
    b"PING\r\n"
    b"MSG a.b 7 3\r\nx\r\n\r\n"
    b"HMSG c 8 back 18 20\r\n" + HEADERS + b"hi\r\n"
    b"MSG d 9 reply 0\r\n\r\n"
    b'INFO {"a": 1}\r\n'
    b"+OK\r\n"
    b"-ERR 'No'\r\n"
    b"MSG foreign 1 2\r\nab\r\n"
    b"HMSG e 7 18 18\r\n" + HEADERS + b"\r\n"
    b"PONG\r\n"
)  # fmt: skip
EXPECTED: list[Any] = [
    "ping",
    (7, b"a.b", b"", b"x\r\n", b""),
    (8, b"c", b"back", b"hi", HEADERS),
    (9, b"d", b"reply", b"", b""),
    {"a": 1},
    "'no'",
    (1, b"foreign", b"", b"ab", None),
    (7, b"e", b"", b"", HEADERS),
    "pong",
]


class Client:
    """Takes messages of the subscriptions 7 to 9; nats-py has the others."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def take_message(self, number: int, *parts: bytes) -> bool:
        if number >= 7:
            self.seen.append((number, *parts))
        return number >= 7

    async def _process_msg(self, *parts: Any) -> None:
        self.seen.append(parts)

    async def _process_ping(self) -> None:
        self.seen.append("ping")

    async def _process_pong(self) -> None:
        self.seen.append("pong")

    async def _process_info(self, info: Any) -> None:
        self.seen.append(info)

    async def _process_err(self, text: str) -> None:
        self.seen.append(text)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, len(STREAM)])
async def test_commands_arrive_in_order_however_they_are_cut(size: int) -> None:
    client = Client()
    parser = BoundedParser(client)
    for start in range(0, len(STREAM), size):
        await parser.parse(STREAM[start : start + size])
    assert client.seen == EXPECTED


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, len(STREAM)])
@pytest.mark.parametrize("most", [4, 50, 10_000])
@pytest.mark.parametrize("late", [0, 1, 3])
async def test_order_holds_between_the_callback_and_the_task(
    size: int, most: int, late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``late``: the task reads only after so many more pieces."""
    monkeypatch.setattr(bounded_parser, "MAX_TAKEN", most)
    client = Client()
    parser = BoundedParser(client)
    buffer = bytearray(STREAM[:9])  # was read before
    parser.starts_with(len(buffer))
    for number, start in enumerate(range(9, len(STREAM), size)):
        buffer += parser.take(STREAM[start : start + size])
        if late == 0 or number % late == 0:
            await parser.parse(bytes(buffer[:20]))
            del buffer[:20]
    while buffer:
        await parser.parse(bytes(buffer[:20]))
        del buffer[:20]
    assert client.seen == EXPECTED


INVALID = [
    b"MSG a 1\r\n",
    b"MSG a 7 x\r\n",
    b"MSG a 7 -1\r\n",
    b"MSG a x 1\r\n",
    b"MSG a 7 r r 1\r\n",
    b"HMSG a 7 5 4\r\n",
    b"HMSG a 7 -1 4\r\n",
    b"HMSG\r\n",
    b"HMSG \r\n",
    b"MSG a 7 67108865\r\n",
    b"\r\n",
    b"nonsense\r\n",
    b"y" * 5_000 + b"\r\n",
    b"INFO {\r\n",
    b"-ERR\r\n",
    b"MSG " + b"z" * 70_000,
]


@pytest.mark.parametrize("data", INVALID, ids=range(len(INVALID)))
async def test_invalid_command_is_an_error(data: bytes) -> None:
    parser = BoundedParser(Client())
    with pytest.raises(ProtocolError):
        await parser.parse(data)
        await parser.parse(b"\r\n")
        await asyncio.sleep(0)


async def test_large_payload_is_collected_once() -> None:
    """Pieces of it are not copied again at each of them."""
    client, size = Client(), 1 << 25
    parser = BoundedParser(client)
    await parser.parse(b"MSG a 7 %d\r\n" % size)
    piece = bytes(1 << 10)
    for _ in range(size // len(piece)):
        await parser.parse(piece)
    assert not client.seen
    await parser.parse(b"\r\n")
    assert client.seen == [(7, b"a", b"", bytes(size), b"")]

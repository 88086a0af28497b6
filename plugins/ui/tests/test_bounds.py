"""What pages and senders cannot use up: memory, and the time of the bridge."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import ClientSession
from control_room import SUBPROTOCOL, ControlRoomProgram, connected

from oscbridge import MIDI, Color, Message, encode_message
from oscbridge_ui.address_tree import MAX_DEPTH, AddressTree
from oscbridge_ui.shown_values import MAX_BYTES, MAX_CHARACTERS, kept_values, shown_values
from oscbridge_ui.values_feed import MAX_NODES
from oscbridge_ui.watching import WATCHES

ADDRESSES = 40
"""Addresses of large messages: more than the buffers of a socket, several times per second."""


def frame(**message: object) -> bytes:
    """A masked frame of WebSocket with a message."""
    data = json.dumps(message).encode()
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return b"\x81" + size + bytes(4) + data


@contextmanager
def deaf_page(port: int) -> Iterator[socket.socket]:
    """A page that watches everything and reads nothing after its handshake."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            (
                "GET /ui HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
            ).encode()
        )
        assert b" 101 " in sock.recv(64)
        sock.sendall(
            frame(type="hello")
            + frame(type="watch_now")
            + frame(type="watch_log")
            + frame(type="watch_values", count=400)
        )
        yield sock


async def slow_readers(program: ControlRoomProgram) -> int:
    """The clients that the server has closed because they did not read."""
    async with ClientSession() as session, session.get(f"{program.url}metrics") as response:
        lines = (await response.text()).splitlines()
    found = [line for line in lines if "http_closed" in line and 'reason="slow_reader"' in line]
    return sum(int(float(line.rpartition(" ")[2])) for line in found)


async def test_page_that_reads_nothing_is_closed_and_harms_no_other(
    program: ControlRoomProgram,
) -> None:
    large = [
        encode_message(Message(f"/large/{i}", "s" * 12, ("x" * 390,) * 12))
        for i in range(ADDRESSES)
    ]
    rounds = 0
    async with connected(program.port) as page:
        with deaf_page(program.port):
            while not await slow_readers(program):
                program.send(*large)
                rounds += 1
                await page.next("pulse")
        while (pulse := await page.next("pulse"))["received"] < rounds * ADDRESSES:
            pass
        assert pulse["lost"] == 0


async def test_flood_of_requests_waits(program: ControlRoomProgram) -> None:
    count = 3 * int(WATCHES)
    async with connected(program.port) as page, connected(program.port) as other:
        await page.next("welcome")
        began = time.monotonic()
        for _ in range(count):
            await page.send(type="watch_now")
        answer = await page.command(type="mute", routes=["faders"], on=True)
        assert answer["error"] == ""
        assert time.monotonic() - began > 1.5
        await other.next("pulse")


async def test_many_open_branches_are_sent_in_parts(program: ControlRoomProgram) -> None:
    names = [f"/{name}" for name in "abcdefgh"]
    count = 700
    addresses = [f"{name}/{number}" for name in names for number in range(count)]
    nodes: dict[str, int] = {}
    sizes: list[int] = []
    async with connected(program.port) as page:
        await page.next("welcome")
        await page.send(type="watch_values", count=0)
        for end in range(100, len(addresses) + 1, 100):
            part = addresses[end - 100 : end]
            program.send(*(encode_message(Message.of(each, 1)) for each in part))
            while (await page.next("values"))["total"] < end:
                pass
        await page.send(type="watch_values", count=0, open=names)
        while sum(nodes.values()) < len(addresses):
            tree = (await page.next("values"))["tree"] or {}
            tree.pop("", None)
            sizes.append(sum(map(len, tree.values())))
            nodes |= {path: len(each) for path, each in tree.items()}
    assert nodes == dict.fromkeys(names, count)
    assert max(sizes) <= MAX_NODES + count


def test_deep_address_has_a_bounded_number_of_branches() -> None:
    tree = AddressTree()
    deep = "/a" * 400
    tree.update(["/a/b", deep])
    path, levels = "", 0
    while nodes := tree.children(path):
        path, levels = f"{path}/{nodes[0].name}", levels + 1
    assert (path, levels) == (deep, MAX_DEPTH)


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("x" * MAX_CHARACTERS, "x" * 60_000),
        (b"x" * MAX_BYTES, b"x" * 60_000),
        tuple(range(5_000)),
        (["x" * 60_000, [1] * 5_000], True, None),
        (MIDI(0, 0x90, 60, 127), Color(0xFF0000FF), 0.5, 2**60),
    ],
)
def test_kept_values_are_small_and_look_the_same(args: Any) -> None:
    kept = kept_values(args)
    assert shown_values(kept) == shown_values(args)
    assert len(repr(kept)) < 20_000

"""Receivers that fail: messages that are sent again, and losses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.testing import running_process
from oscbridge_webhook import client

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.hook]
type = "webhook"
{options}
"""

ONE_BY_ONE = "body = '{0}'"


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MIN_DELAY", 0.02)


async def bodies(receiver: Any, count: int) -> list[bytes]:
    return [(await receiver.next()).body for _ in range(count)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
async def test_a_message_is_sent_again_until_it_is_accepted(
    start: Any, receiver: Any, status: int
) -> None:
    receiver.answer(status, status)
    bridge = await start(f"url = '{receiver.url}'\n{ONE_BY_ONE}")
    for number in (1, 2):
        bridge.offer("/a", number)
    assert await bodies(receiver, 4) == [b"1", b"1", b"1", b"2"]
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    assert any(f"answered {status}" in line for line in bridge.bridge.log)


@pytest.mark.parametrize("problem", ["hang", "reset"])
async def test_a_receiver_without_an_answer_is_shown_as_not_connected(
    start: Any, receiver: Any, problem: str
) -> None:
    receiver.answer(getattr(receiver, problem))
    bridge = await start(f"url = '{receiver.url}'\ntimeout = 0.3\n{ONE_BY_ONE}")
    bridge.offer("/a", 1)
    assert await bodies(receiver, 2) == [b"1", b"1"]
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    assert bridge.status.unreachable_errors == 1
    assert any("not connected: http://127.0.0.1:" in line for line in bridge.bridge.log)
    assert not bridge.status.problem


async def test_retry_after_in_seconds_is_honoured(start: Any, receiver: Any) -> None:
    receiver.answer(429, Retry_After="1")
    bridge = await start(f"url = '{receiver.url}'")
    loop = asyncio.get_running_loop()
    bridge.offer("/a")
    await receiver.next()
    before = loop.time()
    await receiver.next()
    assert loop.time() - before >= 0.9


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        (None, 1, 1),
        ("120", 120, 120),
        ("0", 1, 1),
        ("99999999999999999999", client.MAX_RETRY_AFTER, client.MAX_RETRY_AFTER),
        (timedelta(seconds=500), 300, 500),
        (timedelta(seconds=-500), 1, 1),
        ("soon", 1, 1),
        ("²", 1, 1),
        ("-5", 1, 1),
        ("Wed, 21 Oct 99999999999999 07:28:00 GMT", 1, 1),
    ],
    ids=[
        *("none", "seconds", "zero", "too many", "date", "past date", "word", "digit", "negative"),
        "no such year",
    ],
)
def test_delay_follows_retry_after(
    header: str | timedelta | None, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MIN_DELAY", 1.0)
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header)
    assert least <= client.retry_delay(0, header, 1.0) <= most


def test_delays_double_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MIN_DELAY", 1.0)
    delays = [client.retry_delay(failures, None, 1.0) for failures in (0, 1, 2, 5, 6, 10_000)]
    assert delays == [1, 2, 4, 32, client.MAX_DELAY, client.MAX_DELAY]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 304])
async def test_a_rejected_message_is_lost_with_the_answer(
    start: Any, receiver: Any, status: int
) -> None:
    receiver.answer(status)
    bridge = await start(f"url = '{receiver.url}'\n{ONE_BY_ONE}")
    for number in (1, 2):
        bridge.offer("/a", number)
    assert await bodies(receiver, 2) == [b"1", b"2"]
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    assert bridge.status.dropped == {"bad": 1}
    shown = "" if status == 304 else f": this is {status}"
    [line] = [line for line in bridge.bridge.log if f"answered {status}" in line]
    assert shown in line


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_to_the_same_server_keep_method_and_body(
    start: Any, receiver: Any, status: int
) -> None:
    receiver.answer(status, Location="/there?a=%20")
    bridge = await start(f"url = '{receiver.url}/here'\nmethod = 'PUT'\n{ONE_BY_ONE}")
    bridge.offer("/a", 1)
    await receiver.next()
    request = await receiver.next()
    assert (request.method, request.path, request.body) == ("PUT", "/there?a=%20", b"1")


async def test_see_other_is_an_acceptance(start: Any, receiver: Any) -> None:
    receiver.answer(303, Location="/result")
    bridge = await start(f"url = '{receiver.url}'\n{ONE_BY_ONE}")
    for number in (1, 2):
        bridge.offer("/a", number)
    assert await bodies(receiver, 2) == [b"1", b"2"]


@pytest.mark.parametrize(
    "location", ["http://localhost:{port}/", "https://127.0.0.1:{port}/", "http://127.0.0.1:1/",
                 "//other.example/", "http://[", ""]
)  # fmt: skip
async def test_redirects_to_another_server_are_not_followed(
    start: Any, receiver: Any, location: str
) -> None:
    port = receiver.url.rpartition(":")[2]
    there = location.format(port=port)
    receiver.answer(307, **({"Location": there} if there else {}))
    bridge = await start(f"url = '{receiver.url}'")
    bridge.offer("/a")
    await bridge.bridge.until(lambda: bridge.status.dropped == {"bad": 1})
    assert any(f"redirects to {there or 'nowhere'!r}" in line for line in bridge.bridge.log)


async def test_redirects_that_do_not_end_are_given_up(start: Any, receiver: Any) -> None:
    receiver.answer(*[307] * (client.MAX_REDIRECTS + 1), Location="/again")
    bridge = await start(f"url = '{receiver.url}'")
    bridge.offer("/a")
    await bridge.bridge.until(lambda: bridge.status.dropped == {"bad": 1})
    assert receiver.requests.qsize() == client.MAX_REDIRECTS + 1


async def test_an_endless_answer_does_not_hold_up_the_next_message(
    start: Any, receiver: Any
) -> None:
    receiver.answer(receiver.endless)
    bridge = await start(f"url = '{receiver.url}'\n{ONE_BY_ONE}")
    for number in (1, 2):
        bridge.offer("/a", number)
    assert await bodies(receiver, 2) == [b"1", b"2"]


async def test_an_answer_that_is_not_http_is_tried_again(start: Any) -> None:
    served = asyncio.Event()

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail ready\r\n")
        writer.close()
        served.set()

    async with await asyncio.start_server(nonsense, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        bridge = await start(f"url = 'http://127.0.0.1:{port}'")
        bridge.offer("/a")
        await bridge.bridge.until(lambda: bridge.status.unreachable_errors >= 2)
        assert bridge.status.problem


async def test_spooled_messages_survive_receiver_and_bridge(receiver: Any, tmp_path: Path) -> None:
    spool = "policy = 'spool'\nspool = { path = 'hook.spool' }"
    text = CONFIGURATION.format(options=f"url = '{receiver.url}'\n{ONE_BY_ONE}\n{spool}")
    text += "[[route]]\nfrom = 'stage'\nto = 'hook'\n"
    await receiver.stop()
    with running_process(text, folder=tmp_path) as program:
        program.send("stage", *(encode_message(Message.of("/a", each)) for each in range(20)))
        program.wait_for("not connected")
        assert program.stop() == 0
    await receiver.start()
    with running_process(text, folder=tmp_path):
        assert await bodies(receiver, 20) == [str(number).encode() for number in range(20)]

"""A message at which the broker ends the connection costs that message alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message
from oscbridge.testing import until

PUBLISH, DISCONNECT = 0x30, b"\xe0\x01"


class HostileBroker:
    """Accepts sessions and acknowledges QoS 1, but aborts the connection at the topic ``poison``.

    ``answer`` is written before.
    """

    def __init__(self, is_5: bool, answer: bytes) -> None:
        self.is_5 = is_5
        self.answer = answer
        self.topics: list[str] = []
        """The topics of all PUBLISH packets in order, without the status."""
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            first = (await reader.readexactly(1))[0]
            size = shift = 0
            while True:
                digit = (await reader.readexactly(1))[0]
                size |= (digit & 0x7F) << shift
                shift += 7
                if digit < 0x80:
                    break
            body = await reader.readexactly(size)
            if first & 0xF0 == 0x10:
                writer.write(b"\x20\x03\x00\x00\x00" if self.is_5 else b"\x20\x02\x00\x00")
            elif first & 0xF0 == PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                topic = body[2:end].decode()
                if topic.endswith("status"):
                    pass
                elif topic.startswith("poison"):
                    self.topics.append(topic)
                    writer.write(self.answer)
                    return
                else:
                    self.topics.append(topic)
                if first & 0x06:
                    writer.write(b"\x40\x02" + body[end : end + 2])


Hostile = Callable[..., Awaitable[tuple[str, HostileBroker]]]


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    servers: list[asyncio.Server] = []

    async def start(version: str = "5", answer: bytes = b"") -> tuple[str, HostileBroker]:
        broker = HostileBroker(version == "5", answer)
        server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
        servers.append(server)
        return f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", broker

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_poison_message_is_isolated_counted_and_logged(
    hostile: Any, start: Any, caplog: Any, version: str
) -> None:
    url, broker = await hostile(version)
    bridge = await start(url, f'version = "{version}"\nqos = 1\nclient_id = "me"')
    names = ["a", "b", "poison/topic", "c", "d"]
    bridge.offer(*[Message.of(f"/{name}", 1) for name in names])
    await until(lambda: bridge.status.sent == 4 and bridge.drops["poison"])
    await until(lambda: bridge.status.connected)
    assert bridge.drops == {"poison": 1}
    assert set(broker.topics) == set(names)
    assert broker.topics.count("poison/topic") == 3  # once with others, twice alone
    assert "1 s after the message to 'poison/topic'; it is not sent again" in caplog.text
    assert "another client" not in caplog.text


async def test_unacknowledged_message_before_the_end_of_the_connection_is_named(
    hostile: Any, start: Any, caplog: Any
) -> None:
    url, _ = await hostile()
    bridge = await start(url, "qos = 0")
    bridge.offer(Message.of("/poison/topic", 1))
    await until(lambda: "does it reject the message to 'poison/topic'?" in caplog.text)
    await until(lambda: bridge.status.connected)


async def test_several_poison_messages_are_each_isolated(hostile: Any, start: Any) -> None:
    url, _ = await hostile()
    bridge = await start(url, "qos = 1")
    names = ["poison/1", "a", "poison/2", "b"]
    bridge.offer(*[Message.of(f"/{name}", 1) for name in names])
    await until(lambda: bridge.status.sent == 2 and bridge.drops["poison"] == 2)
    assert bridge.drops == {"poison": 2}


async def test_poison_message_of_a_spool_is_kept_in_a_file(
    hostile: Any, start: Any, caplog: Any, tmp_path: Path
) -> None:
    url, _ = await hostile()
    path = tmp_path / "house.spool"
    options = f'qos = 1\npolicy = "spool"\nspool = {{ path = "{path}" }}'
    bridge = await start(url, options)
    bridge.send(Message.of("/poison", 1.5), Message.of("/a", 1))
    await until(lambda: bridge.status.sent == 1 and bridge.drops["poison"] == 1)
    kept = path.with_name("house.spool.rejected")
    (line,) = kept.read_text().splitlines()
    assert json.loads(line)["message"] == {
        "address": "/poison",
        "args": [{"type": "f", "value": 1.5}],
    }
    assert "'poison'" in json.loads(line)["reason"]
    assert kept.stat().st_mode & 0o077 == 0
    assert str(kept) in caplog.text


@pytest.mark.parametrize("reason", [0x8E, 0x8B])
async def test_disconnect_for_another_reason_makes_no_message_poison(
    hostile: Any, start: Any, reason: int
) -> None:
    url, broker = await hostile("5", DISCONNECT + bytes([reason]))
    bridge = await start(url, "qos = 1")
    bridge.offer(Message.of("/poison", 1), Message.of("/a", 1))
    await until(lambda: broker.topics.count("poison") == 4)
    assert not bridge.drops["poison"]

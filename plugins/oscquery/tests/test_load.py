"""A large tree, and many value changes to many listeners. The figures are those of
tests/bench/oscquery.py; here nothing may be lost, whatever the machine."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import orjson
import pytest

import oscbridge
from oscbridge.testing import running_bridge

NODES = 20_000
"""200 of them are containers."""
LISTENERS = 20
MESSAGES = 10_000

PROFILE = """
title = "large"
[[group]]
name      = "all"
status    = "documented"
source    = "this test"
addresses = [{ address = "/bank/{001..099}/ch/{001..200}/level", types = "f", range = [0, 1] }]
"""
CONFIGURATION = """
[endpoint.q]
type   = "oscquery"
listen = "127.0.0.1:0"
queue  = 20000
[endpoint.desk]
type     = "osc"
to       = "udp://127.0.0.1:9"
profile  = "{profile}"
on_start = "ignore"
[[route]]
from = "q"
to   = "desk"
[[route]]
from = "desk"
to   = "q"
"""


@pytest.fixture
def configuration(tmp_path: Path) -> str:
    profile = tmp_path / "large.toml"
    profile.write_text(PROFILE)
    return CONFIGURATION.format(profile=profile)


@pytest.mark.load
async def test_tree_of_twenty_thousand_nodes(configuration: str) -> None:
    async with running_bridge(configuration) as bridge, aiohttp.ClientSession() as session:
        took = []
        for _ in range(4):
            before = time.process_time()
            async with session.get(bridge.endpoint("q").describe()) as answer:
                body = await answer.read()
            took.append(time.process_time() - before)
        levels = orjson.loads(body)["CONTENTS"]["bank"]["CONTENTS"]["099"]["CONTENTS"]["ch"]
        assert len(levels["CONTENTS"]) == 200
        assert body.count(b'"TYPE"') == NODES - 200
        # With the client, in this process; the first one makes the texts that are kept.
        assert min(took) < 0.3, took


@pytest.mark.load
async def test_twenty_listeners_are_sent_every_value(configuration: str) -> None:
    async with running_bridge(configuration) as bridge, aiohttp.ClientSession() as session:
        url = bridge.endpoint("q").describe()
        sockets = [await session.ws_connect(url, autoping=False) for _ in range(LISTENERS)]
        for socket in sockets:
            await socket.send_json({"COMMAND": "LISTEN", "DATA": "/bank/001/ch/001/level"})
            await socket.ping()
            assert (await socket.receive()).type is aiohttp.WSMsgType.PONG

        async def read(socket: aiohttp.ClientWebSocketResponse) -> list[object]:
            found: list[object] = []
            while len(found) < MESSAGES:
                packet = oscbridge.decode_packet((await socket.receive()).data)
                assert isinstance(packet, oscbridge.Message)
                found += packet.args
            return found

        reading = [asyncio.create_task(read(socket)) for socket in sockets]
        for start in range(0, MESSAGES, 500):
            for number in range(start, start + 500):
                message = oscbridge.Message.of("/bank/001/ch/001/level", number)
                bridge.offer("q", message)
            await bridge.until(lambda: bridge.endpoint_status("q").queued == 0)
        for each in reading:
            assert await each == list(range(MESSAGES))
        assert not bridge.endpoint_status("q").client_dropped
        for socket in sockets:
            await socket.close()

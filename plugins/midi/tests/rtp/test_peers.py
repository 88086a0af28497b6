"""Sessions with programs of others: npm rtpmidi and PyPI pymidi."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from programs import find_program

import oscbridge
from oscbridge.testing import free_port, until

HERE = Path(__file__).parent
MODULES = HERE.parents[3] / "tests" / "js" / "node_modules"
WAIT = 30.0

TRIES = 50


def even_port() -> int:
    """A port for control: rtpmidi sends to even ones from its control port."""
    for _ in range(TRIES):
        if not (port := free_port()) % 2:
            return port
    raise AssertionError("no even port")


class RtpPeer:
    """A running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, part: str) -> str:
        """The next line that contains this."""
        assert self._process.stdout is not None
        async with asyncio.timeout(WAIT):
            while line := (await self._process.stdout.readline()).decode():
                if part in line:
                    return line.strip()
        raise AssertionError(f"ended without {part!r}")

    async def message(self) -> str:
        """The next message that rtpmidi has received."""
        return bytes(json.loads(await self.line('"message"'))["message"]).hex(" ")

    def send(self, *messages: str) -> None:
        """Let rtpmidi send messages in one packet."""
        assert self._process.stdin is not None
        line = json.dumps([list(bytes.fromhex(each)) for each in messages])
        self._process.stdin.write(f"{line}\n".encode())

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


Run = Callable[..., Awaitable[RtpPeer]]


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    async with AsyncExitStack() as stack:

        async def run(*command: object) -> RtpPeer:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | {"NODE_PATH": str(MODULES)},
            )
            peer = RtpPeer(process)
            stack.push_async_callback(peer.end)
            return peer

        yield run


async def node(run: Run, *arguments: object) -> RtpPeer:
    return await run(find_program("node"), HERE / "rtpmidi_peer.js", *arguments)


async def check_both_ways(bridge: Any, peer: RtpPeer) -> None:
    """Messages pass in both directions."""
    await peer.line("synchronised")
    bridge.send("/note", 1, 60, 100)
    assert await peer.message() == "90 3c 64"
    bridge.send("/control", 2, 7, 64)
    assert await peer.message() == "b1 07 40"
    bridge.send("/pitch", 1, 8192)
    assert await peer.message() == "e0 00 40"
    peer.send("91 3d 05", "81 3d 40")
    assert await bridge.receive() == oscbridge.Message.of("/note", 2, 61, 5)
    assert await bridge.receive() == oscbridge.Message.of("/note_off", 2, 61, 64)
    peer.send("c0 05")
    assert await bridge.receive() == oscbridge.Message.of("/program", 1, 5)
    assert not bridge.bad


async def test_bridge_invites_rtpmidi(start: Any, run: Run) -> None:
    port = even_port()
    peer = await node(run, port)
    await peer.line("ready")
    url = f"rtp://127.0.0.1:{port}"
    bridge = await start(f'output = "{url}"\ninput = "{url}"')
    await check_both_ways(bridge, peer)
    await bridge.stop()
    await peer.line("disconnected")


async def test_rtpmidi_invites_the_bridge(start: Any, run: Run) -> None:
    port = even_port()
    bridge = await start(f'listen = "rtp://127.0.0.1:{port}"')
    peer = await node(run, even_port(), port)
    await until(lambda: bridge.endpoint.client_count == 1)
    await check_both_ways(bridge, peer)


async def test_bridge_plays_to_pymidi(start: Any, run: Run) -> None:
    port = even_port()
    peer = await run(sys.executable, HERE / "pymidi_server.py", port)
    await peer.line("ready")
    bridge = await start(f'output = "rtp://127.0.0.1:{port}"')
    await peer.line("connected oscbridge synth")
    bridge.send("/note", 3, 60, 100)
    assert await peer.line("note_on") == "note_on 2 60 100"
    bridge.send("/note", 3, 60, 0)
    assert await peer.line("note_off") == "note_off 2 60 64"
    bridge.send("/control", 1, 7, 64)
    assert await peer.line("control") == "control_mode_change 0 7 64"
    await bridge.stop()
    await peer.line("disconnected")

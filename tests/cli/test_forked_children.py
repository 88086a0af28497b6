"""Processes that a plugin forks, with the real program: none of them is a second bridge."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, decode_packet, encode_message

Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[run]
plugins = "plugins/"
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.lamp]
type = "lamp"
[endpoint.desk]
type = "osc"
to = "udp://127.0.0.1:{port}"
[[route]]
from = "stage"
to = ["lamp", "desk"]
"""
LAMP = """
import asyncio
import os
import signal
import sys
import time

import oscbridge

def live():
    \"\"\"A child that works until it is terminated.\"\"\"
    near, far = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(far, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(near, 1)
    os.kill(pid, signal.SIGTERM)
    print("ended by", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

class Lamp(oscbridge.Endpoint):
    async def send(self, message):
        if message.address == "/fork":
            {fork}

@oscbridge.hookimpl
def oscbridge_endpoints():
    return {{"lamp": Lamp}}
"""
RETURNED = "ERROR .*a process that a plugin has forked returned to the bridge"


@pytest.fixture
def desk() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


@pytest.fixture
def start_lamp(
    start: Start, write: Write, tmp_path: Path, desk: socket.socket
) -> Callable[[str], Any]:
    def run(fork: str) -> Any:
        folder = tmp_path / "plugins"
        folder.mkdir(mode=0o700)
        (folder / "lamp.py").write_text(LAMP.format(fork=fork))
        program = start("run", write(CONFIGURATION.format(port=desk.getsockname()[1])))
        program.wait_for("Ctrl-C stops it")
        return program

    return run


@pytest.mark.parametrize(
    "fork",
    [
        "os.fork()",
        "os.fork() or sys.exit(0)",
        "os.fork() or 1 / 0",
        "await asyncio.sleep(0); os.fork()",
        "asyncio.get_running_loop().call_soon(lambda: os.fork() or sys.exit(0))",
    ],
)
def test_child_that_returns_to_the_bridge_ends(
    fork: str, start_lamp: Callable[[str], Any], desk: socket.socket, call: Callable[..., Any]
) -> None:
    program = start_lamp(fork)
    addresses = ["/fork", *(f"/{number}" for number in range(20))]
    received: list[str] = []
    for address in addresses:
        program.send("stage", encode_message(Message(address)))
        packet = decode_packet(desk.recv(1000))
        assert isinstance(packet, Message)
        received.append(packet.address)
        if address == "/fork":
            program.wait_for(RETURNED)
    assert received == addresses
    assert call("health").stdout == "ready\n"
    assert program.stop() == 0
    desk.setblocking(False)
    with pytest.raises(BlockingIOError):
        desk.recv(1000)


def test_signal_ends_a_child(start_lamp: Callable[[str], Any]) -> None:
    program = start_lamp("live()")
    program.send("stage", encode_message(Message("/fork")))
    program.wait_for(f"ended by {-signal.SIGTERM}")
    os.kill(program.process.pid, 0)
    assert program.stop() == 0

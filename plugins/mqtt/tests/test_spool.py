"""Messages in the spool while the broker is down and the bridge is killed."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message

KEPT = ("persistence true", "autosave_interval 1", "autosave_on_changes true")
COUNT = 3_000
WAIT = 30


class Program:
    """The real program, with its metrics."""

    def __init__(self, file: Path) -> None:
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("oscbridge"), "run", file],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        shown = ""
        while "Ctrl-C" not in shown:
            line = self.process.stdout.readline()
            assert line, shown
            shown += line
        self.port = int(re.findall(r"udp://127\.0\.0\.1:(\d+)", shown)[0])
        self._metrics = re.findall(r"(http://\S+)", shown)[0] + "/metrics"

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(self._metrics, timeout=10) as answer:
            text = answer.read().decode()
        return float(re.findall(rf'^{name}{{endpoint="house"}} (\S+)', text, re.MULTILINE)[0])

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    running = []

    def run(url: str) -> Program:
        file = tmp_path / "spool.toml"
        file.write_text(
            '[bridge.stage]\nlisten = "udp://127.0.0.1:0"\n'
            '[http]\nlisten = "127.0.0.1:0"\n'
            f'[endpoint.house]\ntype = "mqtt"\nbroker = "{url}"\nqos = 1\n'
            'policy = "spool"\non_start = "retry"\nspool = { path = "house.spool" }\n'
        )
        running.append(Program(file))
        return running[-1]

    yield run
    for program in running:
        if program.process.returncode is None:
            program.end(signal.SIGKILL)


def send(port: int, numbers: range) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for number in numbers:
            sock.send(encode_message(Message.of("/n", number)))


async def reached(program: Program, name: str, count: int) -> None:
    """Wait until a metric of the endpoint has reached ``count``."""
    async with asyncio.timeout(WAIT):
        while await asyncio.to_thread(program.metric, name) < count:
            await asyncio.sleep(0.02)


async def written(folder: Path) -> None:
    """Wait until the disk has taken everything: the file grows no more."""
    sizes: list[int] = []
    async with asyncio.timeout(WAIT):
        while len(sizes) < 20 or len(set(sizes[-20:])) > 1:
            sizes.append(sum(path.stat().st_size for path in folder.glob("house.spool*")))
            await asyncio.sleep(0.02)


@pytest.mark.load
async def test_spooled_messages_survive_a_killed_bridge(
    start_broker: Any, watch: Any, run: Callable[[str], Program], tmp_path: Path
) -> None:
    broker = await start_broker(*KEPT)
    watcher = await watch(broker, "n", client_id="watcher", expiry=3600)
    first = run(broker.url)
    for part in range(10):  # a burst must fit into the socket's buffer
        send(first.port, range(part * 100, part * 100 + 100))
        await reached(first, "oscbridge_endpoint_offered_messages_total", part * 100 + 100)
    await reached(first, "oscbridge_endpoint_sent_messages_total", 1_000)
    broker.end(signal.SIGKILL)
    for part in range(10, COUNT // 100):
        send(first.port, range(part * 100, part * 100 + 100))
        await reached(first, "oscbridge_endpoint_offered_messages_total", part * 100 + 100)
    await written(tmp_path)
    first.end(signal.SIGKILL)
    second = run(broker.url)
    assert second.metric("oscbridge_endpoint_offered_messages_total") >= COUNT - 1_000
    await broker.start()
    got: list[int] = []
    while len(set(got)) < COUNT:
        got.append(int((await watcher.next()).payload))
    assert list(dict.fromkeys(got)) == list(range(COUNT))
    await reached(second, "oscbridge_endpoint_connected", 1)
    assert second.end(signal.SIGTERM) == 0


async def test_spooled_messages_are_delivered_once(
    start_broker: Any, watch: Any, run: Callable[[str], Program]
) -> None:
    broker = await start_broker()
    watcher = await watch(broker, "n")
    program = run(broker.url)
    send(program.port, range(100))
    assert [int((await watcher.next()).payload) for _ in range(100)] == list(range(100))
    assert program.end(signal.SIGTERM) == 0

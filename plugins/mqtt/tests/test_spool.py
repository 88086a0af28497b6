"""Messages in the spool while the broker is down and the bridge is killed."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.testing import OscbridgeProcess, running_process

KEPT = (
    "persistence true",
    "autosave_interval 1",  # with the next line: after each change
    "autosave_on_changes true",
    "max_queued_messages 0",  # unlimited: with 1,000, the default, it drops what it acknowledged
)
COUNT = 3_000
WAIT = 30


CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[http]
listen = "127.0.0.1:0"
[endpoint.house]
type = "mqtt"
broker = "{url}"
qos = 1
policy = "spool"
on_start = "retry"
spool = {{ path = "house.spool" }}
"""

Run = Callable[[str], OscbridgeProcess]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts the program with an endpoint at a broker; all have the same spool."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(
            running_process(CONFIGURATION.format(url=url), folder=tmp_path)
        )


def metric(program: OscbridgeProcess, name: str) -> float:
    """A metric of the endpoint."""
    [address] = re.findall(r"http +(http://\S+)", program.output)
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return float(re.findall(rf'^{name}{{endpoint="house"}} (\S+)', text, re.MULTILINE)[0])


def send(program: OscbridgeProcess, numbers: range) -> None:
    program.send("stage", *(encode_message(Message.of("/n", number)) for number in numbers))


async def reached(program: OscbridgeProcess, name: str, count: int) -> None:
    """Wait until a metric of the endpoint has reached ``count``."""
    async with asyncio.timeout(WAIT):
        while await asyncio.to_thread(metric, program, name) < count:
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
    start_broker: Any, watch: Any, run: Run, tmp_path: Path
) -> None:
    broker = await start_broker(*KEPT)
    watcher = await watch(broker, "n", client_id="watcher", expiry=3600)
    first = run(broker.url)
    for part in range(10):  # a burst must fit into the socket's buffer
        send(first, range(part * 100, part * 100 + 100))
        await reached(first, "oscbridge_endpoint_offered_messages_total", part * 100 + 100)
    await reached(first, "oscbridge_endpoint_sent_messages_total", 1_000)
    broker.end(signal.SIGTERM)  # it keeps what it has acknowledged
    for part in range(10, COUNT // 100):
        send(first, range(part * 100, part * 100 + 100))
        await reached(first, "oscbridge_endpoint_offered_messages_total", part * 100 + 100)
    await written(tmp_path)
    first.stop(signal.SIGKILL)
    second = run(broker.url)
    assert metric(second, "oscbridge_endpoint_offered_messages_total") >= COUNT - 1_000
    broker.start()
    got: list[int] = []
    while len(set(got)) < COUNT:
        got.append(int((await watcher.next()).payload))
    assert list(dict.fromkeys(got)) == list(range(COUNT))
    await reached(second, "oscbridge_endpoint_connected", 1)
    assert second.stop(signal.SIGTERM, 10) == 0


async def test_spooled_messages_are_delivered_once(start_broker: Any, watch: Any, run: Run) -> None:
    broker = await start_broker()
    watcher = await watch(broker, "n")
    program = run(broker.url)
    send(program, range(100))
    assert [int((await watcher.next()).payload) for _ in range(100)] == list(range(100))
    assert program.stop(signal.SIGTERM, 10) == 0


CARRYING = (
    CONFIGURATION
    + """
[variables]
page = 1
[[route]]
from = "stage"
match = "/m/{{n}}"
let = {{ "größe" = "x * 2", name = "lower(y)", is_loud = "x > 2" }}
set = {{ page = "var.page + 1" }}
to = "house"
[route.mqtt]
topic = "desk/{{= name}}/{{n}}/{{= var.page}}"
payload = '{{"db": {{= größe}}, "raw": {{= x}}, "text": "{{= name}} {{= is_loud}}"}}'
"""
)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_values_of_let_and_variables_survive_a_restart_in_the_spool(
    end: signal.Signals, start_broker: Any, watch: Any, tmp_path: Path
) -> None:
    broker = await start_broker(*KEPT)
    watcher = await watch(broker, "desk/#", client_id="watcher", expiry=3600)
    broker.end(signal.SIGTERM)  # which saves the session of the watcher
    text = CARRYING.format(url=broker.url)
    with running_process(text, folder=tmp_path) as first:
        names = ("A", "Ü ", "'\"\\")
        messages = [Message.of(f"/m/{n}", n + 0.5, name) for n, name in enumerate(names, 1)]
        first.send("stage", *map(encode_message, messages))
        await reached(first, "oscbridge_endpoint_offered_messages_total", 3)
        await written(tmp_path)
        first.stop(end)
    with running_process(text, folder=tmp_path) as second:
        assert metric(second, "oscbridge_endpoint_offered_messages_total") == 3
        broker.start()
        got = [await watcher.next() for _ in names]
        assert [(each.topic, json.loads(each.payload)) for each in got] == [
            ("desk/a/1/2", {"db": 3.0, "raw": 1.5, "text": "a false"}),
            ("desk/ü /2/3", {"db": 5.0, "raw": 2.5, "text": "ü  true"}),
            ("desk/'\"\\/3/4", {"db": 7.0, "raw": 3.5, "text": "'\"\\ true"}),
        ]
        second.send("stage", encode_message(Message.of("/m/4", 0.0, "NEW")))
        assert (await watcher.next()).topic == "desk/new/4/2"

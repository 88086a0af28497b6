"""The policy ``spool``: TCP clients wait for the disk, UDP and other endpoints do not."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from spool_harness import WAIT, Sink, offer, started, until

from oscbridge import Message
from oscbridge.bridge.sinks.spool import queue as queue_module
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.schema import StoredBlock
from oscbridge.testing import RunningBridge, running_bridge

TOTAL = 3_000

CONFIGURATION = """
[bridge.tcp]
listen = "{scheme}://127.0.0.1:0"
mode = "{mode}"
[bridge.udp]
listen = "udp://127.0.0.1:0"
[endpoint.kept]
type = "recording"
policy = "spool"
queue = 100
[endpoint.kept.spool]
path = "{path}"
[endpoint.other]
type = "recording"
[[route]]
from = "tcp"
to = ["kept", "other"]
[[route]]
from = "udp"
to = ["kept", "other"]
"""


class Disk:
    """Writes while it is not stuck."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.is_waited_for = threading.Event()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    append = SpoolDatabase.append

    def write(store: SpoolDatabase, blocks: Sequence[StoredBlock], done: int) -> None:
        if not disk.works.is_set():
            disk.is_waited_for.set()
            disk.works.wait(WAIT)
        append(store, blocks, done)

    monkeypatch.setattr(SpoolDatabase, "append", write)
    yield disk
    disk.works.set()


@contextlib.contextmanager
def sending(bridge: RunningBridge) -> Iterator[None]:
    """Send numbers over TCP on a thread, which waits while the bridge does not read."""
    messages = [Message.of("/n", number) for number in range(TOTAL)]
    thread = threading.Thread(target=bridge.send, args=("tcp", *messages))
    thread.start()
    yield
    thread.join(WAIT)
    assert not thread.is_alive()


def numbers(bridge: RunningBridge, name: str, address: str = "/n") -> list[object]:
    return [each.args[0] for each in bridge.recording(name).messages if each.address == address]


@pytest.mark.parametrize("scheme", ["tcp", "tcp+1.0"])
async def test_tcp_waits_for_the_disk_and_udp_does_not(path: Path, disk: Disk, scheme: str) -> None:
    text = CONFIGURATION.format(scheme=scheme, mode="asyncio", path=path)
    async with running_bridge(text, installed=False) as bridge:
        disk.works.clear()
        with sending(bridge):
            await until(lambda: bridge.endpoint_status("kept").queued > 50, WAIT)
            await until(disk.is_waited_for.is_set, WAIT)
            bridge.send("udp", *[Message.of("/udp", number) for number in range(20)])
            await until(lambda: len(numbers(bridge, "other", "/udp")) == 20, WAIT)
            for _ in range(20):
                await asyncio.sleep(0)
            assert bridge.bridge_status("tcp").received.messages < 200
            disk.works.set()
            await until(lambda: len(numbers(bridge, "kept")) == TOTAL, WAIT)
        assert numbers(bridge, "kept") == numbers(bridge, "other") == list(range(TOTAL))
        assert numbers(bridge, "kept", "/udp") == list(range(20))
        assert not bridge.endpoint_status("kept").dropped


async def test_udp_above_the_room_is_dropped(path: Path, disk: Disk) -> None:
    text = CONFIGURATION.format(scheme="tcp", mode="asyncio", path=path)
    async with running_bridge(text, installed=False) as bridge:
        disk.works.clear()
        bridge.send("udp", Message.of("/udp", -1))
        await until(disk.is_waited_for.is_set, WAIT)
        bridge.send("udp", *[Message.of("/udp", number) for number in range(150)])
        await until(lambda: len(numbers(bridge, "other", "/udp")) == 151, WAIT)
        assert bridge.endpoint_status("kept").dropped == {"full": 50}
        disk.works.set()
        await until(lambda: len(numbers(bridge, "kept", "/udp")) == 101, WAIT)


async def test_other_endpoints_do_not_wait_for_a_disk_that_hangs(
    path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Sink()
    async with started(sink, path, queue_size=100) as runner:
        disk.works.clear()
        offer(runner, 0)
        await until(disk.is_waited_for.is_set, WAIT)
        offer(runner, *range(1, 52))
        assert runner.backpressure.is_active
        runner.flush_reports()
        await asyncio.sleep(0)
        assert runner.backpressure.is_active, "it has not waited for long"
        monkeypatch.setattr(queue_module, "MAX_PAUSE", 0.0)
        runner.flush_reports()
        await until(lambda: not runner.backpressure.is_active, WAIT)
        offer(runner, *range(52, 152))
        assert not runner.backpressure.is_active
        assert runner.drops == {"full": 51}
        disk.works.set()
        await until(lambda: runner.sent == 101, WAIT)
        disk.works.clear()
        offer(runner, *range(152, 203))
        assert runner.backpressure.is_active
        disk.works.set()
        await until(lambda: runner.sent == 152 and not runner.backpressure.is_active, WAIT)

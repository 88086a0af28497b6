"""The policy ``spool``: what is on disk is delivered, whatever is killed, full or damaged."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import repeat
from pathlib import Path

import pytest

import oscbridge
from oscbridge import (
    BadMessage,
    ConfigurationError,
    Endpoint,
    EndpointError,
    Message,
    NotConnected,
    Options,
    Origin,
    Routed,
)
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sinks.spool import index as backlog_module
from oscbridge.bridge.sinks.spool import thread as module
from oscbridge.bridge.sinks.spool import writer as keeper_module
from oscbridge.bridge.sinks.spool.database import Pack, SpoolDatabase
from oscbridge.bridge.sinks.spool.queue import SpoolQueue
from oscbridge.bridge.sinks.spool.writer import SpoolBounds
from oscbridge.dispatcher import Dispatcher
from oscbridge.tcp_client import SimpleTCPClient

WAIT = 20.0
PROGRAM = str(Path(sys.executable).with_name("oscbridge"))


class Sink(Endpoint):
    """Takes batches, while it is up. An address that begins with ``/loose`` is not kept."""

    class Options(oscbridge.Options):
        mark: int = 0

    class RouteOptions(oscbridge.Options):
        topic: str = ""

    def __init__(self, name: str = "sink", options: oscbridge.Options | None = None) -> None:
        super().__init__(name, options or self.Options())
        self.messages: list[Message] = []
        self.up = True
        self.stuck = False
        self.bad: list[tuple[object, ...]] = []

    async def connect(self) -> None:
        if not self.up:
            raise NotConnected("away")

    async def send_batch(self, messages: Sequence[Message]) -> None:
        if not self.up:
            raise NotConnected("away")
        if self.stuck:
            await asyncio.Event().wait()
        for index, message in enumerate(messages):
            if message.args[:1] in self.bad:
                raise BadMessage("no", sent=index)
            self.messages.append(message)

    def keeps(self, message: Message) -> bool:
        return not message.address.startswith("/loose")

    @property
    def values(self) -> list[object]:
        return [message.args[0] for message in self.messages]


class Away(Sink):
    """The same, and down until it is told otherwise."""

    def __init__(self, name: str = "sink", options: oscbridge.Options | None = None) -> None:
        super().__init__(name, options)
        self.up = False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "house.spool"


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread outlives its endpoint."""
    yield
    assert [each.name for each in threading.enumerate() if each.name.startswith("spool")] == []


def make(
    endpoint: Endpoint,
    path: Path,
    size: int = 100_000_000,
    age: float = 1e6,
    outbox: int = 10_000,
    on_start: str = "retry",
) -> EndpointRunner:
    options = RunnerOptions("spool", on_start, outbox, SpoolBounds(path, size, age))  # type: ignore[arg-type]
    return EndpointRunner(endpoint, "sink", options, waits=lambda: repeat(0.01))


@asynccontextmanager
async def started(
    endpoint: Endpoint, path: Path, **options: object
) -> AsyncIterator[EndpointRunner]:
    """One that runs. At its end every message is accounted for."""
    delivery = make(endpoint, path, **options)  # type: ignore[arg-type]
    await delivery.start()
    try:
        yield delivery
    finally:
        await delivery.stop(0.05)
        assert delivery.offered == (delivery.sent + sum(delivery.drops.values()) + delivery.queued)


def value(number: int, address: str = "/n") -> Message:
    return Message(address, "i", (number,))


def offer(delivery: EndpointRunner, *numbers: int) -> None:
    for number in numbers:
        delivery.offer(value(number))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.002)


def spool_of(delivery: EndpointRunner) -> SpoolQueue:
    outbox = delivery._queue
    assert isinstance(outbox, SpoolQueue)
    return outbox


async def safe(delivery: EndpointRunner) -> None:
    """Wait until everything that can be is on disk."""
    await until(lambda: not spool_of(delivery).unsafe)


# --- delivery ----------------------------------------------------------------------------------


async def test_messages_are_delivered_in_order_with_all_that_they_have(path: Path) -> None:
    sink = Sink()
    route = Routed(Sink.RouteOptions(topic="a"), {"n": "3"})
    messages = [
        Message("/a", "f", (0.5,), None, Origin("stage", ("10.0.0.7", 1)), route),
        Message("/b", "[ii]s", ([1, 2], "x")),
        *map(value, range(1_000)),
    ]
    async with started(sink, path) as delivery:
        for message in messages:
            delivery.offer(message)
        await until(lambda: len(sink.messages) == len(messages))
    assert sink.messages == messages
    assert (delivery.offered, delivery.sent, delivery.queued) == (1_002, 1_002, 0)


async def test_what_could_not_be_delivered_is_there_after_a_restart(path: Path) -> None:
    route = Routed(Sink.RouteOptions(topic="a"), {"n": "3"})
    messages = [Message("/a", "i", (n,), None, Origin("in", None), route) for n in range(500)]
    async with started(Away(), path) as delivery:
        for message in messages:
            delivery.offer(message)
    assert (delivery.sent, delivery.drops, delivery.queued) == (0, {}, 500)
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: len(sink.messages) == 500)
        offer(delivery, 500)
        await until(lambda: len(sink.messages) == 501)
    assert sink.messages == [*messages, value(500)]
    assert (delivery.offered, delivery.sent, delivery.queued) == (501, 501, 0)


async def test_nothing_comes_twice_after_it_was_delivered(path: Path) -> None:
    async with started(Sink(), path) as delivery:
        offer(delivery, *range(100))
        await until(lambda: delivery.sent == 100)
    sink = Sink()
    async with started(sink, path) as delivery:
        assert delivery.offered == 0
        offer(delivery, 100)
        await until(lambda: delivery.sent == 1)
    assert sink.values == [100]


async def test_an_outage_of_the_sink_loses_nothing(path: Path) -> None:
    sink = Sink()
    async with started(sink, path, outbox=1_000) as delivery:
        for number in range(5_000):
            offer(delivery, number)
            if number % 500 == 0:
                sink.up = not sink.up
                await safe(delivery)
        sink.up = True
        await until(lambda: delivery.sent == 5_000)
    assert sink.values == [*range(5_000)]
    assert delivery.drops == {}


async def test_what_waits_is_read_again_when_memory_holds_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "WINDOW", 50)
    sink = Away()
    async with started(sink, path) as delivery:
        offer(delivery, *range(5_000))
        await safe(delivery)
        assert delivery.queued == 5_000
        sink.up = True
        await until(lambda: delivery.sent == 5_000)
    assert sink.values == [*range(5_000)]


async def test_messages_that_are_not_kept_come_in_their_place_and_are_gone_after_a_restart(
    path: Path,
) -> None:
    sink = Away()
    async with started(sink, path) as delivery:
        for number in range(10):
            delivery.offer(value(number, "/loose" if number % 2 else "/n"))
        sink.up = True
        await until(lambda: delivery.sent == 10)
        assert sink.values == [*range(10)]
        sink.up = False
        for number in range(10):
            delivery.offer(value(number, "/loose" if number % 2 else "/n"))
        await until(lambda: spool_of(delivery).unsafe == 5)
    assert delivery.drops == {"stopped": 5}
    assert delivery.queued == 5
    again = Sink()
    async with started(again, path) as delivery:
        await until(lambda: delivery.sent == 5)
    assert again.values == [0, 2, 4, 6, 8]


async def test_a_message_that_is_lost_is_gone_from_the_disk_too(path: Path) -> None:
    sink = Sink()
    sink.bad = [(3,)]
    async with started(sink, path) as delivery:
        offer(delivery, *range(6))
        await until(lambda: delivery.sent == 5)
    assert delivery.drops == {"bad": 1}
    async with started(Sink(), path) as delivery:
        assert delivery.offered == 0


async def test_a_plugin_that_cannot_say_what_it_keeps_has_it_kept_by_memory(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Sink):
        def keeps(self, message: Message) -> bool:
            raise RuntimeError("no idea")

    sink = Broken()
    async with started(sink, path) as delivery:
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
    assert "a message to /n cannot be kept on disk: no idea" in caplog.text


async def test_a_message_that_is_no_osc_is_delivered_from_memory(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink()
    async with started(sink, path) as delivery:
        offer(delivery, 1)
        delivery.offer(Message("/n", "i", ("no number",)))
        offer(delivery, 2)
        await until(lambda: delivery.sent == 3)
    assert sink.values == [1, "no number", 2]
    assert "cannot be kept on disk: /n ,i: argument 0" in caplog.text


async def test_many_threads_may_put_messages_in(path: Path) -> None:
    sink = Sink()

    def work(thread: int) -> None:
        for number in range(1_000):
            delivery.offer(value(thread * 1_000 + number))

    async with started(sink, path) as delivery:
        await asyncio.gather(*(asyncio.to_thread(work, thread) for thread in range(4)))
        await until(lambda: delivery.sent == 4_000)
    for thread in range(4):
        mine = [each for each in sink.values if each // 1_000 == thread]  # type: ignore[operator]
        assert mine == [*range(thread * 1_000, thread * 1_000 + 1_000)]


# --- transactions ------------------------------------------------------------------------------


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Messages of each transaction, from now on; the next one is a minute away."""
    monkeypatch.setattr(module, "WRITE_INTERVAL", 60.0)
    written: list[int] = []
    append = SpoolDatabase.append

    def count(store: SpoolDatabase, packs: Sequence[Pack], done: int) -> None:
        written.append(sum(pack.messages for pack in packs))
        append(store, packs, done)

    monkeypatch.setattr(SpoolDatabase, "append", count)
    return written


async def test_messages_of_a_stream_share_a_transaction_until_they_are_many(
    path: Path, writes: list[int]
) -> None:
    sink = Sink()
    async with started(sink, path, outbox=100) as delivery:
        for number in range(51):
            offer(delivery, number)
            await asyncio.sleep(0)
        assert writes == []
        offer(delivery, 51)
        await until(lambda: len(sink.messages) == 52)
        assert writes == [52]


async def test_a_stop_waits_for_no_more_messages(path: Path, writes: list[int]) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, 1, 2, 3)
    assert writes == [3]


# --- bounds ------------------------------------------------------------------------------------


async def test_beyond_its_size_the_oldest_are_dropped_and_counted(path: Path) -> None:
    sink = Away()
    async with started(sink, path, size=1 << 20) as delivery:
        for number in range(100):
            delivery.offer(Message("/n", "ib", (number, bytes(50_000))))
            await safe(delivery)
        await until(lambda: delivery.drops["full"] > 70)
        assert delivery.queued + delivery.drops["full"] == 100
        sink.up = True
        await until(lambda: not delivery.queued)
    assert sink.values == [*range(delivery.drops["full"], 100)]
    assert 15 <= delivery.sent <= 25


async def test_a_message_larger_than_the_whole_spool_drops_no_other(path: Path) -> None:
    sink = Away()
    async with started(sink, path, size=1 << 20) as delivery:
        offer(delivery, 1)
        delivery.offer(Message("/n", "ib", (2, bytes(2 << 20))))
        offer(delivery, 3)
        await until(lambda: delivery.drops["full"] == 1)
        sink.up = True
        await until(lambda: delivery.sent == 2)
    assert sink.values == [1, 3]


async def test_what_is_too_old_is_dropped_and_counted(path: Path) -> None:
    sink = Away()
    async with started(sink, path, age=0.2) as delivery:
        offer(delivery, *range(10))
        await until(lambda: delivery.drops == {"expired": 10})
        assert delivery.queued == 0
        offer(delivery, 10)
        await safe(delivery)
        sink.up = True
        await until(lambda: delivery.sent + delivery.drops["expired"] == 11)


async def test_what_has_become_too_old_is_not_delivered_after_a_restart(path: Path) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(3_000))
    await asyncio.sleep(0.05)
    sink = Sink()
    async with started(sink, path, age=0.05) as delivery:
        await until(lambda: delivery.drops == {"expired": 3_000})
    assert sink.messages == []
    assert delivery.offered == 3_000


async def test_what_comes_faster_than_the_disk_takes_it_is_dropped_and_counted(path: Path) -> None:
    sink = Sink()
    async with started(sink, path, outbox=10) as delivery:
        offer(delivery, *range(1_000))
        await until(lambda: not delivery.queued)
    assert delivery.sent + delivery.drops["full"] == 1_000
    assert delivery.drops["full"] >= 900
    assert sink.values[-10:] == [*range(990, 1_000)]


# --- stop --------------------------------------------------------------------------------------


async def test_what_has_just_come_in_is_written_before_the_end(path: Path) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(5_000))
    assert (delivery.queued, delivery.drops) == (5_000, {})
    async with started(Away(), path) as delivery:
        assert delivery.queued == 5_000


async def test_what_was_being_delivered_is_delivered_the_next_time(path: Path) -> None:
    sink = Sink()
    sink.stuck = True
    async with started(sink, path) as delivery:
        offer(delivery, *range(10))
        await until(lambda: delivery.queued == 10 and not spool_of(delivery).unsafe)
    assert (delivery.queued, delivery.drops) == (10, {})
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 10)
    assert sink.values == [*range(10)]


async def test_a_stop_delivers_what_waits(path: Path) -> None:
    sink = Sink()
    delivery = make(sink, path)
    await delivery.start()
    offer(delivery, *range(2_000))
    await delivery.stop(WAIT)
    assert sink.values == [*range(2_000)]


async def test_an_endpoint_that_is_left_alone_keeps_its_file(path: Path) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(5))
    async with started(Away(), path, on_start="ignore") as delivery:
        offer(delivery, 5)
    assert (delivery.queued, delivery.drops) == (5, {"closed": 1})


async def test_a_stop_says_how_many_wait(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with started(Away(), path) as delivery:
        offer(delivery, *range(7))
    assert "7 messages kept on disk" in caplog.text


# --- the file ----------------------------------------------------------------------------------


@pytest.fixture
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file, with one message in it, until it reads a line."""
    code = (
        "import sys, pathlib\n"
        "from oscbridge import Message\n"
        "from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer, pack\n"
        "from oscbridge.bridge.sinks.spool.database import Pack, SpoolDatabase\n"
        "store = SpoolDatabase(pathlib.Path(sys.argv[1]))\n"
        "record = SpoolSerializer(None).encode(Message('/n', 'i', (-1,)))\n"
        "store.append([Pack(1, 1, pack([record]))])\n"
        "print('open', flush=True)\n"
        "sys.stdin.readline()\n"
        "store.close()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.communicate()


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=WAIT)


async def test_a_start_waits_for_another_that_is_about_to_end(
    path: Path, held: subprocess.Popen[str]
) -> None:
    sink = Sink()
    delivery = make(sink, path, on_start="error")
    delivery.open()
    offer(delivery, 0, 1, 2)
    starting = asyncio.ensure_future(delivery.start())
    await asyncio.sleep(0.05)
    assert (starting.done(), delivery.queued, delivery.drops) == (False, 3, {})
    await asyncio.to_thread(let_go, held)
    async with asyncio.timeout(WAIT):
        await starting
    await until(lambda: delivery.sent == 4)
    await delivery.stop()
    assert sink.values == [-1, 0, 1, 2]
    assert delivery.offered == 4


async def test_a_file_that_another_keeps_may_be_an_error_at_the_start(
    path: Path, held: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCKED_TIMEOUT", 0.1)
    delivery = make(Sink(), path, on_start="error")
    with pytest.raises(EndpointError, match="another bridge uses it; give each its own") as caught:
        await delivery.start()
    await delivery.stop()
    assert str(caught.value).startswith(f"{path}: ")


async def test_while_another_keeps_the_file_messages_go_on_in_memory(
    path: Path,
    held: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "LOCKED_TIMEOUT", 0.1)
    monkeypatch.setattr(keeper_module, "RETRY", 0.05)
    sink = Sink()
    async with started(sink, path) as delivery:
        offer(delivery, *range(5))
        await until(lambda: delivery.sent == 5)
        fault = "another bridge uses it; give each its own with 'path'; messages are not safe"
        await until(lambda: fault in caplog.text)
        await asyncio.to_thread(let_go, held)
        await until(lambda: delivery.sent == 6)
        offer(delivery, 5)
        await until(lambda: delivery.sent == 7)
    assert sink.values == [0, 1, 2, 3, 4, -1, 5]
    assert "new messages are safe again" in caplog.text


async def test_a_place_that_cannot_be_written_fails_the_start_if_it_is_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    delivery = make(Sink(), tmp_path / "file" / "x.spool", on_start="error")
    with pytest.raises(EndpointError, match=r"file/x\.spool: a part of the way there is a file"):
        await delivery.start()
    await delivery.stop()


async def test_a_place_that_cannot_be_written_is_told_and_messages_go_on_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "RETRY", 0.05)
    folder = tmp_path / "folder"
    folder.touch()
    sink = Away()
    async with started(sink, folder / "x.spool", outbox=10) as delivery:
        for number in range(12):
            offer(delivery, number)
            await until(lambda: not spool_of(delivery).unwritten)
        await until(lambda: delivery.drops == {"full": 2})
        sink.up = True
        await until(lambda: delivery.sent == 10)
        sink.up = False
        folder.unlink()
        await until(lambda: (folder / "x.spool").exists())
        offer(delivery, *range(5))
        await safe(delivery)
    assert sink.values == [*range(2, 12)]
    assert "messages are not safe until that is mended" in caplog.text
    assert delivery.queued == 5


async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"noise" * 1000)
    sink = Sink()
    async with started(sink, path, on_start="error") as delivery:
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
    assert "it is damaged; it is house.spool.damaged-1 now, and a new one is begun" in caplog.text
    assert path.with_name("house.spool.damaged-1").exists()


async def test_damage_that_is_found_later_loses_only_what_has_not_been_read(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "WINDOW", 10)
    async with started(Away(), path) as delivery:
        for number in range(600):  # many packs
            offer(delivery, number)
            if number % 10 == 0:
                await safe(delivery)
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third:-third] = b"\xa5" * (len(content) - 2 * third)
    path.write_bytes(content)
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.drops["unreadable"] > 0)
        await until(lambda: not delivery.queued)
        offer(delivery, 600)
        await until(lambda: sink.values[-1:] == [600])
    assert sink.values == [*range(len(sink.values) - 1), 600]
    assert delivery.sent > 10
    assert delivery.sent + delivery.drops["unreadable"] == delivery.offered == 601
    assert "it is damaged; it is house.spool.damaged-1 now" in caplog.text
    async with started(Sink(), path) as delivery:
        assert delivery.offered == 0


async def test_a_file_that_is_removed_meanwhile_is_made_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Away()
    async with started(sink, path) as delivery:
        offer(delivery, *range(3))
        await safe(delivery)
        path.unlink()
        offer(delivery, *range(3, 6))
        await until(lambda: path.exists())
        await until(lambda: spool_of(delivery).unsafe == 3)
        sink.up = True
        await until(lambda: delivery.sent == 6)
    assert sink.values == [*range(6)]
    assert "somebody has removed it; a new one is begun" in caplog.text


async def test_a_message_that_nobody_can_read_any_more_is_dropped_and_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Newer(Sink):
        class RouteOptions(oscbridge.Options):
            channel: int

    route = Routed(Sink.RouteOptions(topic="a"), {})
    async with started(Away(), path) as delivery:
        offer(delivery, 0)
        delivery.offer(Message("/n", "i", (1,), route=route))
        offer(delivery, 2)
    sink = Newer()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 2)
        await until(lambda: not delivery.queued)
    assert sink.values == [0, 2]
    assert delivery.drops == {"unreadable": 1}
    assert "a message cannot be read" in caplog.text


async def test_packs_that_are_missing_are_counted_and_passed_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "PACK", 1)
    async with started(Away(), path) as delivery:
        offer(delivery, *range(10))
    database = sqlite3.connect(path)
    database.execute("DELETE FROM pack WHERE last IN (1, 5, 6)")
    database.commit()
    database.close()
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: not delivery.queued)
    assert sink.values == [1, 2, 3, 6, 7, 8, 9]
    assert delivery.drops == {"unreadable": 3}


FULL_DISK = """
import asyncio, resource, sys
from itertools import repeat
from pathlib import Path
from oscbridge import Endpoint, Message, NotConnected, Options
from oscbridge.bridge.sinks.spool import writer as keeper
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner

keeper.RETRY = 0.05
got, up = [], False

class Sink(Endpoint):
    async def connect(self):
        if not up:
            raise NotConnected("away")

    async def send_batch(self, messages):
        got.extend(message.args[0] for message in messages)

async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)

async def main():
    global up
    bounds = keeper.SpoolBounds(Path(sys.argv[1]), 1 << 30, 1e6)
    options = RunnerOptions("spool", "error", 1000, bounds)
    delivery = EndpointRunner(
        Sink("sink", Options()), "sink", options, waits=lambda: repeat(0.01)
    )
    up = True
    await delivery.start()
    up = False
    delivery.endpoint.lost(NotConnected("away"))
    spool = delivery._queue
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    for number in range(100):
        delivery.offer(Message("/n", "ib", (number, bytes(10_000))))
        await until(lambda: not spool.unwritten)
    assert 0 < spool.unsafe < 100, spool.unsafe
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if sys.argv[2] == "room":
        no_limit = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (no_limit, no_limit))
    else:
        up = True
        await until(lambda: delivery.sent == 100)
    before = spool.unsafe
    await asyncio.sleep(0.1)
    up = False
    delivery.endpoint.lost(NotConnected("away"))
    delivery.offer(Message("/n", "ib", (100, bytes(10_000))))
    await until(lambda: not spool.unwritten)
    assert spool.unsafe == before, (spool.unsafe, before)
    up = True
    await until(lambda: delivery.sent == 101)
    await delivery.stop()
    assert got == list(range(101)), got
    assert delivery.drops == {} and delivery.offered == 101

asyncio.run(main())
"""


@pytest.mark.parametrize("after", ["room", "delivery"])
def test_when_the_disk_takes_no_more_messages_go_on_in_memory_and_are_safe_again_after_it(
    after: str, path: Path
) -> None:
    """There is room again, or all that was on disk has been delivered."""
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), after],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert result.returncode == 0, result.stderr
    assert "messages are not safe until that is mended" in result.stderr


# --- its configuration -------------------------------------------------------------------------


def bounds(text: str, directory: Path | None = None) -> SpoolBounds | None:
    text = f'[endpoint.house]\ntype = "sink"\n{text}'
    return parse(text, {"sink": Sink}, "x.toml", directory).endpoints["house"].delivery.spool


def fault(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, {"sink": Sink}, "x.toml")
    return str(caught.value)


def test_a_spool_has_its_place_among_the_states_of_programs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "oscbridge" / "house.spool"
    assert bounds('policy = "spool"') == SpoolBounds(file, 100_000_000, 604_800.0)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = bounds('policy = "spool"')
    assert found is not None
    assert found.path == tmp_path / ".local" / "state" / "oscbridge" / "house.spool"


def test_a_relative_path_begins_at_the_folder_of_the_configuration(tmp_path: Path) -> None:
    found = bounds('policy = "spool"\nspool = { path = "a/b.spool", max_size = 2000000 }', tmp_path)
    assert found == SpoolBounds(tmp_path / "a" / "b.spool", 2_000_000, 604_800.0)


def test_without_the_policy_there_is_no_file() -> None:
    assert bounds('policy = "latest"') is None


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            "spool.max_size = 10",
            "endpoint.a.spool.max_size = 10: must be at least 1048576; the default is",
        ),
        (
            "spool.max_age = 0",
            "endpoint.a.spool.max_age = 0: must be at least 1.0; the default is 604800.0",
        ),
        ("spool.path = 5", "endpoint.a.spool.path = 5: expected the name of a file, in quotes"),
        ('spool.path = ""', "endpoint.a.spool.path = '': expected the name of a file, in quotes"),
        ('spool.pth = "x"', "endpoint.a.spool.pth: unknown key; did you mean 'path'?"),
        ("spool = 5", "endpoint.a.spool = 5:"),
    ],
)
def test_a_fault_of_a_spool_is_one_clear_line(lines: str, text: str) -> None:
    found = fault(f'[endpoint.a]\ntype = "sink"\npolicy = "spool"\n{lines}')
    assert found.startswith(f"x.toml: {text}")
    assert "\n" not in found


def test_two_endpoints_do_not_share_a_file() -> None:
    one = '[endpoint.{}]\ntype = "sink"\npolicy = "spool"\nspool.path = "{}"\n'
    found = fault(one.format("a", "x/y.spool") + one.format("b", "x/../x/y.spool"))
    assert re.fullmatch(
        r"x\.toml: endpoint\.b\.spool\.path: /\S+/x/y\.spool is the file of endpoint\.a; "
        "give each its own",
        found,
    )


def test_a_file_without_the_policy_is_a_fault() -> None:
    assert fault('[endpoint.a]\ntype = "sink"\nspool.max_size = 2000000') == (
        "x.toml: endpoint.a.spool: nothing is on disk, as its policy is 'drop_oldest'; "
        'set policy = "spool"'
    )


# --- reload ------------------------------------------------------------------------------------

Running = Callable[..., AbstractAsyncContextManager[App]]

RELOAD = """
[bridge.in]
listen = "udp://127.0.0.1:0"
[endpoint.out]
type = "{type}"
mark = {mark}
policy = "spool"
on_start = "retry"
spool.path = "{path}"
[[route]]
from = "in"
to = "out"
sink = {{ topic = "a" }}
"""


async def test_a_reload_that_makes_the_endpoint_anew_hands_over_what_waits(
    running: Running, types: dict[str, type[Endpoint]], path: Path
) -> None:
    types["sink"] = Sink
    before = RELOAD.format(type="sink", mark=1, path=path)
    async with running(before) as app:
        old = app.endpoints["out"]
        assert isinstance(old.endpoint, Sink)
        old.endpoint.up = False
        old.endpoint.lost(NotConnected("away"))
        route = app.routes[0].route.tail.out({"n": "1"})
        for number in range(1_000):
            route(value(number))
        reloading = asyncio.ensure_future(
            app.reload(parse(before.replace("= 1", "= 2"), types, "x"))
        )
        number = 1_000
        while not reloading.done():
            app.routes[0].route.tail.out({"n": "1"})(value(number))
            number += 1
            await asyncio.sleep(0.001)
        await reloading
        new = app.endpoints["out"]
        assert new is not old
        sink = new.endpoint
        assert isinstance(sink, Sink)
        await until(lambda: len(sink.messages) >= number)
        assert sink.values == [*range(number)]
        assert sink.messages[0].route == Routed(Sink.RouteOptions(topic="a"), {"n": "1"})
        assert old.drops == new.drops == {}
        assert old.offered == old.queued + old.sent


async def test_a_reload_that_is_refused_leaves_the_spool_as_it_was(
    running: Running, types: dict[str, type[Endpoint]], path: Path
) -> None:
    types["sink"] = Sink
    text = RELOAD.format(type="sink", mark=1, path=path)
    async with running(text) as app:
        taken = app.listeners["in"].address.port
        other = text.replace("mark = 1", "mark = 2") + (
            f'[bridge.more]\nlisten = "udp://127.0.0.1:{taken}"\n'
        )
        with pytest.raises(Exception, match="already in use"):
            await app.reload(parse(other, types, "x"))
        delivery = app.endpoints["out"]
        offer(delivery, *range(5))
        await until(lambda: delivery.sent == 5)


# --- kill -9 -----------------------------------------------------------------------------------

BRIDGE = """
[bridge.in]
listen = "tcp://127.0.0.1:0"
[endpoint.out]
type = "osc"
to = "tcp://127.0.0.1:{port}"
policy = "spool"
on_start = "retry"
queue = 100000
[endpoint.out.spool]
path = "out.spool"
[[route]]
from = "in"
to = "out"
"""


class Bridge:
    """``oscbridge run``, and a client of it."""

    def __init__(self, folder: Path, port: int) -> None:
        (folder / "x.toml").write_text(BRIDGE.format(port=port))
        self.process = subprocess.Popen(
            [PROGRAM, "run", "x.toml"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
        )
        assert self.process.stdout is not None
        found = None
        for line in self.process.stdout:
            found = found or re.search(r"tcp://127\.0\.0\.1:(\d+)", line)
            if line.startswith("Ctrl-C"):
                break
        assert found
        self.client = SimpleTCPClient("127.0.0.1", int(found[1]), mode="1.1")

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.client.send(value(number))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        self.kill()
        self.client.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Callable[[int], Bridge]]:
    started: list[Bridge] = []

    def start(port: int) -> Bridge:
        started.append(Bridge(tmp_path, port))
        return started[-1]

    yield start
    for each in started:
        each.end()


class Receiver:
    """What an OSC server over TCP got."""

    def __init__(self, serve_tcp: Callable[..., object]) -> None:
        self.values: list[int] = []
        self._more = threading.Condition()
        dispatcher = Dispatcher()
        dispatcher.map("/n", self._take)
        self.port: int = serve_tcp("blocking", dispatcher, "1.1").address[1]  # type: ignore[attr-defined]

    def _take(self, _address: str, number: int) -> None:
        with self._more:
            self.values.append(number)
            self._more.notify()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._more:
            assert self._more.wait_for(condition, WAIT), self.values[-5:]


def test_when_the_bridge_is_killed_nothing_that_was_safe_is_lost_and_order_is_kept(
    bridge: Callable[[int], Bridge], serve_tcp: Callable[..., object]
) -> None:
    receiver = Receiver(serve_tcp)
    first = bridge(receiver.port)

    def work() -> None:
        with suppress(OSError):  # it is killed
            first.send(*range(1_000_000))

    sending = threading.Thread(target=work)
    sending.start()
    receiver.wait_for(lambda: len(receiver.values) > 2_000)
    first.kill()
    sending.join(WAIT)
    # All of the connection has been read when the next one is served.
    second = bridge(receiver.port)
    second.send(-1)
    receiver.wait_for(lambda: receiver.values[-1] == -1)
    values = receiver.values[:-1]
    seams = [index for index in range(1, len(values)) if values[index] != values[index - 1] + 1]
    assert values[0] == 0
    assert len(seams) <= 1
    for seam in seams:
        assert values[seam] <= values[seam - 1]  # some of them twice, none left out
        # At most what was in memory, as the disk may have been slow to forget.
        assert values[seam - 1] - values[seam] < backlog_module.WINDOW + 2_048
    assert max(values) >= 2_000


def test_what_was_on_disk_when_the_bridge_was_killed_is_what_is_delivered_after_it(
    bridge: Callable[[int], Bridge],
    serve_tcp: Callable[..., object],
    udp_socket: Callable[..., object],
    tmp_path: Path,
) -> None:
    receiver = Receiver(serve_tcp)
    nobody = udp_socket().getsockname()[1]  # type: ignore[attr-defined]
    first = bridge(nobody)
    log = tmp_path / "out.spool-wal"
    sent = 0
    sizes: set[int] = set()
    while len(sizes) < 20:  # that is several transactions
        sizes.add(log.stat().st_size)
        first.send(*range(sent, sent + 20))
        sent += 20
        threading.Event().wait(0.002)
    first.kill()
    store = SpoolDatabase(tmp_path / "out.spool")
    safe = store.last
    store.close()
    assert 0 < safe <= sent
    second = bridge(receiver.port)
    second.send(-1)
    receiver.wait_for(lambda: receiver.values[-1:] == [-1])
    assert receiver.values == [*range(safe), -1]


# --- what it costs -----------------------------------------------------------------------------


@pytest.mark.load
async def test_twenty_thousand_messages_a_second_go_through(path: Path) -> None:
    class Null(Endpoint):
        async def send_batch(self, messages: Sequence[Message]) -> None:
            pass

    loop = asyncio.get_running_loop()
    async with started(Null("null", Options()), path, outbox=100_000) as delivery:
        begin, number = loop.time(), 0
        while number < 60_000:
            due = min(int((loop.time() - begin) * 20_000), 60_000)
            offer(delivery, *range(number, due))
            number = due
            await asyncio.sleep(0.001)
        await until(lambda: delivery.sent == 60_000)
        assert loop.time() - begin < 4.5
    assert delivery.drops == {}


@pytest.mark.load
async def test_half_a_million_messages_on_disk_hold_no_start_up(path: Path) -> None:
    async with started(Away(), path, outbox=1_000_000) as delivery:
        offer(delivery, *range(500_000))
        await safe(delivery)
    assert delivery.queued == 500_000
    sink = Sink()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with started(sink, path) as delivery:
        assert loop.time() - begin < 1.0
        await until(lambda: bool(sink.messages))
        assert loop.time() - begin < 1.0
        assert delivery.offered == 500_000
        assert len(spool_of(delivery)._index._window) <= 2 * backlog_module.WINDOW

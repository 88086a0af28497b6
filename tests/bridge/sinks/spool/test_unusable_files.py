"""The policy ``spool`` with a file that is in use, damaged, removed or on a full disk."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spool_harness import WAIT, Away, Sink, SinkRoute, make, offer, safe, spool_of, started, until

from oscbridge import (
    Delivery,
    EndpointError,
    Message,
    Options,
)
from oscbridge.bridge.sinks.spool import index as index_module
from oscbridge.bridge.sinks.spool import thread as thread_module
from oscbridge.bridge.sinks.spool import writer as writer_module
from oscbridge.bridge.sinks.spool.database import SpoolDatabase

# --- the file ----------------------------------------------------------------------------------


@pytest.fixture
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that keeps the file open, with one message in it, until it reads a line."""
    code = (
        "import sys, pathlib\n"
        "from oscbridge import Message\n"
        "from oscbridge.bridge.sinks.spool.database import SpoolDatabase\n"
        "from oscbridge.bridge.sinks.spool.records import build_block\n"
        "from oscbridge.bridge.sinks.spool.schema import StoredBlock\n"
        "from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer\n"
        "store = SpoolDatabase(pathlib.Path(sys.argv[1]))\n"
        "record = SpoolSerializer(None).encode(Message('/n', 'i', (-1,)))\n"
        "store.append([StoredBlock(1, 1, build_block(1, [record]))])\n"
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


def release(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=WAIT)


async def test_start_waits_for_a_process_that_is_about_to_end(
    path: Path, held: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Path] = []

    def attempt(path: Path, after: int, clock: Callable[[], float]) -> SpoolDatabase:
        attempts.append(path)
        return SpoolDatabase(path, after, clock)

    monkeypatch.setattr(writer_module, "SpoolDatabase", attempt)
    sink = Sink()
    delivery = make(sink, path, on_start="error")
    delivery.open()
    offer(delivery, 0, 1, 2)
    starting = asyncio.ensure_future(delivery.start())
    await until(lambda: len(attempts) >= 3)
    assert (starting.done(), delivery.queued, delivery.drops) == (False, 3, {})
    await asyncio.to_thread(release, held)
    async with asyncio.timeout(WAIT):
        await starting
    await until(lambda: delivery.sent == 4)
    await delivery.stop()
    assert sink.values == [-1, 0, 1, 2]
    assert delivery.offered == 4


async def test_file_in_use_can_fail_the_start(
    path: Path, held: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_module, "LOCKED_TIMEOUT", 0.1)
    delivery = make(Sink(), path, on_start="error")
    with pytest.raises(EndpointError, match="used by another bridge; give each its own") as caught:
        await delivery.start()
    await delivery.stop()
    assert str(caught.value).startswith(f"{path}: ")


async def test_messages_are_kept_in_memory_while_the_file_is_in_use(
    path: Path,
    held: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(thread_module, "LOCKED_TIMEOUT", 0.1)
    monkeypatch.setattr(writer_module, "RETRY", 0.05)
    sink = Sink()
    async with started(sink, path) as delivery:
        offer(delivery, *range(5))
        await until(lambda: delivery.sent == 5)
        problem = "used by another bridge; give each its own with 'path'; new messages are kept in"
        await until(lambda: problem in caplog.text)
        await asyncio.to_thread(release, held)
        await until(lambda: delivery.sent == 6)
        offer(delivery, 5)
        await until(lambda: delivery.sent == 7)
    assert sink.values == [0, 1, 2, 3, 4, -1, 5]
    assert "new messages are safe on disk again" in caplog.text


async def test_unusable_path_can_fail_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    delivery = make(Sink(), tmp_path / "file" / "x.spool", on_start="error")
    with pytest.raises(EndpointError, match=r"file/x\.spool: a parent is a file"):
        await delivery.start()
    await delivery.stop()


async def test_unusable_path_is_logged_and_messages_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "RETRY", 0.05)
    folder = tmp_path / "folder"
    folder.touch()
    sink = Away()
    async with started(sink, folder / "x.spool", queue_size=10) as delivery:
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
    assert "new messages are kept in memory only until this is fixed" in caplog.text
    assert delivery.queued == 5


async def test_damaged_file_is_renamed_and_replaced(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(b"noise" * 1000)
    sink = Sink()
    async with started(sink, path, on_start="error") as delivery:
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
    assert (
        "the file is damaged; it is kept as house.spool.damaged-1, and a new file is created"
        in caplog.text
    )
    assert path.with_name("house.spool.damaged-1").exists()


async def test_damage_found_later_loses_only_messages_that_were_not_read(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WINDOW", 10)
    async with started(Away(), path) as delivery:
        for number in range(600):  # many packs
            offer(delivery, number)
            if number % 10 == 0:
                await safe(delivery)
    content = bytearray(path.read_bytes())
    half, rest = len(content) // 2, len(content) // 3
    content[half:-rest] = b"\xa5" * (len(content) - half - rest)
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
    assert "the file is damaged; it is kept as house.spool.damaged-1" in caplog.text
    async with started(Sink(), path) as delivery:
        assert delivery.offered == 0


async def test_removed_file_is_created_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
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
    assert "the file was removed by another program; a new file is created" in caplog.text


async def test_message_that_cannot_be_decoded_is_dropped_and_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NewerRoute(Options):
        channel: int

    class Newer(Sink):
        route_options_type = NewerRoute

    route = SinkRoute(topic="a")
    async with started(Away(), path) as delivery:
        offer(delivery, 0)
        delivery.offer(Delivery(Message("/n", "i", (1,)), route, {}))
        offer(delivery, 2)
    sink = Newer()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 2)
        await until(lambda: not delivery.queued)
    assert sink.values == [0, 2]
    assert delivery.drops == {"unreadable": 1}
    assert "cannot read a message" in caplog.text


async def test_missing_blocks_are_counted_and_skipped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "BLOCK_MESSAGES", 1)
    async with started(Away(), path) as delivery:
        offer(delivery, *range(10))
    database = sqlite3.connect(path)
    database.execute("DELETE FROM block WHERE last IN (1, 5, 6)")
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
from oscbridge.bridge.sinks.spool import writer
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner

writer.RETRY = 0.0
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
    bounds = writer.SpoolBounds(Path(sys.argv[1]), 1 << 30, 1e6)
    options = RunnerOptions("spool", "error", 1000, bounds)
    delivery = EndpointRunner(
        Sink("sink", Options()), "sink", options, waits=lambda: repeat(0.01)
    )
    up = True
    await delivery.start()
    up = False
    delivery.endpoint.host.connection_lost(NotConnected("away"))
    spool = delivery.queue
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
    up = False
    delivery.endpoint.host.connection_lost(NotConnected("away"))
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
def test_full_disk_keeps_messages_in_memory_until_there_is_room(after: str, path: Path) -> None:
    """There is room again, or all that was on disk has been delivered."""
    result = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), after],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert result.returncode == 0, result.stderr
    assert "new messages are kept in memory only until this is fixed" in result.stderr


READ_ONLY = """
import os, pathlib, sys
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.files import SpoolDatabaseError

path = pathlib.Path(sys.argv[1])
SpoolDatabase(path).close()
path.chmod(0o666)
path.parent.chmod(0o555)
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # root may write anywhere
try:
    SpoolDatabase(path)
except SpoolDatabaseError as error:
    print(error)
"""


def test_read_only_folder_of_another_user_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        inner = Path(folder, "spools")
        inner.mkdir()
        result = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(inner / "x.spool")],
            capture_output=True,
            text=True,
            check=False,
        )
        inner.chmod(0o755)
    assert result.stderr == ""
    assert result.stdout.endswith(
        f"x.spool: the folder {inner} is read-only for the user running oscbridge\n"
    )

"""The policy ``spool`` with damaged files: every lost message is counted, none is changed."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from spool_harness import Away, Sink, offer, safe, started, until

from oscbridge.bridge.sinks.spool import index as index_module
from oscbridge.bridge.sinks.spool import writer as writer_module
from oscbridge.bridge.sinks.spool.progress_file import PROGRESS_SUFFIX


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def progress_of(path: Path) -> Path:
    return path.with_name(path.name + PROGRESS_SUFFIX)


def kept(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-?"))


async def killed(path: Path, count: int) -> Path:
    """A file with messages, most of them in the write-ahead log, as a killed process leaves it."""
    folder = path.parent / "killed"
    folder.mkdir()
    async with started(Away(), path) as delivery:
        for number in range(count):
            offer(delivery, number)
            if number % 20 == 0:
                await safe(delivery)
        await safe(delivery)
        for each in (path, log_of(path), progress_of(path)):
            shutil.copy(each, folder)
    return folder / path.name


async def closed(path: Path, count: int) -> Path:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(count))
        await safe(delivery)
    return path


def damage(path: Path, position: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(content)


@asynccontextmanager
async def delivered(path: Path) -> AsyncIterator[tuple[Sink, Callable[[], int]]]:
    """Deliver everything in the file; the second is how many messages were unreadable."""
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.offered > 0 and not delivery.queued)
        yield sink, lambda: delivery.drops["unreadable"]


@pytest.mark.parametrize("position", [0.0, 0.2, 0.5, 0.9])
async def test_damaged_log_loses_only_messages_that_are_counted(
    path: Path, position: float, caplog: pytest.LogCaptureFixture
) -> None:
    file = await killed(path, 2_000)
    log = log_of(file)
    damage(log, int(log.stat().st_size * position), b"\xa5" * 3_000)
    before = log.read_bytes()
    async with delivered(file) as (sink, unreadable):
        assert sink.values == [*range(len(sink.values))]
        assert len(sink.values) + unreadable() == 2_000
        assert unreadable() > 0
    assert "house.spool-wal: damaged, cut short or removed" in caplog.text
    assert "a copy is kept as house.spool.damaged-1" in caplog.text
    assert log_of(kept(file)[0]).read_bytes() == before


@pytest.mark.parametrize("part", [None, 0.0, 0.4, 0.95], ids=["removed", "empty", "cut", "end"])
async def test_log_that_was_cut_or_removed_loses_only_messages_that_are_counted(
    path: Path, part: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = await killed(path, 2_000)
    log = log_of(file)
    if part is None:
        log.unlink()
    else:
        with log.open("r+b") as content:
            content.truncate(int(log.stat().st_size * part))
    async with delivered(file) as (sink, unreadable):
        assert sink.values == [*range(len(sink.values))]
        assert len(sink.values) + unreadable() == 2_000
        assert unreadable() > 0
    assert "house.spool-wal: damaged, cut short or removed" in caplog.text
    caplog.clear()
    async with started(Away(), file) as delivery:
        await safe(delivery)
        assert delivery.drops["unreadable"] == 0
    assert "lost" not in caplog.text


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
async def test_spool_without_its_progress_beside_it_loses_nothing(
    path: Path, content: bytes | None
) -> None:
    file = await killed(path, 200)
    progress_of(file).unlink()
    if content is not None:
        progress_of(file).write_bytes(content)
    async with delivered(file) as (sink, unreadable):
        assert sink.values == [*range(200)]
        assert unreadable() == 0


async def test_numbers_continue_after_messages_lost_in_a_damaged_log(path: Path) -> None:
    file = await killed(path, 500)
    log = log_of(file)
    damage(log, log.stat().st_size // 2, b"\xa5" * 3_000)
    async with started(Away(), file) as delivery:
        assert delivery.queued + delivery.drops["unreadable"] == 500
        offer(delivery, 500, 501)
        await safe(delivery)
    async with delivered(file) as (sink, unreadable):
        assert sink.values == [*range(len(sink.values) - 2), 500, 501]
        assert len(sink.values) + unreadable() == 502


@pytest.mark.parametrize("seed", range(40))
async def test_flipped_bits_never_change_a_message(
    path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever they are, each message is delivered as it was, or counted."""
    monkeypatch.setattr(index_module, "WINDOW", 20)
    monkeypatch.setattr(writer_module, "BLOCK_MESSAGES", 50)
    await closed(path, 1_000)
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 3, 30])):
        content[chance.randrange(4_096, len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    async with delivered(path) as (sink, unreadable):
        values = sink.values
        assert values == sorted(set(values))  # type: ignore[type-var]
        assert set(values) <= set(range(1_000))
        assert len(values) + unreadable() == 1_000
        assert bool(kept(path)) == bool(unreadable())


async def test_damaged_record_costs_only_itself(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await closed(path, 100)
    content = path.read_bytes()
    record = b"/n\0\0,i\0\0" + (50).to_bytes(4, "big")
    damage(path, content.index(record) + len(record) - 1, b"\x33")
    before = path.read_bytes()
    async with delivered(path) as (sink, unreadable):
        assert sink.values == [*range(50), *range(51, 100)]
        assert unreadable() == 1
    assert "1 message damaged or missing; a copy is kept as house.spool.damaged-1" in caplog.text
    assert kept(path)[0].read_bytes() == before


async def test_messages_in_a_damaged_file_are_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await closed(path, 300)
    damage(path, 0, b"\xa5" * 4_096)
    before = path.read_bytes()
    sink = Sink()
    async with started(sink, path, on_start="error") as delivery:
        assert delivery.drops == {"unreadable": 300}
        offer(delivery, 300)
        await until(lambda: delivery.sent == 1)
        assert delivery.offered == 301
    assert sink.values == [300]
    assert "it is kept as house.spool.damaged-1, and a new file is created" in caplog.text
    assert kept(path)[0].read_bytes() == before


async def test_messages_in_a_file_that_was_cut_are_counted(path: Path) -> None:
    await closed(path, 3_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    async with started(Sink(), path, on_start="error") as delivery:
        assert delivery.drops == {"unreadable": 3_000}
    assert kept(path)


@pytest.mark.parametrize("column", ["body", "messages", "format"])
@pytest.mark.parametrize("which", ["max(last)", "min(last)"])
async def test_value_that_damage_has_made_null_loses_only_messages_that_are_counted(
    path: Path, column: str, which: str
) -> None:
    await closed(path, 1_500)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')")
        database.execute("PRAGMA writable_schema = RESET")
        database.execute(
            f"UPDATE block SET {column} = NULL WHERE last = (SELECT {which} FROM block)"
        )
    async with delivered(path) as (sink, unreadable):
        assert len(sink.values) + unreadable() == 1_500
        assert set(sink.values) <= set(range(1_500))
    assert bool(unreadable()) == bool(kept(path))

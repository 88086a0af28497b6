"""The files of a spool: kept when damaged, and searched for lost messages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.files import rename_damaged, search_file, search_wal
from oscbridge.bridge.sinks.spool.records import Progress, build_block
from oscbridge.bridge.sinks.spool.schema import StoredBlock

HEADER = 32
FRAME = 24 + 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "house.spool"


@pytest.fixture
def killed(path: Path) -> Iterator[Path]:
    """A file of 20 transactions of one message, as a killed process leaves it."""
    store = SpoolDatabase(path)
    for number in range(1, 21):
        store.append([StoredBlock(number, 1, build_block(number, [bytes(1_000)]))], number // 4)
    folder = path.parent / "killed"
    folder.mkdir()
    for each in (path, log_of(path)):
        shutil.copy(each, folder)
    store.close()
    yield folder / path.name


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def damage(path: Path, position: int, size: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position : position + size] = bytes(each ^ 0xFF for each in content[position:][:size])
    path.write_bytes(content)


def frames(path: Path) -> int:
    return (path.stat().st_size - HEADER) // FRAME


# --- the write-ahead log -----------------------------------------------------------------------


def test_search_finds_the_newest_committed_record(killed: Path) -> None:
    assert search_wal(killed) == Progress(5, 20)


def test_search_without_a_log_finds_nothing(path: Path) -> None:
    assert search_wal(path) == Progress(0, 0)
    log_of(path).write_bytes(b"short")
    assert search_wal(path) == Progress(0, 0)


def test_intact_log_loses_nothing(killed: Path) -> None:
    store = SpoolDatabase(killed)
    assert (store.done, store.last, store.lost) == (5, 20, 0)
    store.close()
    assert not killed.with_name("house.spool.damaged-1").exists()


@pytest.mark.parametrize("part", ["page number", "salt", "checksum", "page"])
@pytest.mark.parametrize("middle", [0.0, 0.3, 0.6, 0.99])
def test_damaged_frame_loses_the_messages_after_it_and_they_are_counted(
    killed: Path, middle: float, part: str
) -> None:
    offset = {"page number": 1, "salt": 9, "checksum": 17, "page": 24 + 3_000}[part]
    log = log_of(killed)
    damage(log, HEADER + int(middle * frames(log)) * FRAME + offset)
    before = log.read_bytes()
    store = SpoolDatabase(killed)
    assert (store.done, store.last) == (5, 20)
    after, intact = store.done, []
    while stored := store.read(after):
        after = stored.last
        intact.append(stored.last)
    store.close()
    assert store.lost == 20 - max(5, *intact, 0) > 0
    assert intact == [*range(6, 21 - store.lost)]
    assert log_of(killed.with_name("house.spool.damaged-1")).read_bytes() == before


def test_damaged_header_of_the_log_loses_all_of_it_and_that_is_counted(killed: Path) -> None:
    damage(log_of(killed), 0, HEADER)
    store = SpoolDatabase(killed)
    assert (store.done, store.last, store.lost) == (5, 20, 15)
    store.close()
    again = SpoolDatabase(killed)  # the gap stays known, and is not reported again
    assert (again.done, again.last, again.lost) == (5, 20, 0)
    again.close()


def test_torn_last_transaction_is_not_damage(killed: Path) -> None:
    """Its messages were never reported as safe."""
    log = log_of(killed)
    content = log.read_bytes()
    log.write_bytes(content[: len(content) - FRAME - 100])
    store = SpoolDatabase(killed)
    assert store.last in (18, 19)
    assert store.lost == 0
    store.close()


def test_frames_of_an_earlier_generation_are_not_damage(path: Path) -> None:
    store = SpoolDatabase(path)
    for number in range(1, 51):
        store.append([StoredBlock(number, 1, build_block(number, [bytes(1_000)]))], number - 1)
    store._database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    store.append([StoredBlock(51, 1, build_block(51, [b"x"]))], 50)
    folder = path.parent / "killed"
    folder.mkdir()
    for each in (path, log_of(path)):
        shutil.copy(each, folder)
    store.close()
    again = SpoolDatabase(folder / path.name)
    assert (again.done, again.last, again.lost) == (50, 51, 0)
    again.close()


# --- damaged files -----------------------------------------------------------------------------


def test_search_finds_progress_and_newest_record_of_a_damaged_file(killed: Path) -> None:
    damage(killed, 0, 4096)
    damage(log_of(killed), 0, HEADER)
    assert search_file(killed) == Progress(5, 20)


def test_search_of_noise_finds_nothing(path: Path) -> None:
    path.write_bytes(b"noise" * 1000)
    assert search_file(path) == Progress(0, 0)


def test_damaged_file_is_renamed_with_its_log(killed: Path) -> None:
    content = killed.read_bytes(), log_of(killed).read_bytes()
    kept = rename_damaged(killed)
    assert kept == killed.with_name("house.spool.damaged-1")
    assert (kept.read_bytes(), log_of(kept).read_bytes()) == content
    assert not killed.exists()
    assert not log_of(killed).exists()
    assert rename_damaged(killed) is None


def test_no_more_than_nine_damaged_files_are_kept(path: Path) -> None:
    for number in range(12):
        path.write_bytes(b"damaged %d" % number)
        rename_damaged(path)
    kept = sorted(path.parent.glob("*.damaged-*"))
    assert len(kept) == 9
    assert kept[0].read_bytes() == b"damaged 0"
    assert kept[-1].read_bytes() == b"damaged 11"

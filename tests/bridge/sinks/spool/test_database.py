"""The database of a spool: order, numbers, bounds, and unusable files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spool_harness import RunningClock

from oscbridge.bridge.sinks.spool import database as module
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.files import SpoolDamaged, SpoolDatabaseError, SpoolLocked
from oscbridge.bridge.sinks.spool.progress_file import PROGRESS_SUFFIX
from oscbridge.bridge.sinks.spool.records import build_block, read_records
from oscbridge.bridge.sinks.spool.schema import StoredBlock

HOUR = 3600.0
PLENTY = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "house.spool"


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
def open_at(path: Path, clock: RunningClock) -> Iterator[Callable[..., SpoolDatabase]]:
    """Opens the file; closes it at the end."""
    opened: list[SpoolDatabase] = []

    def open_at(after: int = 0) -> SpoolDatabase:
        opened.append(SpoolDatabase(path, after, clock))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


def block(first: int, *payloads: bytes) -> StoredBlock:
    count = len(payloads)
    return StoredBlock(first + count - 1, count, build_block(first, payloads))


def numbered(first: int, last: int) -> list[StoredBlock]:
    """Blocks with one message in each."""
    return [block(number, b"%d" % number) for number in range(first, last + 1)]


def everything(store: SpoolDatabase) -> list[int]:
    found, after = [], store.done
    while stored := store.read(after):
        first = stored.last - stored.messages + 1
        for number, payload in read_records(stored.body, first, stored.messages):
            assert payload == b"%d" % number
            found.append(number)
        after = stored.last
    return found


def surplus(store: SpoolDatabase, size: int, age: float) -> tuple[int, str] | None:
    return store.surplus(store.usage(), size, age)


Open = Callable[..., SpoolDatabase]


def test_reopened_file_has_its_blocks_in_order(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    store.append(numbered(4, 5))
    store.close()
    again = open_at()
    assert (again.done, again.last, again.lost) == (0, 5, 0)
    assert everything(again) == [1, 2, 3, 4, 5]


def test_forgotten_messages_are_deleted(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 5))
    store.forget(2)
    store.append(numbered(6, 6), 3)
    store.close()
    again = open_at()
    assert (again.done, again.last) == (3, 6)
    assert everything(again) == [4, 5, 6]


def test_block_stays_until_its_last_message_is_forgotten(open_at: Open) -> None:
    ten = block(1, *[b"x"] * 10)
    store = open_at()
    store.append([ten])
    store.forget(9)
    store.close()
    again = open_at()
    assert again.done == 9
    assert again.read(again.done) == ten
    again.forget(10)
    assert again.read(9) is None


def test_numbers_continue_after_all_messages_are_forgotten(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 5))
    store.forget(5)
    store.close()
    again = open_at()
    assert (again.done, again.last) == (5, 5)


def test_new_file_continues_the_numbers_of_another(open_at: Open) -> None:
    store = open_at(70)
    assert (store.done, store.last) == (70, 70)


def test_files_are_accessible_to_their_owner_only(open_at: Open, path: Path) -> None:
    open_at().append(numbered(1, 1))
    for each in path.parent.iterdir():
        assert each.stat().st_mode & 0o077 == 0, each


# --- bounds ------------------------------------------------------------------------------------


def test_surplus_is_the_oldest_messages_of_a_file_that_is_too_large(open_at: Open) -> None:
    store = open_at()
    for number in range(1, 41):
        store.append([block(number, bytes(50_000))])
    assert surplus(store, PLENTY, HOUR) is None
    size = 1 << 20
    while found := surplus(store, size, HOUR):
        through, reason = found
        assert reason == "full"
        store.forget(through)
    # Pages hold slightly more than their content.
    assert 17 <= store.last - store.done <= 20


def test_freed_room_is_reused(open_at: Open, path: Path) -> None:
    store = open_at()
    for number in range(1, 201):
        store.append([block(number, bytes(50_000))], number - 1)
    store.close()
    assert path.stat().st_size < 300_000


def test_surplus_is_what_has_expired(open_at: Open, clock: RunningClock) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    clock.now += HOUR
    store.append(numbered(4, 5))
    assert surplus(store, PLENTY, HOUR) is None
    clock.now += 1.0
    assert surplus(store, PLENTY, HOUR) == (3, "expired")


def test_surplus_examines_a_slice_at_a_time(
    open_at: Open, clock: RunningClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 3)
    store = open_at()
    store.append(numbered(1, 5))
    clock.now += HOUR
    assert surplus(store, PLENTY, -1.0) == (3, "expired")
    store.forget(3)
    assert surplus(store, PLENTY, -1.0) == (5, "expired")
    store.forget(5)
    assert surplus(store, PLENTY, -1.0) is None


def test_usage_has_the_running_time_of_the_oldest_message(
    open_at: Open, clock: RunningClock
) -> None:
    store = open_at()
    assert store.usage().oldest is None
    clock.now += 5.0
    store.append(numbered(1, 1))
    assert store.usage().oldest == 5.0


# --- a file in use -----------------------------------------------------------------------------


def test_file_open_in_this_process_is_locked(open_at: Open, path: Path) -> None:
    store = open_at()
    with pytest.raises(SpoolLocked, match="used by another bridge; give each its own with 'path'"):
        SpoolDatabase(path)
    store.append(numbered(1, 2))
    assert everything(store) == [1, 2]
    # The failed attempt must not have released the lock, which belongs to the process.
    assert "SpoolLocked" in elsewhere(path)


def test_copied_file_stays_locked(open_at: Open, path: Path) -> None:
    store = open_at()
    assert store.keep_copy() == "a copy is kept as house.spool.damaged-1"
    assert "SpoolLocked" in elsewhere(path)
    store.close()
    assert elsewhere(path) == ""


def test_closed_file_is_not_locked(open_at: Open, path: Path) -> None:
    open_at().close()
    assert elsewhere(path) == ""


def elsewhere(path: Path) -> str:
    """Return the errors of another process that opens the file."""
    code = (
        "import sys, pathlib\nfrom oscbridge.bridge.sinks.spool.database import SpoolDatabase\n"
        "SpoolDatabase(pathlib.Path(sys.argv[1])).close()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    ).stderr


# --- unusable files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"this is not a database but a text\n" * 40, bytes(8192), b"x" * 100]
)
def test_file_that_is_not_a_database_is_damaged(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SpoolDamaged) as caught:
        SpoolDatabase(path, 7)
    assert str(caught.value).startswith(f"{path}: the file is damaged")
    assert path.read_bytes() == content


def test_file_without_its_progress_is_damaged(path: Path) -> None:
    SpoolDatabase(path).close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM progress")
    database.close()
    with pytest.raises(SpoolDamaged):
        SpoolDatabase(path)


def test_damaged_progress_is_restored_from_the_oldest_block(open_at: Open, path: Path) -> None:
    store = open_at()
    store.append([*numbered(1, 3), block(4, b"4", b"5"), block(6, b"6")])
    store.forget(4)
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE progress SET body = zeroblob(length(body))")
    database.close()
    path.with_name(path.name + PROGRESS_SUFFIX).unlink()
    again = open_at()
    assert (again.done, again.last) == (3, 6)
    assert everything(again) == [4, 5, 6]


def test_damaged_progress_is_restored_from_the_file_beside_it(open_at: Open, path: Path) -> None:
    store = open_at()
    store.append([*numbered(1, 3), block(4, b"4", b"5"), block(6, b"6")])
    store.forget(4)
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE progress SET body = zeroblob(length(body))")
    database.close()
    exact = open_at()
    assert (exact.done, exact.last) == (4, 6)


def test_damaged_key_of_the_newest_block_is_not_taken_for_its_number(path: Path) -> None:
    store = SpoolDatabase(path)
    store.append(numbered(1, 5))
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE block SET last = 1 << 40 WHERE last = 5")
    database.close()
    with pytest.raises(SpoolDamaged):
        SpoolDatabase(path)


def test_database_of_another_program_is_rejected_unchanged(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(SpoolDatabaseError, match="the database of another program") as caught:
        SpoolDatabase(path)
    assert not isinstance(caught.value, SpoolDamaged)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_file_of_a_newer_version_is_rejected_unchanged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", 3)
        SpoolDatabase(path).close()
    before = path.read_bytes()
    with pytest.raises(SpoolDatabaseError) as caught:
        SpoolDatabase(path)
    assert not isinstance(caught.value, SpoolDamaged)
    assert str(caught.value) == (
        f"{path}: written by a newer version of oscbridge (format 3; supported: 2); "
        "upgrade oscbridge, or set 'path' to another file"
    )
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("folder", "not a regular file; set 'path' to a file"),
        ("file/x.spool", "a parent is a file, not a directory"),
        ("/proc/oscbridge/x.spool", "No such file or directory"),
    ],
)
def test_unusable_path_is_reported_with_its_reason(name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / name
    with pytest.raises(SpoolDatabaseError) as caught:
        SpoolDatabase(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_removed_file_is_noticed_by_the_next_append(open_at: Open, path: Path) -> None:
    store = open_at()
    path.unlink()
    with pytest.raises(SpoolDamaged, match="the file was removed by another program"):
        store.append(numbered(1, 1))


# --- cost --------------------------------------------------------------------------------------


def test_file_with_half_a_million_messages_opens_quickly(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 500_000))
    store.close()
    begin = time.process_time()
    again = open_at()
    assert again.read(0) == block(1, b"1")
    assert time.process_time() - begin < 0.5
    assert again.last == 500_000


def test_full_disk_is_reported_and_the_file_stays_usable(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    store._database.execute("PRAGMA max_page_count = 10")
    with pytest.raises(SpoolDatabaseError, match="the disk is full"):
        store.append([block(4, bytes(100_000))])
    store.append(numbered(4, 5))
    assert everything(store) == [1, 2, 3, 4, 5]

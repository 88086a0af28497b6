"""The file of a spool: order, numbers, bounds, and what is wrong with files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscbridge.bridge.sinks.spool import database as module
from oscbridge.bridge.sinks.spool.database import (
    Pack,
    SpoolDamaged,
    SpoolDatabase,
    SpoolDatabaseError,
    SpoolLocked,
    open_store,
)

HOUR = 3600.0
PLENTY = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "house.spool"


@pytest.fixture
def open_at(path: Path) -> Iterator[Callable[..., SpoolDatabase]]:
    """Opens the file; what is open at the end is closed."""
    opened: list[SpoolDatabase] = []

    def open_at(after: int = 0) -> SpoolDatabase:
        opened.append(SpoolDatabase(path, after))
        return opened[-1]

    yield open_at
    for store in opened:
        store.close()


def numbered(first: int, last: int) -> list[Pack]:
    """Packs of one message each."""
    return [Pack(number, 1, b"%d" % number) for number in range(first, last + 1)]


def everything(store: SpoolDatabase) -> list[int]:
    found, after = [], store.done
    while pack := store.read(after):
        after = pack.last
        found.append(int(pack.body))
    return found


def surplus(store: SpoolDatabase, size: int, age: float) -> tuple[int, str] | None:
    return store.surplus(store.level(), size, age)


Open = Callable[..., SpoolDatabase]


def test_packs_are_there_in_order_when_the_file_is_opened_again(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    store.append(numbered(4, 5))
    store.close()
    again = open_at()
    assert (again.done, again.last) == (0, 5)
    assert everything(again) == [1, 2, 3, 4, 5]


def test_what_is_forgotten_is_not_there_any_more(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 5))
    store.forget(2)
    store.append(numbered(6, 6), 3)
    store.close()
    again = open_at()
    assert (again.done, again.last) == (3, 6)
    assert everything(again) == [4, 5, 6]


def test_a_pack_is_there_until_its_last_message_is_forgotten(open_at: Open) -> None:
    store = open_at()
    store.append([Pack(10, 10, b"ten")])
    store.forget(9)
    store.close()
    again = open_at()
    assert again.done == 9
    assert again.read(again.done) == (10, 10, b"ten")
    again.forget(10)
    assert again.read(9) is None


def test_numbers_go_on_when_all_is_forgotten(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 5))
    store.forget(5)
    store.close()
    again = open_at()
    assert (again.done, again.last) == (5, 5)


def test_a_new_file_may_go_on_where_another_ended(open_at: Open) -> None:
    store = open_at(70)
    assert (store.done, store.last) == (70, 70)


def test_the_file_is_its_owners_alone(open_at: Open, path: Path) -> None:
    open_at().append(numbered(1, 1))
    for each in path.parent.iterdir():
        assert each.stat().st_mode & 0o077 == 0, each


# --- bounds ------------------------------------------------------------------------------------


def test_the_oldest_are_too_many_when_the_file_is_too_large(open_at: Open) -> None:
    store = open_at()
    for number in range(1, 41):
        store.append([Pack(number, 1, bytes(50_000))])
    assert surplus(store, PLENTY, HOUR) is None
    size = 1 << 20
    while found := surplus(store, size, HOUR):
        through, reason = found
        assert reason == "full"
        store.forget(through)
    # Pages hold a little more than what is in them.
    assert 17 <= store.last - store.done <= 20


def test_room_that_was_made_is_used_again(open_at: Open, path: Path) -> None:
    store = open_at()
    for number in range(1, 201):
        store.append([Pack(number, 1, bytes(50_000))], number - 1)
    store.close()
    assert path.stat().st_size < 300_000


def test_what_is_too_old_is_too_much(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    begin = time.time()
    while time.time() <= begin + 0.01:
        time.sleep(0.001)
    store.append(numbered(4, 5))
    assert surplus(store, PLENTY, HOUR) is None
    age = time.time() - begin - 0.005
    assert surplus(store, PLENTY, age) == (3, "expired")


def test_of_much_that_is_too_old_a_part_is_told_at_once(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 3)
    store = open_at()
    store.append(numbered(1, 5))
    assert surplus(store, PLENTY, -1.0) == (3, "expired")
    store.forget(3)
    assert surplus(store, PLENTY, -1.0) == (5, "expired")
    store.forget(5)
    assert surplus(store, PLENTY, -1.0) is None


def test_it_is_known_when_the_oldest_came(open_at: Open) -> None:
    store = open_at()
    assert store.level().oldest is None
    begin = time.time()
    store.append(numbered(1, 1))
    oldest = store.level().oldest
    assert oldest is not None
    assert begin <= oldest <= time.time()


# --- another has it ----------------------------------------------------------------------------


def test_a_file_that_is_open_in_this_process_is_locked(open_at: Open, path: Path) -> None:
    store = open_at()
    with pytest.raises(SpoolLocked, match="another bridge uses it; give each its own with 'path'"):
        SpoolDatabase(path)
    store.append(numbered(1, 2))
    assert everything(store) == [1, 2]
    # To have tried must not have let go of the lock, which is the process's.
    assert "SpoolLocked" in elsewhere(path)


def test_a_file_that_was_closed_is_free(open_at: Open, path: Path) -> None:
    open_at().close()
    assert elsewhere(path) == ""


def elsewhere(path: Path) -> str:
    """What another process says when it opens the file."""
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


# --- files that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but a text\n" * 40, bytes(8192), b"x" * 100]
)
def test_what_is_no_spool_is_set_aside_and_a_new_one_begun(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store, note = open_store(path, 7)
    store.append(numbered(8, 8))
    assert everything(store) == [8]
    store.close()
    aside = path.with_name("house.spool.damaged-1")
    assert note == f"{path}: it is damaged; it is {aside.name} now, and a new one is begun"
    assert aside.read_bytes() == content


def test_a_spool_with_a_page_of_noise_is_set_aside(path: Path) -> None:
    store = SpoolDatabase(path)
    store.append([Pack(number, 1, bytes(3000)) for number in range(1, 50)])
    store.close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xa5" * 3996
    path.write_bytes(content)
    store, note = open_store(path)
    assert "it is damaged" in note
    assert store.last == 0
    store.close()


def test_a_spool_without_its_state_is_damaged(path: Path) -> None:
    SpoolDatabase(path).close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM state")
    database.close()
    with pytest.raises(SpoolDamaged):
        SpoolDatabase(path)


def test_no_more_than_nine_damaged_files_are_kept(path: Path) -> None:
    path.parent.mkdir()
    for number in range(12):
        path.write_bytes(b"damaged %d" % number * 100)
        store, _ = open_store(path)
        store.close()
    kept = sorted(path.parent.glob("*.damaged-*"))
    assert len(kept) == 9
    assert kept[0].read_bytes().startswith(b"damaged 0")
    assert kept[-1].read_bytes().startswith(b"damaged 11")


def test_the_database_of_another_program_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(SpoolDatabaseError, match="the database of another program") as caught:
        open_store(path)
    assert not isinstance(caught.value, SpoolDamaged)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_spool_of_another_version_is_left_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", 2)
        SpoolDatabase(path).close()
    with pytest.raises(SpoolDatabaseError, match="another version of oscbridge has written it"):
        open_store(path)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("folder", "this is no file; name one"),
        ("file/x.spool", "a part of the way there is a file, not a folder"),
        ("/proc/oscbridge/x.spool", "No such file or directory"),
    ],
)
def test_a_place_where_no_file_can_be_is_named_with_the_reason(
    name: str, fault: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / name
    with pytest.raises(SpoolDatabaseError) as caught:
        SpoolDatabase(path)
    assert str(caught.value) == f"{path}: {fault}"


def test_a_file_that_is_removed_while_it_is_open_is_missed(open_at: Open, path: Path) -> None:
    store = open_at()
    path.unlink()
    with pytest.raises(SpoolDamaged, match="somebody has removed it"):
        store.append(numbered(1, 1))


# --- what it costs -----------------------------------------------------------------------------


def test_a_file_with_half_a_million_messages_opens_at_once(open_at: Open) -> None:
    store = open_at()
    store.append([Pack(number, 1, b"x") for number in range(1, 500_001)])
    store.close()
    begin = time.perf_counter()
    again = open_at()
    assert again.read(0) == (1, 1, b"x")
    assert time.perf_counter() - begin < 0.5
    assert again.last == 500_000


def test_a_full_disk_is_called_so_and_the_file_goes_on_after_it(open_at: Open) -> None:
    store = open_at()
    store.append(numbered(1, 3))
    store._database.execute("PRAGMA max_page_count = 10")
    with pytest.raises(SpoolDatabaseError, match="the disk is full"):
        store.append([Pack(4, 1, bytes(100_000))])
    store.append(numbered(4, 5))
    assert everything(store) == [1, 2, 3, 4, 5]

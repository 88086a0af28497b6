"""What waits in a spool: whatever happens, order is kept and every message is accounted for."""

from __future__ import annotations

import random

import pytest

from oscbridge import Message
from oscbridge.bridge.sinks.spool import index as module
from oscbridge.bridge.sinks.spool.index import Entry, SpoolIndex


def message(number: int) -> Message:
    return Message("/n", "i", (number,))


def entry(number: int, size: int = 10) -> Entry:
    return Entry(number, message(number), size)


def loose(after: int, name: str) -> Entry:
    return Entry(after, Message(name), 0)


def taken(backlog: SpoolIndex, count: int = 1_000_000) -> list[object]:
    """The values of numbered messages, the addresses of others."""
    return [each.args[0] if each.args else each.address for each in backlog.take(count)]


def kept(*numbers: int) -> SpoolIndex:
    backlog = SpoolIndex(100)
    backlog.arrived(map(entry, numbers))
    return backlog


def test_what_has_arrived_can_be_taken_in_order() -> None:
    backlog = kept(1, 2, 3)
    assert backlog.is_ready
    assert taken(backlog, 2) == [1, 2]
    backlog.settle()
    assert taken(backlog) == [3]
    backlog.settle()
    assert (len(backlog), backlog.done, backlog.is_ready) == (0, 3, False)


def test_what_is_taken_is_done_when_it_is_settled() -> None:
    backlog = kept(1, 2, 3)
    backlog.take(2)
    assert backlog.done == 0
    backlog.settle(1)
    assert backlog.done == 1
    backlog.settle()
    assert backlog.done == 2


def test_messages_that_are_not_on_disk_keep_their_place() -> None:
    backlog = SpoolIndex(100)
    backlog.arrived([loose(0, "/a"), entry(1), loose(1, "/b"), loose(1, "/c"), entry(2)])
    backlog.arrived([loose(2, "/d")])
    assert taken(backlog) == ["/a", 1, "/b", "/c", 2, "/d"]


def test_beyond_the_window_messages_are_on_disk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    backlog = SpoolIndex(100)
    backlog.arrived([*map(entry, range(1, 11)), loose(10, "/last")])
    assert (len(backlog), backlog.behind, backlog.is_low) == (11, 6, False)
    assert taken(backlog) == [1, 2, 3, 4]
    backlog.settle()
    assert (backlog.is_ready, backlog.is_low, backlog.loaded) == (False, True, 4)
    backlog.read(map(entry, range(5, 11)), 10)
    assert taken(backlog) == [5, 6, 7, 8, 9, 10, "/last"]


def test_large_messages_fill_the_window_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_BYTES", 100)
    backlog = SpoolIndex(100)
    backlog.arrived([entry(1, 99), entry(2, 99), entry(3, 99)])
    assert backlog.behind == 1
    backlog.take(2)
    assert backlog.is_low


def test_what_comes_behind_a_gap_does_not_overtake() -> None:
    backlog = SpoolIndex(100)
    backlog.found(0, 5)
    backlog.arrived([entry(6), loose(6, "/b")])
    assert not backlog.is_ready
    backlog.read(map(entry, range(1, 7)), 6)
    assert taken(backlog) == [1, 2, 3, 4, 5, 6, "/b"]


def test_too_many_that_are_not_on_disk_drop_the_oldest_of_them() -> None:
    backlog = SpoolIndex(2)
    assert backlog.arrived([entry(1), *(loose(1, name) for name in ("/a", "/b", "/c"))]) == 1
    assert taken(backlog) == [1, "/b", "/c"]


def test_what_is_dropped_is_counted_but_for_what_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    backlog = kept(*range(1, 11))
    backlog.take(2)
    assert backlog.drop(6) == 4
    assert (len(backlog), backlog.loaded) == (4, 6)
    backlog.settle()
    assert backlog.done == 6


def test_messages_that_cannot_be_read_are_done_all_the_same() -> None:
    backlog = SpoolIndex(100)
    backlog.found(0, 5)
    backlog.read([entry(1), entry(3)], 5)
    assert taken(backlog) == [1, 3]
    backlog.settle()
    assert (backlog.done, len(backlog)) == (5, 0)


def test_when_the_disk_forgets_what_is_in_memory_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    backlog = SpoolIndex(100)
    backlog.arrived([entry(1), entry(2), loose(2, "/a"), *map(entry, range(3, 11))])
    backlog.take(1)
    assert backlog.forget() == 6
    backlog.settle()
    assert taken(backlog) == [2, "/a", 3, 4]
    backlog.settle()
    assert backlog.done == 10


def test_what_is_on_disk_stays_there_at_the_end() -> None:
    backlog = SpoolIndex(100)
    backlog.arrived([entry(1), loose(1, "/a"), entry(2), loose(2, "/b"), entry(3)])
    backlog.take(3)
    # The message that is not on disk and the one behind it were not delivered.
    assert backlog.close(2) == 2
    assert (backlog.done, len(backlog)) == (1, 2)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_order_is_kept_and_the_sum_is_right(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 20)
    chance = random.Random(seed)
    backlog = SpoolIndex(1_000_000)
    disk: dict[int, Message] = {}
    number = value = dropped = 0
    order: list[int] = []
    for _ in range(2_000):
        match chance.randrange(5):
            case 0:
                entries = []
                for _ in range(chance.randrange(30)):
                    on_disk = chance.randrange(3) > 0
                    number += on_disk
                    entries.append(Entry(number, message(value), 5 if on_disk else 0))
                    if on_disk:
                        disk[number] = message(value)
                    value += 1
                backlog.arrived(entries)
            case 1 | 2:
                backlog.settle()
                order += [each.args[0] for each in backlog.take(chance.randrange(1, 10))]  # type: ignore[misc]
            case 3 if backlog.behind:
                through = min(backlog.loaded + 10, backlog.stored)
                numbers = range(backlog.loaded + 1, through + 1)
                backlog.read([Entry(n, disk[n], 5) for n in numbers], through)
            case 4 if chance.randrange(20) == 0:
                dropped += backlog.drop(min(backlog.loaded + 5, backlog.stored))
        assert len(order) + dropped + len(backlog) == value
    assert order == sorted(set(order))
    assert order

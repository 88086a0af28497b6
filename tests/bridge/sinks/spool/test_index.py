"""The index of a spool: order is kept, and every message is accounted for."""

from __future__ import annotations

import random

import pytest

from oscbridge import Message
from oscbridge.bridge.sinks.spool import index as module
from oscbridge.bridge.sinks.spool.index import IndexedMessage, SpoolIndex


def message(number: int) -> Message:
    return Message("/n", "i", (number,))


def stored(number: int, size: int = 10) -> IndexedMessage:
    return IndexedMessage(number, message(number), size)


def volatile(after: int, name: str) -> IndexedMessage:
    return IndexedMessage(after, Message(name), 0)


def taken(index: SpoolIndex, count: int = 1_000_000) -> list[object]:
    """The values of numbered messages, the addresses of others."""
    return [each.args[0] if each.args else each.address for each in index.take(count)]


def index_of(*numbers: int) -> SpoolIndex:
    index = SpoolIndex(100)
    index.arrived(map(stored, numbers))
    return index


def test_arrived_messages_are_taken_in_order() -> None:
    index = index_of(1, 2, 3)
    assert index.is_ready
    assert taken(index, 2) == [1, 2]
    index.settle()
    assert taken(index) == [3]
    index.settle()
    assert (len(index), index.done, index.is_ready) == (0, 3, False)


def test_taken_messages_are_done_when_they_are_settled() -> None:
    index = index_of(1, 2, 3)
    index.take(2)
    assert index.done == 0
    index.settle(1)
    assert index.done == 1
    index.settle()
    assert index.done == 2


def test_volatile_messages_keep_their_place() -> None:
    index = SpoolIndex(100)
    index.arrived([volatile(0, "/a"), stored(1), volatile(1, "/b"), volatile(1, "/c"), stored(2)])
    index.arrived([volatile(2, "/d")])
    assert taken(index) == ["/a", 1, "/b", "/c", 2, "/d"]


def test_messages_above_the_window_are_on_disk_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    index = SpoolIndex(100)
    index.arrived([*map(stored, range(1, 11)), volatile(10, "/last")])
    assert (len(index), index.unloaded, index.is_low) == (11, 6, False)
    assert taken(index) == [1, 2, 3, 4]
    index.settle()
    assert (index.is_ready, index.is_low, index.loaded) == (False, True, 4)
    index.read(map(stored, range(5, 11)), 10)
    assert taken(index) == [5, 6, 7, 8, 9, 10, "/last"]


def test_large_messages_fill_the_window_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_BYTES", 100)
    index = SpoolIndex(100)
    index.arrived([stored(1, 99), stored(2, 99), stored(3, 99)])
    assert index.unloaded == 1
    index.take(2)
    assert index.is_low


def test_new_messages_do_not_overtake_those_on_disk() -> None:
    index = SpoolIndex(100)
    index.found(0, 5)
    index.arrived([stored(6), volatile(6, "/b")])
    assert not index.is_ready
    index.read(map(stored, range(1, 7)), 6)
    assert taken(index) == [1, 2, 3, 4, 5, 6, "/b"]


def test_too_many_volatile_messages_drop_the_oldest_of_them() -> None:
    index = SpoolIndex(2)
    assert index.arrived([stored(1), *(volatile(1, name) for name in ("/a", "/b", "/c"))]) == 1
    assert taken(index) == [1, "/b", "/c"]


def test_drop_counts_all_but_taken_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    index = index_of(*range(1, 11))
    index.take(2)
    assert index.drop(6) == 4
    assert (len(index), index.loaded) == (4, 6)
    index.settle()
    assert index.done == 6


def test_unreadable_messages_are_done() -> None:
    index = SpoolIndex(100)
    index.found(0, 5)
    index.read([stored(1), stored(3)], 5)
    assert taken(index) == [1, 3]
    index.settle()
    assert (index.done, len(index)) == (5, 0)


def test_forget_keeps_messages_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    index = SpoolIndex(100)
    index.arrived([stored(1), stored(2), volatile(2, "/a"), *map(stored, range(3, 11))])
    index.take(1)
    assert index.forget() == 6
    index.settle()
    assert taken(index) == [2, "/a", 3, 4]
    index.settle()
    assert index.done == 10


def test_close_leaves_messages_on_disk() -> None:
    index = SpoolIndex(100)
    index.arrived([stored(1), volatile(1, "/a"), stored(2), volatile(2, "/b"), stored(3)])
    index.take(3)
    # The volatile message and the one after it were not delivered.
    assert index.close(2) == 2
    assert (index.done, len(index)) == (1, 2)


def test_close_leaves_out_messages_that_were_unreadable() -> None:
    index = SpoolIndex(100)
    index.found(0, 20)
    index.read([stored(1), stored(3)], 5)
    index.read([stored(8), stored(9)], 20)
    index.take(2)
    index.settle(1)  # 3 is left, with 8 and 9
    assert index.close(1) == 0
    assert (index.done, len(index)) == (2, 3)


def test_close_counts_taken_messages_that_were_dropped_on_disk() -> None:
    index = index_of(1, 2, 3, 4)
    index.take(2)
    assert index.drop(3) == 1
    assert index.close(2) == 2
    assert (index.done, len(index)) == (3, 1)


@pytest.mark.parametrize("seed", range(10))
def test_order_and_sum_hold_for_random_operations(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 20)
    chance = random.Random(seed)
    index = SpoolIndex(1_000_000)
    disk: dict[int, Message] = {}
    number = value = dropped = 0
    order: list[int] = []
    for _ in range(2_000):
        match chance.randrange(5):
            case 0:
                messages = []
                for _ in range(chance.randrange(30)):
                    on_disk = chance.randrange(3) > 0
                    number += on_disk
                    messages.append(IndexedMessage(number, message(value), 5 if on_disk else 0))
                    if on_disk:
                        disk[number] = message(value)
                    value += 1
                index.arrived(messages)
            case 1 | 2:
                index.settle()
                order += [each.args[0] for each in index.take(chance.randrange(1, 10))]  # type: ignore[misc]
            case 3 if index.unloaded:
                through = min(index.loaded + 10, index.stored)
                numbers = range(index.loaded + 1, through + 1)
                index.read([IndexedMessage(n, disk[n], 5) for n in numbers], through)
            case 4 if chance.randrange(20) == 0:
                dropped += index.drop(min(index.loaded + 5, index.stored))
        assert len(order) + dropped + len(index) == value
    assert order == sorted(set(order))
    assert order

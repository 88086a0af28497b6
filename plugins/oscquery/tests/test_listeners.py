"""Listeners by address."""

from __future__ import annotations

import pytest

import oscbridge
from oscbridge_oscquery import listeners
from oscbridge_oscquery.listeners import MAX_PATTERNS, ListenTable


@pytest.fixture
def table() -> ListenTable[str]:
    return ListenTable()


def test_listen_is_about_that_node_only(table: ListenTable[str]) -> None:
    assert table.listen("one", "/a")
    assert list(table.of("/a")) == ["one"]
    assert list(table.of("/a/b")) == []
    assert list(table.of("/")) == []


def test_ignore_ends_it_for_one_client(table: ListenTable[str]) -> None:
    for client in ("one", "two"):
        table.listen(client, "/a")
        table.listen(client, "/a")
    table.ignore("one", "/a")
    table.ignore("one", "/unknown")
    table.ignore("three", "/a")
    assert list(table.of("/a")) == ["two"]
    assert table.count("one") == 0


def test_client_that_leaves_listens_no_more(table: ListenTable[str]) -> None:
    table.listen("one", "/a")
    table.listen("one", "/mixer/*")
    table.listen("two", "/mixer/1")
    assert set(table.of("/mixer/1")) == {"one", "two"}
    table.remove("one")
    assert list(table.of("/mixer/1")) == ["two"]
    assert list(table.of("/a")) == []
    table.remove("one")


def test_pattern_is_compared_with_addresses_seen_before_and_after(table: ListenTable[str]) -> None:
    table.listen("two", "/mixer/*/level")
    assert list(table.of("/mixer/1/level")) == ["two"]
    table.listen("one", "/mixer/1/level")
    assert set(table.of("/mixer/1/level")) == {"one", "two"}
    table.ignore("two", "/mixer/*/level")
    assert list(table.of("/mixer/1/level")) == ["one"]


def test_listeners_of_a_long_address_are_not_cached(table: ListenTable[str]) -> None:
    table.listen("one", "/a/*")
    long = "/a/" + "x" * listeners.MAX_CACHED_LENGTH
    for _ in range(2):
        assert list(table.of(long)) == ["one"]
    assert table.cached == 0
    assert list(table.of("/a/b")) == ["one"]
    assert table.cached == 1


def test_client_that_listens_twice_is_sent_one(table: ListenTable[str]) -> None:
    table.listen("one", "/a/*")
    table.listen("one", "/a/b")
    assert list(table.of("/a/b")) == ["one"]


def test_invalid_pattern_is_an_error(table: ListenTable[str]) -> None:
    with pytest.raises(oscbridge.PatternError):
        table.listen("one", "/a[")


def test_lost_rights_end_listening(table: ListenTable[str]) -> None:
    for address in ("/a", "/b", "/c*"):
        table.listen("one", address)
    table.retain("one", lambda address: address == "/b")
    assert table.count("one") == 1
    assert list(table.of("/b")) == ["one"]


def test_limits_are_per_client(table: ListenTable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MAX_LISTENS", 10)
    assert [table.listen("one", f"/{number}") for number in range(11)] == [True] * 10 + [False]
    assert table.listen("one", "/5")
    assert table.listen("two", "/10")
    patterns = [table.listen("one", f"/{number}*") for number in range(MAX_PATTERNS + 1)]
    assert patterns == [True] * MAX_PATTERNS + [False]
    assert table.listen("one", "/5*")

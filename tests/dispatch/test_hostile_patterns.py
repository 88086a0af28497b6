"""Patterns from an untrusted peer: limits of their calls and of the cache."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from oscbridge.dispatch.cache import MAX_CALLS
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import PatternError
from oscbridge.osc import Message, encode_bundle, encode_message
from oscbridge.osc.pattern import Pattern, Subject, Subjects

CLIENT = ("127.0.0.1", 9)


def osc(address: str) -> bytes:
    return encode_message(Message(address))


def dispatcher_with(addresses: int, calls: list[str], max_route_calls: int = 100) -> Dispatcher:
    dispatcher = Dispatcher(max_route_calls=max_route_calls)
    for number in range(addresses):
        dispatcher.map(f"/ch/{number}", calls.append)
    return dispatcher


def dispatch(dispatcher: Dispatcher, data: bytes) -> None:
    dispatcher.dispatch(data, CLIENT, lambda client, result: None)


letters = st.sampled_from("ab/")
wild = st.sampled_from(
    ["a", "b", "/", "//", "*", "?", "[a]", "[!a]", "[a-b]", "[!/]", "[!b-]", "{a,b}", "{,ab}"]
)


@given(
    st.lists(st.text(letters, max_size=8).map("/".__add__), max_size=12, unique=True),
    st.lists(wild, max_size=8).map("".join).map("/".__add__),
)
def test_find_agrees_with_matches_for_each_address(addresses: list[str], text: str) -> None:
    try:
        pattern = Pattern(text)
    except PatternError:
        return
    each = [address for address in addresses if pattern.matches(Subject(address))]
    assert pattern.find(Subjects(addresses)) == each


def test_pattern_finds_nothing_in_an_empty_map() -> None:
    assert Pattern("//*").find(Subjects([])) == []


def test_pattern_sees_later_changes_of_the_mapping() -> None:
    calls: list[str] = []
    dispatcher = dispatcher_with(1, calls)
    for number in range(1, 4):
        dispatch(dispatcher, osc("/ch/*"))
        dispatcher.map(f"/ch/{number}", calls.append)
    assert len(calls) == 1 + 2 + 3
    dispatcher.unmap("/ch/0", calls.append)
    dispatch(dispatcher, osc("/ch/*"))
    assert len(calls) == 6 + 3


def test_max_route_calls_rejects_a_bundle_as_a_whole() -> None:
    calls: list[str] = []
    dispatcher = dispatcher_with(10, calls, max_route_calls=25)
    dispatch(dispatcher, encode_bundle([osc("/ch/*"), osc("//*")]))
    assert len(calls) == 20
    dispatch(dispatcher, encode_bundle([osc("/ch/*"), osc("//*"), osc("/*/?")]))
    assert len(calls) == 20
    assert dispatcher.statistics.bad == {"max_route_calls": 1}


def test_max_route_calls_does_not_limit_a_single_message() -> None:
    calls: list[str] = []
    dispatch(dispatcher_with(30, calls, max_route_calls=25), osc("//*"))
    assert len(calls) == 30


def test_max_route_calls_applies_to_examine() -> None:
    dispatcher = dispatcher_with(10, [], max_route_calls=15)
    packets: list[bytes] = []
    dispatcher.examine(encode_bundle([osc("/ch/*")] * 2), CLIENT, packets.append)
    assert packets == []
    assert dispatcher.statistics.bad == {"max_route_calls": 1}


def test_cached_calls_are_bounded() -> None:
    dispatcher = Dispatcher()
    for number in range(1_000):
        dispatcher.map(f"/ch/{number}", lambda address: None)

    def flood(first: int) -> None:
        for number in range(first, first + 200):
            dispatch(dispatcher, osc(f"//*{{,{number}}}"))

    flood(0)
    tracemalloc.start()
    try:
        flood(200)
        assert tracemalloc.get_traced_memory()[0] < 150 * MAX_CALLS  # after 200,000 calls
    finally:
        tracemalloc.stop()

"""Patterns from a stranger: what they may call, and what the dispatcher remembers of them."""

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
def test_many_addresses_match_as_each_does(addresses: list[str], text: str) -> None:
    try:
        pattern = Pattern(text)
    except PatternError:
        return
    each = [address for address in addresses if pattern.matches(Subject(address))]
    assert pattern.find(Subjects(addresses)) == each


def test_no_address_at_all_is_matched_by_none() -> None:
    assert Pattern("//*").find(Subjects([])) == []


def test_a_mapping_that_changes_is_matched_as_it_is() -> None:
    calls: list[str] = []
    dispatcher = dispatcher_with(1, calls)
    for number in range(1, 4):
        dispatch(dispatcher, osc("/ch/*"))
        dispatcher.map(f"/ch/{number}", calls.append)
    assert len(calls) == 1 + 2 + 3
    dispatcher.unmap("/ch/0", calls.append)
    dispatch(dispatcher, osc("/ch/*"))
    assert len(calls) == 6 + 3


def test_a_bundle_that_asks_for_too_many_calls_is_refused_whole() -> None:
    calls: list[str] = []
    dispatcher = dispatcher_with(10, calls, max_route_calls=25)
    dispatch(dispatcher, encode_bundle([osc("/ch/*"), osc("//*")]))
    assert len(calls) == 20
    dispatch(dispatcher, encode_bundle([osc("/ch/*"), osc("//*"), osc("/*/?")]))
    assert len(calls) == 20
    assert dispatcher.statistics.bad == {"max_route_calls": 1}


def test_one_message_may_call_all_handlers_however_many_there_are() -> None:
    calls: list[str] = []
    dispatch(dispatcher_with(30, calls, max_route_calls=25), osc("//*"))
    assert len(calls) == 30


def test_a_bundle_for_other_processes_is_bound_as_well() -> None:
    dispatcher = dispatcher_with(10, [], max_route_calls=15)
    packets: list[bytes] = []
    dispatcher.examine(encode_bundle([osc("/ch/*")] * 2), CLIENT, packets.append)
    assert packets == []
    assert dispatcher.statistics.bad == {"max_route_calls": 1}


def test_patterns_that_match_everything_are_not_remembered_without_end() -> None:
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
        assert tracemalloc.get_traced_memory()[0] < 150 * MAX_CALLS  # 200,000 calls went by
    finally:
        tracemalloc.stop()

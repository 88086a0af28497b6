"""The protocol between a listener process and the bridge process."""

from __future__ import annotations

import os
import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge.bridge.hops import hops_of, origin_after
from oscbridge.bridge.sources.forked.child_counts import add_counts, counts_of
from oscbridge.bridge.sources.forked.ipc_clients import (
    AskedRecord,
    ClientDisconnected,
    SenderRecord,
)
from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    ChildCount,
    ChildEnd,
    ChildrenEnded,
    CountsRecord,
    DroppedRecord,
    Emission,
    ReceivedPacket,
    RouteCountsRecord,
    WorkerFailed,
    WorkerReady,
    read_record,
)
from oscbridge.dispatch.statistics import Statistics
from oscbridge.errors import DecodeError
from oscbridge.osc import (
    IMPULSE,
    MIDI,
    Argument,
    Color,
    Message,
    Origin,
    TimeTag,
    encode_message,
    encode_values,
)

TEXT = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30
)  # characters that an OSC string can contain
INT32 = st.integers(-(2**31), 2**31 - 1)
UINT64 = st.integers(0, 2**64 - 1)
BYTE = st.integers(0, 255)
VALUES: dict[str, st.SearchStrategy[Argument]] = {
    "i": INT32,
    "h": st.integers(-(2**63), 2**63 - 1),
    "f": st.floats(width=32, allow_nan=False),
    "d": st.floats(allow_nan=False),
    "s": TEXT,
    "S": TEXT,
    "c": st.characters(exclude_characters="\0", exclude_categories=("Cs",)),
    "b": st.binary(max_size=50),
    "t": UINT64.map(TimeTag),
    "r": st.integers(0, 2**32 - 1).map(Color),
    "m": st.builds(MIDI, BYTE, BYTE, BYTE, BYTE),
    "T": st.just(True),
    "F": st.just(False),
    "N": st.none(),
    "I": st.just(IMPULSE),
}
TAGGED = st.sampled_from(sorted(VALUES)).flatmap(lambda tag: VALUES[tag].map(lambda v: (tag, v)))
ARRAYED = st.lists(TAGGED, max_size=4).map(
    lambda items: ("[" + "".join(tag for tag, _ in items) + "]", [value for _, value in items])
)
ORIGINS = st.none() | st.builds(
    origin_after,
    TEXT,
    st.none()
    | TEXT
    | INT32
    | st.tuples(TEXT, st.integers(0, 65_535))
    | st.tuples(TEXT, st.integers(0, 65_535), INT32, UINT64.map(lambda n: n >> 32)),
    st.integers(0, 9),
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    items = draw(st.lists(TAGGED | ARRAYED, max_size=6))
    return Message(
        "/" + draw(TEXT),
        "".join(tag for tag, _ in items),
        tuple(value for _, value in items),
        draw(st.none() | UINT64.map(TimeTag)),
        draw(ORIGINS),
    )


@given(st.integers(-1, 10_000), messages(), st.dictionaries(TEXT, TEXT, max_size=3))
def test_emission_survives_encoding(route: int, message: Message, captures: dict[str, str]) -> None:
    emission = Emission(route, message, captures)
    found = read_record(emission.encode())
    assert found == emission
    assert isinstance(found, Emission)
    assert list(map(type, found.message.args)) == list(map(type, message.args))
    assert hops_of(found.message.origin) == hops_of(message.origin)


@pytest.mark.parametrize("args", [(), (b"old\0",)])
def test_emission_without_type_tags_survives_encoding(args: tuple[Argument, ...]) -> None:
    emission = Emission(0, Message("/old", None, args), {})
    assert read_record(emission.encode()) == emission


def test_peer_that_a_record_cannot_represent_is_omitted() -> None:
    message = Message("/x", origin=Origin("web", frozenset({1})))
    found = read_record(Emission(0, message, {}).encode())
    assert found == Emission(0, Message("/x", origin=Origin("web")), {})


@pytest.mark.parametrize("client", [("127.0.0.1", 9_000), ("fe80::1%eth0", 9_000, 0, 2)])
def test_records_about_clients_survive_encoding(client: tuple[str | int, ...]) -> None:
    for record in (
        AskedRecord(client, "/ch/01/fader"),
        SenderRecord(client, is_reachable=False),
        ClientDisconnected(client),
    ):
        assert read_record(record.encode()) == record


def test_emission_can_have_a_long_address() -> None:
    emission = Emission(0, Message("/" + "x" * 2_000), {})
    assert read_record(emission.encode()) == emission


@pytest.mark.parametrize(
    "record",
    [
        DroppedRecord("oversize", 1),
        DroppedRecord("x", 2, "why"),
        DroppedRecord("x", 2, "why", 3),
        RouteCountsRecord(3, 1, {"types": 2}),
        WorkerReady(),
        ChildCount(3),
        ChildrenEnded((ChildEnd(1, 2, 0, 0), ChildEnd(2**40, 0, 3, 1))),
        ReceivedPacket(b"/x\0\0,\0\0\0", "::1", 9000),
        CountsRecord({"messages": 3, "bad.size": 1}),
        CountsRecord({}),
    ],
)
def test_other_records_survive_encoding(
    record: DroppedRecord
    | RouteCountsRecord
    | WorkerReady
    | ChildCount
    | ReceivedPacket
    | CountsRecord,
) -> None:
    assert read_record(record.encode()) == record


def test_text_that_does_not_fit_a_record_is_shortened() -> None:
    found = read_record(DroppedRecord("x", 1, "a" * 5_000 + "b\0\ud800ü").encode())
    assert found == DroppedRecord("x", 1, "a" * 3_996 + "b ?ü")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="requires a listener process")
def test_emission_that_cannot_be_encoded_is_counted() -> None:
    from oscbridge.bridge.sources.forked.worker_ipc import record_of

    record = record_of(Emission(0, Message("/x", "i", ("no number",)), {}))
    assert read_record(record) == DroppedRecord("encode", 1, route=0)


@pytest.mark.parametrize(
    ("error", "like"),
    [
        (OSError(98, "in use"), OSError(98, "in use")),
        (socket.gaierror(-2, "unknown"), socket.gaierror(-2, "unknown")),
        (OSError("odd"), OSError("odd")),
        (ValueError("no interface"), OSError("no interface")),
        (KeyError(), OSError("KeyError()")),
    ],
)
def test_worker_failure_returns_as_a_system_error(error: Exception, like: OSError) -> None:
    failed = read_record(WorkerFailed.of(error).encode())
    assert isinstance(failed, WorkerFailed)
    found = failed.error()
    assert (type(found), found.args, found.errno) == (type(like), like.args, like.errno)


def refuses(data: bytes) -> bool:
    """Whether a record is rejected with a decode error; any other error fails the test."""
    try:
        read_record(data)
    except DecodeError:
        return True
    return False


@given(st.binary(max_size=200))
def test_garbage_is_not_a_record(data: bytes) -> None:
    assert refuses(data)


@given(
    st.sampled_from(["/emitted", "/dropped", "/counted", "/ready", "/failed", "/other"]),
    st.lists(TAGGED | ARRAYED, max_size=6),
)
def test_record_with_odd_values_raises_only_decode_errors(
    address: str, items: list[tuple[str, Argument]]
) -> None:
    types = "".join(tag for tag, _ in items)
    refuses(encode_message(Message(address, types, tuple(value for _, value in items))))


@given(messages(), st.data())
def test_damaged_record_raises_only_decode_errors(message: Message, data: st.DataObject) -> None:
    raw = bytearray(Emission(0, message, {"n": "1"}).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(BYTE)
    refuses(bytes(raw))


@pytest.mark.parametrize(
    "values",
    [
        [0, None, None, encode_message(Message("/x")), ["odd"]],
        [0, None, None, encode_message(Message("/x")), [1, 2]],
        [0, None, None, encode_message(Message("/x")), "text"],
        [0, None, None, b"none", []],
        [0, None, 1.0, encode_message(Message("/x")), []],
        [0, ["web", 0, [[1]]], None, encode_message(Message("/x")), []],
        [0, ["web"], None, encode_message(Message("/x")), []],
        ["0", None, None, encode_message(Message("/x")), []],
        [],
    ],
)
def test_record_that_resembles_an_emission_is_rejected(values: list[Argument]) -> None:
    assert refuses(encode_values("/emitted", values))


def test_largest_record_exceeds_any_datagram() -> None:
    message = Message.of("/x", bytes(65_000))
    assert len(Emission(0, message, {}).encode()) < MAX_RECORD


def test_counts_are_added_up() -> None:
    there = Statistics(packets=3, messages=2, bad=Counter(size=1), closed=Counter(idle=4))
    here = Statistics(packets=10, bad=Counter(size=1, utf8=1))
    add_counts(here, counts_of(there))
    assert here == Statistics(
        packets=13, messages=2, bad=Counter(size=2, utf8=1), closed=Counter(idle=4)
    )


@pytest.mark.parametrize("name", ["", "unknown", "messages.size", "bad", "__class__", "bad."])
def test_unknown_count_is_rejected(name: str) -> None:
    with pytest.raises(DecodeError):
        add_counts(Statistics(), {name: 1})

"""Packets from an untrusted peer: each is rejected with its own reason, and fast."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oscbridge.errors import DecodeError, LimitError
from oscbridge.osc import Bundle, Limits, Message, decode_message, decode_packet, messages
from oscbridge.osc.packet import split_packet

NOW = b"#bundle\0\0\0\0\0\0\0\0\x01"
PING = b"/ping\0\0\0,\0\0\0"
SOON = 2.0  # seconds: hundreds of times the duration of any of these


def element(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def nested(levels: int, inner: bytes = b"") -> bytes:
    for _ in range(levels):
        inner = NOW + (element(inner) if inner else b"")
    return inner


def typed(types: bytes, data: bytes = b"") -> bytes:
    head = b"/a\0\0," + types
    return head + b"\0" * (4 - len(head) % 4) + data


HOSTILE: list[tuple[str, bytes, str]] = [
    ("empty packet", b"", "address"),
    ("one NUL", b"\0", "address"),
    ("four NULs", b"\0\0\0\0", "address"),
    ("a stray text", b"GET / HTTP/1.1\r\n\r\n", "address"),
    ("a length prefix", b"\0\0\0\x0c" + PING, "address"),
    ("an address without an end", b"/p n", "string"),
    ("an address without an end, not UTF-8", b"/\xff", "string"),
    ("an address without an end, long", b"/" + b"a" * 60_003, "string"),
    ("a non UTF-8 address", b"/\xff\xfe\0,\0\0\0", "utf8"),
    ("an address cut within a character", b"/\xc3\0\0,\0\0\0", "utf8"),
    ("an address with a surrogate", b"/\xed\xa0\x80\0\0\0\0,\0\0\0", "utf8"),
    ("an address over its limit", b"/" + b"a" * 1026 + b"\0,\0\0\0", "max_address_length"),
    ("type tags without an end", b"/a\0\0,iii", "string"),
    ("type tags that are not ASCII", b"/a\0\0,\xff\0\0", "type"),
    ("an unknown type tag", typed(b"x"), "type"),
    ("an unknown type tag among known ones", typed(b"ixi", b"\0" * 12), "type"),
    ("a second comma", typed(b",i", b"\0" * 4), "type"),
    ("a bracket that opens nothing", typed(b"]"), "type"),
    ("a bracket that closes nothing", typed(b"["), "type"),
    ("brackets crossed", typed(b"][", b""), "type"),
    ("brackets unbalanced", typed(b"[i[i]", b"\0" * 8), "type"),
    ("10,000 brackets open", typed(b"[" * 10_000), "max_depth"),
    ("10,000 brackets close", typed(b"]" * 10_000), "type"),
    ("10,000 brackets in pairs", typed(b"[" * 5_000 + b"]" * 5_000), "max_depth"),
    ("60,000 true", typed(b"T" * 60_000), "max_type_tags"),
    ("60,000 empty arrays", typed(b"[]" * 30_000), "max_type_tags"),
    ("an int cut off", typed(b"i"), "truncated"),
    ("the second int cut off", typed(b"ii", b"\0" * 4), "truncated"),
    ("an int after a string cut off", typed(b"si", b"abc\0"), "truncated"),
    ("an int64 cut in half", typed(b"h", b"\0" * 4), "truncated"),
    ("a double in an array cut in half", typed(b"[d]", b"\0" * 4), "truncated"),
    ("a MIDI message cut off", typed(b"m"), "truncated"),
    ("a time tag cut in half", typed(b"t", b"\0" * 4), "truncated"),
    ("a string that is not there", typed(b"s"), "string"),
    ("a blob without a size", typed(b"b"), "truncated"),
    ("a blob of -1 bytes", typed(b"b", b"\xff" * 4), "size"),
    ("a blob of -2^31 bytes", typed(b"b", b"\x80\0\0\0"), "size"),
    ("a blob of 2^31-1 bytes", typed(b"b", b"\x7f\xff\xff\xff"), "size"),
    ("a blob one byte too long", typed(b"b", b"\0\0\0\x05abcd"), "size"),
    ("a blob after a blob that ends the packet", typed(b"bb", b"\0\0\0\x04abcd"), "truncated"),
    ("a char that is a surrogate", typed(b"c", b"\0\0\xd8\0"), "char"),
    ("a char beyond Unicode", typed(b"c", b"\0\x11\0\0"), "char"),
    ("a negative char", typed(b"c", b"\xff" * 4), "char"),
    ("no bundle", b"#bundel\0" + NOW[8:], "bundle"),
    ("a bundle that has no NUL", b"#bundle/" + NOW[8:], "bundle"),
    ("element of -4 bytes", NOW + b"\xff\xff\xff\xfc", "size"),
    ("element of -1 bytes", NOW + b"\xff" * 4, "size"),
    ("element of -2^31 bytes", NOW + b"\x80\0\0\0", "size"),
    ("element of -20 bytes, back to the start", NOW + b"\xff\xff\xff\xec", "size"),
    ("element of 2^31-4 bytes", NOW + b"\x7f\xff\xff\xfc", "size"),
    ("element of no bytes", NOW + b"\0\0\0\0", "size"),
    ("16,000 elements of no bytes", NOW + b"\0\0\0\0" * 16_000, "size"),
    ("element beyond the packet", NOW + b"\0\0\0\x10" + PING, "size"),
    ("element without a size", NOW + b"\0\0", "truncated"),
    ("a good element, then a bad one", NOW + element(PING) + element(b"ping"), "address"),
    ("a bad bundle in a bundle", NOW + element(b"#bun" + b"\0" * 16), "bundle"),
    ("17 nested bundles", nested(17), "max_depth"),
    ("1,500 nested bundles", nested(1_500), "max_depth"),
    ("3,000 nested bundles, a message", nested(3_000, PING), "max_depth"),
    ("over a megabyte", typed(b"b", b"\0\x10\0\0" + b"\0" * 1_048_576), "max_packet_size"),
    ("over a megabyte, bundle", NOW + element(PING) * 65_536, "max_packet_size"),
    ("a megabyte of slashes", b"/" * 1_048_580, "max_packet_size"),
]  # fmt: skip
HOSTILE += [
    (f"bundle cut at byte {cut}", (NOW + element(PING))[:cut], "bundle" if cut < 16 else reason)
    for cut, reason in [(n, "") for n in range(1, 16)]
    + [(17, "truncated"), (19, "truncated"), (20, "size"), (24, "size")]
]

hostile = pytest.mark.parametrize(
    ("data", "reason"),
    [(data, reason) for _, data, reason in HOSTILE],
    ids=[name for name, _, _ in HOSTILE],
)


@hostile
def test_hostile_packet_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    started = time.perf_counter()
    with pytest.raises(DecodeError) as caught:
        decode_packet(data)
    assert time.perf_counter() - started < SOON
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 200


@hostile
def test_hostile_packet_within_a_bundle_is_rejected(data: bytes, reason: str) -> None:
    bundle = NOW + element(PING) + element(data)
    if (
        data in UNKNOWN or reason == "utf8" or not data
    ):  # costs only itself; and four zeros are surplus
        assert len(list(messages(decode_packet(bundle)))) == 1
        return
    with pytest.raises(DecodeError):
        decode_packet(bundle)


@hostile
def test_messages_of_a_hostile_packet_are_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        for raw, _ in split_packet(data):
            decode_message(raw)
    assert caught.value.reason == reason


UNKNOWN = [b"/a\0\0,\xff\0\0", typed(b"x"), typed(b"ixi", b"\0" * 12), typed(b",i", b"\0" * 4)]

SMALL = Limits(72, max_depth=2, max_type_tags=5, max_arguments=3, max_address_length=8)
BOUNDS: list[tuple[str, bytes, bytes]] = [
    ("max_address_length", b"/1234567\0\0\0\0,\0\0\0", b"/12345678\0\0\0,\0\0\0"),
    ("max_arguments", typed(b"TTT"), typed(b"TTTT")),
    ("max_arguments", typed(b"[TTT]"), typed(b"TTTTT")),
    ("max_type_tags", typed(b"[TT]T"), typed(b"[TT]TT")),
    ("max_depth", typed(b"[[T]]"), typed(b"[[[]]")),
    ("max_depth", nested(2, PING), nested(3, PING)),
    (
        "max_packet_size",
        typed(b"b", b"\0\0\0\x3c" + b"x" * 60),
        typed(b"b", b"\0\0\0\x40" + b"x" * 64),
    ),
    ("max_packet_size", NOW + element(PING) * 3, NOW + element(PING) * 4),
]


@pytest.mark.parametrize(
    ("limit", "within", "beyond"), BOUNDS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_limit_is_exact_on_both_sides(limit: str, within: bytes, beyond: bytes) -> None:
    decode_packet(within, SMALL)
    with pytest.raises(LimitError) as caught:
        decode_packet(beyond, SMALL)
    assert caught.value.reason == limit


def test_arrays_within_arrays_count_their_arguments() -> None:
    with pytest.raises(LimitError) as caught:
        decode_packet(typed(b"[T[T]TT]"), Limits(max_arguments=3))
    assert caught.value.reason == "max_arguments"
    decode_packet(typed(b"[T[T]TT]"), Limits(max_arguments=4))


def test_largest_datagram_is_accepted() -> None:
    data = typed(b"b", (65_532 - 12).to_bytes(4, "big") + b"x" * (65_532 - 12))
    assert len(data) == 65_532
    decode_packet(data)


@pytest.mark.parametrize(
    "name", ["max_packet_size", "max_depth", "max_type_tags", "max_arguments", "max_address_length"]
)
@pytest.mark.parametrize("value", [0, -1, 1.5, "8"])
def test_limit_that_is_not_a_positive_integer_is_rejected(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_depth_above_the_recursion_limit_is_rejected() -> None:
    with pytest.raises(ValueError, match="at most 100"):
        Limits(max_depth=101)


def test_greatest_depth_is_accepted() -> None:
    limits = Limits(max_depth=100)
    assert isinstance(decode_packet(nested(100, PING), limits), Bundle)
    decode_packet(typed(b"[" * 100 + b"]" * 100), limits)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_rejected(data: bytes) -> None:
    decode_or_refuse(data)


pieces = st.sampled_from(
    [NOW, PING, b"/", b"#bundle\0", b",", b"\0", b"\0\0", b"\0\0\0\0", b"\xff" * 4, b"i", b"[",
     b"]", b",sb[hd]\0", b"\0\0\0\x0c", b"\0\0\0\x04", b"abc\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]
)  # fmt: skip


@given(st.lists(pieces | st.binary(max_size=8), max_size=30).map(b"".join))
def test_any_pieces_of_osc_are_decoded_or_rejected(data: bytes) -> None:
    decode_or_refuse(data)


VALID = [
    PING,
    typed(b"isbhtdScrmTFNI[i[s]]f", b"\0\0\0\x01abc\0\0\0\0\x03abc\0" + b"\0" * 24 + b"sym\0"
          + b"\0\0\0c" + b"\0" * 12 + b"x\0\0\0" + b"\0" * 4),
    NOW + element(NOW + element(PING)) + element(typed(b"f", b"\0" * 4)),
    b"/old\0\0\0\0raw.",
]  # fmt: skip


@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=8)), max_size=2),
)
def test_mutated_packet_is_decoded_or_rejected(
    data: bytes, changes: list[tuple[int, int]], inserts: list[tuple[int, bytes]]
) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    for place, more in inserts:
        mutated[place % len(mutated) : place % len(mutated)] = more
    decode_or_refuse(bytes(mutated))


def test_valid_packets_are_valid() -> None:
    for data in VALID:
        decode_packet(data)


@settings(deadline=None, max_examples=30)
@given(st.lists(pieces, min_size=1, max_size=4).map(b"".join), st.integers(1, 16_000))
def test_long_packet_of_repeated_pieces_is_decoded_fast(piece: bytes, times: int) -> None:
    data = (piece * times)[:65_532]
    for prefix in (b"", NOW, b"/a\0\0", b"/a\0\0,"):
        started = time.perf_counter()
        decode_or_refuse((prefix + data)[:65_532])
        assert time.perf_counter() - started < SOON


def decode_or_refuse(data: bytes) -> None:
    try:
        packet = decode_packet(data)
    except DecodeError as error:
        assert error.reason
        return
    assert isinstance(packet, Message | Bundle)

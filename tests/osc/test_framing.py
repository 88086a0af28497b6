"""Stream framing: one table of streams drives every decoder with every split."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oscbridge.errors import DecodeError, LimitError
from oscbridge.osc.framing import (
    MAX_PACKET_SIZE,
    AutoDecoder,
    Framing,
    LengthPrefixDecoder,
    SLIPDecoder,
    encode_length_prefix,
    encode_slip,
    stream_decoder,
    stream_encoder,
)

LIMIT = 32
END, ESC = b"\xc0", b"\xdb"
PING = b"/ping\0\0\0,\0\0\0"
FADER = b"/fader\0\0,f\0\0\x3f\x80\0\0"
BINARY = b"\xc0\xdb\xdc\xdd\xdb\xdb\xc0\xc0\0"
FULL = b"/" + b"\xc0" * (LIMIT - 1)


@dataclass(frozen=True)
class Case:
    """A stream, the frames in it, the reason that ends it and the bytes left over."""

    name: str
    mode: str
    stream: bytes
    frames: tuple[bytes, ...] = ()
    reason: str | None = None
    pending: int = 0


def prefixed(*packets: bytes) -> bytes:
    return b"".join(len(packet).to_bytes(4, "big") + packet for packet in packets)


CASES = [
    Case("1.0 nothing", "1.0", b""),
    Case("1.0 one frame", "1.0", prefixed(PING), (PING,)),
    Case("1.0 three frames", "1.0", prefixed(PING, BINARY, FADER), (PING, BINARY, FADER)),
    Case("1.0 empty frames", "1.0", prefixed(b"", b"", PING, b""), (PING,)),
    Case("1.0 frame at the limit", "1.0", prefixed(FULL), (FULL,)),
    Case("1.0 half a header", "1.0", prefixed(PING) + b"\0\0", (PING,), pending=2),
    Case("1.0 header alone", "1.0", prefixed(PING) + b"\0\0\0\x08", (PING,), pending=4),
    Case("1.0 cut frame", "1.0", prefixed(PING, FADER)[:-1], (PING,), pending=19),
    Case("1.0 size over the limit", "1.0", prefixed(PING, FULL + b"x"), (PING,), "max_packet_size"),
    Case("1.0 huge size", "1.0", b"\x7f\xff\xff\xffabcd", (), "max_packet_size"),
    Case("1.0 size of -1", "1.0", prefixed(PING) + b"\xff" * 4, (PING,), "negative_length"),
    Case("1.0 peer speaks SLIP", "1.0", END + PING + END, (), "negative_length"),
    Case("1.0 peer speaks SLIP, one byte", "1.0", END, (), "negative_length"),
    Case("1.0 peer speaks SLIP without END", "1.0", PING + END, (), "max_packet_size"),
    Case("1.1 peer sends sizes", "1.1", prefixed(PING, FADER), (), "wrong_framing"),
    Case("1.1 peer sends sizes of bundles", "1.1", prefixed(b"#bundle\0"), (), "wrong_framing"),
    Case("1.1 a NUL is not a size", "1.1", b"\0\0\0\0/" + END, (b"\0\0\0\0/",)),
    Case("1.1 nothing", "1.1", b""),
    Case("1.1 END at both ends", "1.1", END + PING + END + END + FADER + END, (PING, FADER)),
    Case("1.1 END only after", "1.1", PING + END + FADER + END, (PING, FADER)),
    Case("1.1 one END between", "1.1", END + PING + END + FADER + END, (PING, FADER)),
    Case("1.1 only ENDs", "1.1", END * 9),
    Case("1.1 ENDs around", "1.1", END * 3 + PING + END * 4, (PING,)),
    Case(
        "1.1 escapes", "1.1", b"/\xdb\xdc\xdb\xdd\xdb\xdd\xdc\xdd\xc0", (b"/\xc0\xdb\xdb\xdc\xdd",)
    ),
    Case("1.1 binary", "1.1", encode_slip(BINARY) + encode_slip(PING), (BINARY, PING)),
    Case("1.1 frame at the limit", "1.1", encode_slip(FULL), (FULL,)),
    Case("1.1 no END yet", "1.1", END + PING + END + FADER, (PING,), pending=16),
    Case("1.1 held to the limit", "1.1", encode_slip(FULL)[:-1], pending=LIMIT),
    Case("1.1 half an escape", "1.1", END + PING + END + b"/" + ESC, (PING,), pending=2),
    Case("1.1 bad escape", "1.1", END + PING + END + b"/\xdb/", (PING,), "bad_escape"),
    Case("1.1 ESC ESC", "1.1", PING + END + b"/\xdb\xdb", (PING,), "bad_escape"),
    Case("1.1 ESC END", "1.1", PING + END + b"/\xdb\xc0" + PING + END, (PING,), "bad_escape"),
    Case("1.1 bad escape first", "1.1", b"/\xdb/" + END + FULL + FULL, (), "bad_escape"),
    Case("1.1 over the limit", "1.1", PING + END + b"x" * 33, (PING,), "max_packet_size"),
    Case("1.1 over, complete", "1.1", PING + END + b"x" * 33 + END, (PING,), "max_packet_size"),
    Case("1.1 over by an escape", "1.1", encode_slip(FULL + ESC), (), "max_packet_size"),
    Case("1.1 over, then bad", "1.1", b"x" * 33 + END + b"\xdb/", (), "max_packet_size"),
    Case("1.1 bad at the limit", "1.1", encode_slip(FULL)[:-1] + b"\xdb/", (), "bad_escape"),
    Case("auto nothing", "auto", b""),
    Case("auto unknown", "auto", b"GET / HTTP/1.1", (), "unknown_framing"),
    Case("auto size of -1", "auto", b"\xff\xff\xff\xff", (), "unknown_framing"),
]
# The detection reads every stream of either framing that begins like OSC.
CASES += [
    Case("auto: " + case.name, "auto", case.stream, case.frames, case.reason, case.pending)
    for case in CASES
    if case.stream[:1] in ((b"\0",) if case.mode == "1.0" else (END, b"/", b"#"))
    and case.mode != "auto"
]
SOUND = [case for case in CASES if case.reason is None]
FAULTY = [case for case in CASES if case.reason is not None]


def table(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def read(decoder: Framing, pieces: Iterable[bytes]) -> tuple[bytes, ...]:
    """The server's receive loop."""
    frames: list[bytes] = []
    for piece in pieces:
        if decoder.error is not None:
            break
        frames += decoder.feed(piece)
        assert decoder.pending < decoder.max_packet_size + 4
    return tuple(frames)


def check(case: Case, pieces: Iterable[bytes]) -> str:
    decoder = stream_decoder(case.mode, LIMIT)
    assert read(decoder, pieces) == case.frames
    assert (decoder.error.reason if decoder.error else None) == case.reason
    assert decoder.pending == case.pending
    return str(decoder.error)


def each_byte(stream: bytes) -> list[bytes]:
    return [stream[n : n + 1] for n in range(len(stream))]


@table(CASES)
def test_stream_is_read_at_once(case: Case) -> None:
    check(case, [case.stream])


@table(CASES)
def test_stream_is_read_byte_by_byte(case: Case) -> None:
    check(case, each_byte(case.stream))


@table(CASES)
def test_frame_split_anywhere_is_reassembled(case: Case) -> None:
    for cut in range(len(case.stream) + 1):
        check(case, [case.stream[:cut], b"", case.stream[cut:]])


@table(SOUND)
def test_every_prefix_of_a_stream_yields_a_prefix_of_its_frames(case: Case) -> None:
    for cut in range(len(case.stream) + 1):
        frames = read(stream_decoder(case.mode, LIMIT), [case.stream[:cut]])
        assert frames == case.frames[: len(frames)]


@table(FAULTY)
def test_nothing_is_read_after_an_error(case: Case) -> None:
    for trailing in (END, END + PING + END, prefixed(PING), b"\xff" * 99, ESC):
        check(case, [case.stream + trailing])


@table(FAULTY)
def test_error_does_not_depend_on_how_the_stream_is_split(case: Case) -> None:
    assert check(case, [case.stream]) == check(case, each_byte(case.stream))


@table(FAULTY)
def test_dead_decoder_raises_the_same_error_at_every_feed(case: Case) -> None:
    decoder = stream_decoder(case.mode, LIMIT)
    decoder.feed(case.stream)
    depths = set()
    for data in (b"", PING, b"\0"):
        with pytest.raises(DecodeError) as caught:
            decoder.feed(data)
        assert caught.value is decoder.error
        assert isinstance(caught.value, LimitError) is (case.reason == "max_packet_size")
        depths.add(len(caught.traceback))
    assert len(depths) == 1


packets = st.lists(st.binary(max_size=LIMIT) | st.sampled_from([PING, BINARY, FULL]), max_size=8)
cuts = st.lists(st.integers(0, 300), max_size=12)
DIALECTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "length prefix": ("1.0", encode_length_prefix),
    "SLIP, END at both ends": ("1.1", encode_slip),
    "SLIP, END only after": ("1.1", lambda packet: encode_slip(packet)[1:]),
}


def cut_up(stream: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(at), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(packets=packets, at=cuts)
def test_encoded_stream_is_decoded_regardless_of_its_split(
    dialect: str, packets: list[bytes], at: list[int]
) -> None:
    mode, encode = DIALECTS[dialect]
    stream = b"".join(map(encode, packets))
    decoder = stream_decoder(mode, LIMIT)
    assert read(decoder, cut_up(stream, at)) == tuple(filter(None, packets))
    assert decoder.error is None
    assert decoder.pending == 0


octets = st.binary(max_size=300)
tricky = st.lists(st.sampled_from(list(b"\0\0\0\x04/#\xc0\xdb\xdc\xdd\xff")), max_size=300)


@pytest.mark.parametrize("mode", ["1.0", "1.1", "auto"])
@given(stream=octets | tricky.map(bytes), at=cuts)
def test_garbage_is_decoded_equally_regardless_of_its_split(
    mode: str, stream: bytes, at: list[int]
) -> None:
    whole, pieces = stream_decoder(mode, LIMIT), stream_decoder(mode, LIMIT)
    assert read(whole, [stream]) == read(pieces, cut_up(stream, at))
    assert str(whole.error) == str(pieces.error)
    assert whole.pending == pieces.pending


def by_the_letter(stream: bytes) -> tuple[list[bytes], bool]:
    """RFC 1055 byte by byte: the frames, and whether a bad escape ended them."""
    frames: list[bytes] = []
    frame, escaped = bytearray(), False
    for octet in stream:
        if escaped:
            if octet not in b"\xdc\xdd":
                return frames, True
            frame.append(0xC0 if octet == 0xDC else 0xDB)
            escaped = False
        elif octet == 0xC0:
            frames += [bytes(frame)] if frame else []
            frame.clear()
        elif octet == 0xDB:
            escaped = True
        else:
            frame.append(octet)
    return frames, False


@given(stream=octets | tricky.map(bytes))
def test_slip_follows_rfc_1055_exactly(stream: bytes) -> None:
    decoder = SLIPDecoder()
    frames = decoder.feed(stream)
    assume(decoder.error is None or decoder.error.reason != "wrong_framing")
    assert (frames, decoder.error is not None) == by_the_letter(stream)


@pytest.mark.parametrize("mode", ["1.0", "1.1", "auto"])
@pytest.mark.parametrize("flood", [b"a", b"\0", END, ESC, b"\xdb\xdc", b"\0\0\0\x20", b"/"])
def test_decoder_never_holds_more_than_its_limit(mode: str, flood: bytes) -> None:
    for size in (1, 3, 7, 4096):
        stream = flood * 4096
        read(stream_decoder(mode, LIMIT), (stream[n : n + size] for n in range(0, 4096, size)))


@pytest.mark.parametrize("mode", ["1.0", "1.1", "auto"])
def test_held_bytes_take_about_their_size_in_memory(mode: str) -> None:
    limit = 200_000
    stream = stream_encoder(mode)(b"/" * limit)[:-1]
    pieces = [stream[n : n + 10] for n in range(0, len(stream), 10)]
    tracemalloc.start()
    decoder = stream_decoder(mode, limit)
    read(decoder, pieces)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoder.pending >= limit - 1
    assert taken < limit * 1.2 + 2000


def test_claimed_size_takes_no_memory() -> None:
    decoder = LengthPrefixDecoder()
    assert decoder.feed(MAX_PACKET_SIZE.to_bytes(4, "big") + b"abc") == []
    assert decoder.pending == 7


def test_dead_decoder_holds_nothing() -> None:
    decoder = SLIPDecoder(LIMIT)
    decoder.feed(b"a" * 9 + b"\xdb/")
    assert decoder.pending == 0


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_large_frame_byte_by_byte_takes_linear_time(mode: str) -> None:
    stream = stream_encoder(mode)(b"/" * (MAX_PACKET_SIZE - 4))
    started = time.perf_counter()
    assert len(read(stream_decoder(mode), each_byte(stream))) == 1
    assert time.perf_counter() - started < 20  # about 1 s; quadratic time would be minutes


def test_encoded_frame_has_one_end_on_each_side() -> None:
    assert encode_slip(b"a\xc0b\xdbc") == b"\xc0a\xdb\xdcb\xdb\xddc\xc0"


def test_length_prefix_is_a_big_endian_int32() -> None:
    assert encode_length_prefix(b"abcd") == b"\0\0\0\x04abcd"


@pytest.mark.parametrize(
    ("stream", "mode"),
    [(b"", None), (b"\0", "1.0"), (END, "1.1"), (b"/", "1.1"), (b"#", "1.1"), (b"G", None)],
)
def test_first_byte_determines_the_framing(stream: bytes, mode: str | None) -> None:
    decoder = AutoDecoder(LIMIT)
    decoder.feed(stream)
    assert decoder.mode == mode


@pytest.mark.parametrize("encode", [encode_length_prefix, encode_slip])
def test_reply_uses_the_framing_of_the_peer(encode: Callable[[bytes], bytes]) -> None:
    decoder = stream_decoder("auto")
    assert decoder.encode(PING) == encode_slip(PING)
    decoder.feed(encode(PING))
    assert decoder.encode(FADER) == encode(FADER)


@pytest.mark.parametrize(("mode", "wire"), [("1.0", prefixed(PING)), ("1.1", encode_slip(PING))])
def test_mode_names_its_decoder_and_its_encoder(mode: str, wire: bytes) -> None:
    assert stream_decoder(mode).mode == mode
    assert stream_decoder(mode).feed(wire) == [PING]
    assert stream_decoder(mode).encode(PING) == stream_encoder(mode)(PING) == wire


def test_encoder_for_auto_is_the_osc_1_1_encoder() -> None:
    assert stream_encoder("auto")(PING) == encode_slip(PING)


@pytest.mark.parametrize("mode", ["", "1", "slip", "AUTO"])
@pytest.mark.parametrize("factory", [stream_decoder, stream_encoder])
def test_unknown_mode_is_rejected_with_the_available_ones(
    factory: Callable[[str], object], mode: str
) -> None:
    with pytest.raises(ValueError, match=r'"1\.0".*"1\.1".*"auto"'):
        factory(mode)


@pytest.mark.parametrize("limit", [0, -1, 0x2300_0000])
def test_limit_out_of_range_is_rejected(limit: int) -> None:
    with pytest.raises(ValueError, match="max_packet_size"):
        AutoDecoder(limit)


def test_size_that_looks_like_slip_adds_a_hint() -> None:
    decoder = LengthPrefixDecoder()
    decoder.feed(encode_slip(PING))
    assert "SLIP" in str(decoder.error)

"""The bytes of E1.31-2018, tables 4-1 to 8-9."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oscbridge
from oscbridge_dmx.frame import DmxFrame, sequence_is_old
from oscbridge_dmx.sacn_packets import decode_data, encode_data, encode_discovery, group_of

CID = bytes(range(16))
LEVELS = bytes(range(256)) * 2

DATA = (
    bytes.fromhex("0010 0000")  # size of the preamble, size of the postamble
    + b"ASC-E1.17\0\0\0"
    + bytes.fromhex("726e 00000004")  # flags and 622 bytes, VECTOR_ROOT_E131_DATA
    + CID
    + bytes.fromhex("7258 00000002")  # flags and 600 bytes, VECTOR_E131_DATA_PACKET
    + b"Stage".ljust(64, b"\0")
    + bytes.fromhex("64 0000 9a 00 0001")  # priority, synchronisation, sequence, options, universe
    + bytes.fromhex("720b 02 a1 0000 0001 0201 00")  # flags and 523 bytes, DMP, 513 values
    + LEVELS
)


def test_data_packet_has_the_bytes_of_the_specification() -> None:
    assert len(DATA) == 638
    assert encode_data(DmxFrame(1, LEVELS, 0x9A, 100), CID, "Stage") == DATA


def test_data_packet_is_read_back() -> None:
    assert decode_data(DATA) == (CID, DmxFrame(1, LEVELS, 0x9A, 100))


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (DmxFrame(63_999, LEVELS, 0, 200, is_preview=True), 0x80),
        (DmxFrame(63_999, LEVELS, 0, 200, is_last=True), 0x40),
    ],
)
def test_options_are_bits_of_byte_112(frame: DmxFrame, options: int) -> None:
    packet = encode_data(frame, CID, "Stage")
    assert packet[108] == 200
    assert packet[112] == options
    assert packet[113:115] == bytes.fromhex("f9ff")
    assert decode_data(packet) == (CID, frame)


def test_long_name_is_cut_off_at_a_whole_character() -> None:
    packet = encode_data(DmxFrame(1, LEVELS, 0), CID, "x" * 62 + "é")
    assert packet[44:108] == b"x" * 62 + b"\0\0"
    assert len(packet) == 638


def test_group_of_a_universe() -> None:
    assert group_of(1) == "239.255.0.1"
    assert group_of(63_999) == "239.255.249.255"


def test_discovery_packet_has_the_bytes_of_the_specification() -> None:
    [packet] = encode_discovery([7, 1], CID, "Stage")
    assert packet == (
        bytes.fromhex("0010 0000")
        + b"ASC-E1.17\0\0\0"
        + bytes.fromhex("706c 00000008")  # flags and 108 bytes, VECTOR_ROOT_E131_EXTENDED
        + CID
        + bytes.fromhex("7056 00000002")  # flags and 86 bytes, VECTOR_E131_EXTENDED_DISCOVERY
        + b"Stage".ljust(64, b"\0")
        + bytes(4)
        + bytes.fromhex("700c 00000001 00 00 0001 0007")  # flags and 12 bytes, the list, the pages
    )
    assert decode_data(packet) is None


def test_discovery_of_many_universes_has_pages() -> None:
    pages = encode_discovery(range(1, 514), CID, "Stage")
    assert [page[118:120] for page in pages] == [b"\0\1", b"\1\1"]
    assert [len(page) for page in pages] == [120 + 1024, 122]
    assert encode_discovery([], CID, "Stage") == []


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "not_sacn"),
        (DATA[:37], "not_sacn"),
        (b"Art-Net\0" + DATA[8:], "not_sacn"),
        (DATA[:125], "truncated"),
        (DATA[:637], "truncated"),
        (DATA[:18] + bytes.fromhex("00000005") + DATA[22:], "vector"),
        (DATA[:40] + bytes.fromhex("00000003") + DATA[44:], "vector"),
        (DATA[:117] + b"\3" + DATA[118:], "vector"),
        (DATA[:108] + b"\xc9" + DATA[109:], "priority"),
        (DATA[:123] + b"\0\0" + DATA[125:], "truncated"),
        (DATA[:123] + b"\2\2" + DATA[125:] + b"\0", "truncated"),
    ],
)
def test_bad_packet_is_counted_by_reason(packet: bytes, reason: str) -> None:
    with pytest.raises(oscbridge.DecodeError) as caught:
        decode_data(packet)
    assert caught.value.reason == reason


def test_other_start_codes_are_ignored() -> None:
    assert decode_data(DATA[:125] + b"\xdd" + DATA[126:]) is None


def test_short_packet_has_the_levels_that_it_has() -> None:
    packet = DATA[:123] + b"\0\3" + DATA[125:128]
    assert decode_data(packet) == (CID, DmxFrame(1, LEVELS[:2], 0x9A, 100))


@given(st.binary(max_size=700), st.integers(0, 637), st.binary(max_size=8))
def test_any_bytes_are_a_packet_or_an_error(noise: bytes, at: int, piece: bytes) -> None:
    for data in (noise, DATA[:at] + piece + DATA[at + len(piece) :], DATA[:at]):
        try:
            found = decode_data(data)
        except oscbridge.DecodeError:
            continue
        assert found is None or len(found[1].levels) <= 512


@pytest.mark.parametrize(
    ("number", "last", "is_old"),
    [(5, 4, False), (0, 255, False), (4, 4, True), (3, 4, True), (250, 5, True), (1, 21, False)],
)
def test_sequence_that_goes_back_a_little_is_old(number: int, last: int, is_old: bool) -> None:
    assert sequence_is_old(number, last) is is_old

"""The bytes of Art-Net 4, revision 1.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oscbridge
from oscbridge_dmx.artnet_packets import ArtPoll, NodePort, decode, encode_dmx, encode_poll_reply
from oscbridge_dmx.frame import DmxFrame

LEVELS = bytes(range(256)) * 2
DMX = (
    b"Art-Net\0"
    + bytes.fromhex("0050 000e")  # OpDmx, low byte first; version 14, high byte first
    + bytes.fromhex("9a 00 45 23 0200")  # sequence, physical, SubUni, Net, 512 levels
    + LEVELS
)
POLL = b"Art-Net\0" + bytes.fromhex("0020 000e 00 00")


def test_dmx_packet_has_the_bytes_of_the_specification() -> None:
    assert len(DMX) == 530
    assert encode_dmx(DmxFrame(0x2345, LEVELS, 0x9A)) == DMX


def test_dmx_packet_is_read_back() -> None:
    assert decode(DMX) == DmxFrame(0x2345, LEVELS, 0x9A)


def test_sequence_0_means_that_packets_are_not_counted() -> None:
    assert decode(DMX[:12] + b"\0" + DMX[13:]) == DmxFrame(0x2345, LEVELS, None)


def test_physical_input_is_read() -> None:
    assert decode(DMX[:13] + b"\2" + DMX[14:]) == DmxFrame(0x2345, LEVELS, 0x9A, physical=2)


def test_short_packet_has_the_levels_that_it_has() -> None:
    assert decode(DMX[:16] + b"\0\2" + DMX[18:20]) == DmxFrame(0x2345, LEVELS[:2], 0x9A)


def test_poll_asks_for_all_or_for_a_range() -> None:
    assert decode(POLL) == ArtPoll(0, 0x7FFF)
    targeted = POLL[:12] + bytes.fromhex("20 00 0100 0010")  # top, bottom
    assert decode(targeted) == ArtPoll(0x10, 0x100)


def test_other_packets_are_ignored() -> None:
    assert decode(b"Art-Net\0" + bytes.fromhex("0021 00")) is None


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "not_artnet"),
        (b"Art-Net\0", "not_artnet"),
        (b"ASC-E1.17" + DMX[9:], "not_artnet"),
        (DMX[:17], "truncated"),
        (DMX[:529], "truncated"),
        (DMX[:16] + b"\0\0" + DMX[18:], "truncated"),
        (DMX[:16] + b"\2\1" + DMX[18:] + b"\0", "truncated"),
        (DMX[:10] + b"\0\x0d" + DMX[12:], "version"),
        (POLL[:12], "truncated"),
    ],
)
def test_bad_packet_is_counted_by_reason(packet: bytes, reason: str) -> None:
    with pytest.raises(oscbridge.DecodeError) as caught:
        decode(packet)
    assert caught.value.reason == reason


@given(st.binary(max_size=600), st.integers(0, 529), st.binary(max_size=8))
def test_any_bytes_are_a_packet_or_an_error(noise: bytes, at: int, piece: bytes) -> None:
    for data in (noise, DMX[:at] + piece + DMX[at + len(piece) :], DMX[:at], POLL[:at]):
        try:
            found = decode(data)
        except oscbridge.DecodeError:
            continue
        assert not isinstance(found, DmxFrame) or 1 <= len(found.levels) <= 512


def test_reply_to_a_poll_has_the_bytes_of_the_specification() -> None:
    packet = encode_poll_reply(NodePort(0x2345, False, 3), "10.1.2.3", 6454, "Stage left")
    assert len(packet) == 239
    fields = {  # by offset
        0: b"Art-Net\0",
        8: bytes.fromhex("0021"),  # OpPollReply
        10: bytes((10, 1, 2, 3)),
        14: bytes.fromhex("3619"),  # the port, low byte first
        16: bytes.fromhex("0000"),  # version
        18: bytes.fromhex("23 04"),  # NetSwitch, SubSwitch
        20: bytes.fromhex("00ff 00"),  # OemUnknown, UBEA
        23: bytes.fromhex("d0 0000"),  # Status1: no RDM; no ESTA code
        26: b"Stage left".ljust(18, b"\0"),
        44: b"Stage left".ljust(64, b"\0"),
        108: b"#0001 [0000] oscbridge: ok".ljust(64, b"\0"),
        172: bytes.fromhex("0001"),  # one port
        174: bytes.fromhex("80000000"),  # it can output DMX from the network
        178: bytes(4),  # no input
        182: bytes.fromhex("80000000"),  # data is transmitted
        186: bytes(4),  # SwIn
        190: bytes.fromhex("05000000"),  # SwOut
        200: b"\0",  # StNode
        201: bytes(6),  # MAC
        207: bytes((10, 1, 2, 3)),  # BindIp
        211: b"\3",  # BindIndex
        212: b"\x08",  # 15-bit Port-Addresses
        226: bytes.fromhex("002c"),  # 44 Hz
    }
    assert {at: packet[at : at + len(data)] for at, data in fields.items()} == fields


def test_reply_about_a_universe_that_is_sent_is_an_input_of_the_network() -> None:
    packet = encode_poll_reply(NodePort(5, True, 1), "10.1.2.3", 6454, "x" * 80)
    assert packet[174] == 0x40
    assert (packet[178], packet[182]) == (0x80, 0)
    assert (packet[186], packet[190]) == (5, 0)
    assert packet[26:44] == b"x" * 17 + b"\0"
    assert packet[44:108] == b"x" * 63 + b"\0"

"""Between OSC messages and DMX levels."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest

import oscbridge
from oscbridge import Message
from oscbridge_dmx.levels import changes, encode_levels, parse_address

SACN = range(1, 64_000)


def encode(
    *args: oscbridge.Argument, channel: int = 1, fine: Collection[int] = (), clamp: bool = True
) -> bytes:
    return encode_levels(Message.of("/dmx/1/1", *args), channel, fine, clamp=clamp)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (0.0, 0),
        (0.5, 128),
        (1.0, 255),
        (1, 1),
        (255, 255),
        (True, 255),
        (False, 0),
        (1.5, 255),
        (-0.1, 0),
        (300, 255),
        (-1, 0),
        (math.inf, 255),
    ],
)
def test_number_becomes_a_level(value: oscbridge.Argument, level: int) -> None:
    assert encode(value) == bytes((level,))


def test_arguments_are_for_consecutive_channels() -> None:
    assert encode(1.0, 0.5, 3) == bytes((255, 128, 3))


def test_blob_is_levels_as_they_are() -> None:
    assert encode(b"\1\2\3", channel=510) == b"\1\2\3"


def test_fine_channel_takes_two_levels() -> None:
    assert encode(0.5, 0.5, channel=3, fine={3}) == bytes((0x80, 0x00, 0x80))
    assert encode(0x1234, channel=3, fine={3}) == bytes((0x12, 0x34))


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "missing value"),
        ((math.nan,), "expected a number or a blob, not nan"),
        (("full",), "expected a number or a blob, not 'full'"),
        ((None,), "expected a number or a blob, not None"),
        ((b"",), "missing value"),
        ((b"\0" * 513,), "513 levels from channel 1 on exceed channel 512"),
    ],
)
def test_argument_that_is_not_a_level_is_rejected(args: tuple[object, ...], text: str) -> None:
    with pytest.raises(oscbridge.BadMessage, match=text):
        encode(*args)  # type: ignore[arg-type]


def test_value_out_of_range_can_be_refused() -> None:
    with pytest.raises(oscbridge.BadMessage, match=r"the value must be 0 to 1, not 1\.5"):
        encode(1.5, clamp=False)
    with pytest.raises(oscbridge.BadMessage, match="the value must be 0 to 255, not 256"):
        encode(256, clamp=False)


def test_address_has_a_universe_and_a_channel() -> None:
    assert parse_address("/dmx/63999/512", SACN) == (63_999, 512)
    assert parse_address("/dmx/0/1", range(32_768)) == (0, 1)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("/dmx/1", "expected /dmx/UNIVERSE/CHANNEL"),
        ("/dmx/1/2/3", "expected /dmx/UNIVERSE/CHANNEL"),
        ("/dmx/one/2", "expected /dmx/UNIVERSE/CHANNEL"),
        ("/dmx/0/1", "universe must be 1 to 63999, not 0"),
        ("/dmx/64000/1", "universe must be 1 to 63999, not 64000"),
        ("/dmx/1/0", "channel must be 1 to 512, not 0"),
        ("/dmx/1/513", "channel must be 1 to 512, not 513"),
        ("/dmx/1/٣", "expected /dmx/UNIVERSE/CHANNEL"),
    ],
)
def test_other_addresses_are_rejected(address: str, text: str) -> None:
    with pytest.raises(oscbridge.BadMessage, match=text):
        parse_address(address, SACN)


def test_only_changed_channels_become_messages() -> None:
    found = list(changes(7, b"\0\1\2", b"\0\xff\2", (), "float"))
    assert found == [Message("/dmx/7/2", "f", (1.0,))]


def test_channels_that_were_unknown_become_messages() -> None:
    found = list(changes(7, b"\0", b"\0\0", (), "int"))
    assert found == [Message("/dmx/7/2", "i", (0,))]


def test_fine_channel_becomes_one_message() -> None:
    before, after = bytes((1, 2, 3)), bytes((1, 0x12, 0x34))
    assert list(changes(1, before, after, {2}, "int")) == [Message("/dmx/1/2", "i", (0x1234,))]
    [message] = changes(1, before, bytes((1, 0xFF, 0xFF)), {2}, "float")
    assert message.args == (1.0,)


def test_fine_channel_without_its_second_half_becomes_a_plain_one() -> None:
    assert list(changes(1, b"", b"\5", {1}, "int")) == [Message("/dmx/1/1", "i", (5,))]


def test_universe_can_become_a_blob() -> None:
    assert list(changes(1, b"\0\1", b"\0\2", (), "blob")) == [Message("/dmx/1/1", "b", (b"\0\2",))]
    assert list(changes(1, b"\0\1", b"\0\1", (), "blob")) == []

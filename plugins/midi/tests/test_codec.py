"""The default mapping: OSC to MIDI and MIDI to OSC."""

from __future__ import annotations

import math
import random

import mido  # type: ignore[import-untyped]
import pytest

from oscbridge import IMPULSE, MIDI, Argument, Color, Message, TimeTag
from oscbridge_midi.codec import (
    MAX_SYSEX,
    EncodeOptions,
    coalesce_key,
    decode,
    encode,
    parse_message,
)
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_table import BY_STATUS, TABLE

CASES: list[tuple[str, tuple[Argument, ...], str]] = [
    ("/note", (1, 69, 100), "90 45 64"),
    ("/note_off", (16, 127, 0), "8f 7f 00"),
    ("/key_pressure", (2, 60, 127), "a1 3c 7f"),
    ("/control", (3, 7, 64), "b2 07 40"),
    ("/program", (10, 127), "c9 7f"),
    ("/channel_pressure", (1, 5), "d0 05"),
    ("/pitch", (1, 8192), "e0 00 40"),
    ("/pitch", (2, 16383), "e1 7f 7f"),
    ("/sysex", (bytes.fromhex("f07e7f0601f7"),), "f0 7e 7f 06 01 f7"),
    ("/mtc", (7, 15), "f1 7f"),
    ("/song_position", (16383,), "f2 7f 7f"),
    ("/song_select", (5,), "f3 05"),
    ("/tune_request", (), "f6"),
    ("/clock", (), "f8"),
    ("/start", (), "fa"),
    ("/continue", (), "fb"),
    ("/stop", (), "fc"),
    ("/active_sensing", (), "fe"),
    ("/reset", (), "ff"),
]

JOINED: list[tuple[str, tuple[Argument, ...], list[str]]] = [
    ("/nrpn", (1, 300, 16383), ["b0 63 02", "b0 62 2c", "b0 06 7f", "b0 26 7f"]),
    ("/rpn", (16, 0, 256), ["bf 65 00", "bf 64 00", "bf 06 02", "bf 26 00"]),
    ("/control14", (1, 7, 8193), ["b0 07 40", "b0 27 01"]),
]


def encoded(address: str, *args: Argument, options: EncodeOptions | None = None) -> list[str]:
    parts = encode(Message.of(address, *args), *([options] if options else []))
    return [part.hex(" ") for part in parts]


def test_every_message_kind_has_a_case() -> None:
    assert {address for address, *_ in (*CASES, *JOINED)} == {kind.address for kind in TABLE}


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_a_message_is_encoded(address: str, args: tuple[Argument, ...], wire: str) -> None:
    assert encoded(address, *args) == [wire]


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_message_is_decoded(address: str, args: tuple[Argument, ...], wire: str) -> None:
    data = bytes.fromhex(wire)
    assert decode(parse_message(data), data) == Message.of(address, *args)


@pytest.mark.parametrize(("address", "args", "wires"), JOINED)
def test_fourteen_bit_value_is_encoded_as_several_controllers(
    address: str, args: tuple[Argument, ...], wires: list[str]
) -> None:
    assert encoded(address, *args) == wires


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_mido_decodes_the_same_message(address: str, args: tuple[Argument, ...], wire: str) -> None:
    [part] = encode(Message.of(address, *args))
    message = mido.Message.from_bytes(part)
    assert message.type == BY_STATUS[part[0]].type
    assert bytes(message.bytes()) == part


@pytest.mark.parametrize(
    ("value", "byte"),
    [(63.5, 64), (63.49, 63), (0.5 - 1e-9, 0), (64, 64), (True, 127), (False, 0)],
)
def test_values_are_rounded_halves_up(value: Argument, byte: int) -> None:
    assert encoded("/control", 1, 7, value) == [f"b0 07 {byte:02x}"]


@pytest.mark.parametrize(("value", "byte"), [(200, 127), (-1, 0), (1e30, 127), (127.4, 127)])
def test_value_out_of_range_is_clamped(value: Argument, byte: int) -> None:
    assert encoded("/control", 1, 7, value) == [f"b0 07 {byte:02x}"]


@pytest.mark.parametrize("value", [200, -1, 1e30])
def test_value_out_of_range_is_an_error_without_clamping(value: Argument) -> None:
    with pytest.raises(MidiEncodeError, match=r"value must be 0 to 127, not -?\d+"):
        encoded("/control", 1, 7, value, options=EncodeOptions(clamp=False))


@pytest.mark.parametrize(
    ("address", "args", "text"),
    [
        ("/note", (17, 60, 1), "channel must be 1 to 16, not 17"),
        ("/note", (0, 60, 1), "channel must be 1 to 16, not 0"),
        ("/note", (1, 200, 1), "note must be 0 to 127, not 200"),
        ("/note", (1, "c4", 1), "note must be a number, not 'c4'"),
        ("/note", (True, 60, 1), "channel must be a number, not True"),
        ("/note", (1, 60), "/note takes channel, note, velocity, not 2 arguments"),
        ("/control", (1, 7, math.nan), "value must be a number, not nan"),
        ("/control", (1, 7, math.inf), "value must be a number, not inf"),
        ("/control", (1, 7, None), "value must be a number, not None"),
        ("/nrpn", (1, 16384, 0), "parameter must be 0 to 16383, not 16384"),
        ("/control14", (1, 32, 0), "control must be 0 to 31, not 32"),
        ("/mtc", (8, 0), "frame_type must be 0 to 7, not 8"),
        ("/sysex", ("f0 01",), "a sysex must start with f0 and end with f7"),
        ("/sysex", (b"\x01\xf7",), "a sysex must start with f0 and end with f7"),
        ("/sysex", ("f0 80 f7",), "the bytes between f0 and f7 must be below 80"),
        ("/sysex", ("xyz",), "not hexadecimal text"),
        ("/sysex", (1,), "must be a blob or text"),
        ("/sysex", (), "/sysex takes"),
        ("/sysex", (b"\xf0" + bytes(MAX_SYSEX) + b"\xf7",), f"more than {MAX_SYSEX}"),
        ("/mixer/1", (1,), "unknown MIDI address"),
        ("/control/1/x", (1,), "expected numbers after /control in the address"),
        ("/x", (MIDI(0, 0x45, 1, 2),), "0x45 is not the status byte"),
        ("/x", (MIDI(0, 0xF0, 1, 2),), "0xf0 is not the status byte"),
        ("/x", (MIDI(0, 0x90, 200, 2),), "MIDI data bytes must be below 128"),
    ],
)
def test_unencodable_message_raises_one_line(
    address: str, args: tuple[Argument, ...], text: str
) -> None:
    with pytest.raises(MidiEncodeError) as caught:
        encoded(address, *args)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_note_with_velocity_0_is_encoded_as_note_off() -> None:
    assert encoded("/note", 1, 60, 0) == ["80 3c 40"]


def test_note_off_is_encoded_as_velocity_0_if_configured() -> None:
    options = EncodeOptions(note_off="velocity_0")
    assert encoded("/note", 1, 60, 0, options=options) == ["90 3c 00"]
    assert encoded("/note_off", 1, 60, 99, options=options) == ["90 3c 00"]


def test_note_off_velocity_is_optional() -> None:
    assert encoded("/note_off", 1, 60) == ["80 3c 40"]


def test_button_sends_when_pressed_and_not_when_released() -> None:
    assert encoded("/start", 1.0) == ["fa"]
    assert encoded("/start", 0.0) == []
    assert encoded("/stop", True) == ["fc"]


def test_hexadecimal_text_is_encoded_as_sysex() -> None:
    assert encoded("/sysex", "F0 7e7f 06 01 f7") == ["f0 7e 7f 06 01 f7"]


def test_address_may_contain_numbers() -> None:
    assert encoded("/control/1/7", 64) == ["b0 07 40"]
    assert encoded("/note/2/60", 0.6) == ["91 3c 01"]


def test_decoded_address_contains_numbers_if_configured() -> None:
    data = bytes.fromhex("b10740")
    assert decode(parse_message(data), data, long=True) == Message.of("/control/2/7", 64)


def test_sysex_is_decoded_as_text_if_configured() -> None:
    data = bytes.fromhex("f001f7")
    assert decode(parse_message(data), data, text=True) == Message.of("/sysex", "f0 01 f7")


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (MIDI(0, 0x90, 60, 64), "90 3c 40"),
        (MIDI(0, 0xC1, 5, 0), "c1 05"),
        (MIDI(0, 0xF8, 0, 0), "f8"),
        (MIDI(0, 64, 60, 0x90), "90 3c 40"),  # status last, as from TouchOSC Bridge
    ],
)
def test_type_m_is_sent_unchanged_under_any_address(value: MIDI, wire: str) -> None:
    assert encoded("/anything", value) == [wire]


@pytest.mark.parametrize(
    ("address", "args", "other", "same"),
    [
        ("/control", (1, 7, 1), (1, 7, 2), True),
        ("/control", (1, 7, 1), (1, 8, 1), False),
        ("/control", (1, 7, 1), (2, 7, 1), False),
        ("/pitch", (1, 1), (1, 2), True),
        ("/nrpn", (1, 5, 1), (1, 5, 2), True),
        ("/nrpn", (1, 5, 1), (1, 6, 1), False),
        ("/control14", (1, 5, 1), (1, 5, 2), True),
    ],
)
def test_coalesce_key_is_equal_for_the_same_control(
    address: str, args: tuple[Argument, ...], other: tuple[Argument, ...], same: bool
) -> None:
    keys = [coalesce_key(encode(Message.of(address, *values))) for values in (args, other)]
    assert None not in keys
    assert (keys[0] == keys[1]) == same


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/note", (1, 60, 1)),
        ("/note_off", (1, 60)),
        ("/program", (1, 2)),
        ("/control", (1, 0, 1)),
        ("/control", (1, 64, 127)),
        ("/control", (1, 123, 0)),
        ("/sysex", ("f0 01 f7",)),
        ("/start", ()),
    ],
)
def test_events_have_no_coalesce_key(address: str, args: tuple[Argument, ...]) -> None:
    assert coalesce_key(encode(Message.of(address, *args))) is None


@pytest.mark.parametrize("seed", range(20))
def test_any_arguments_are_encoded_or_raise(seed: int) -> None:
    rng = random.Random(seed)
    values: list[Argument] = [0, 1, -1, 200, 1 << 40, 0.5, 1e300, math.nan, -math.inf, "x", "7"]
    values += [b"\xf0\xf7", b"", True, False, None, IMPULSE, [], [1], Color(5), TimeTag(9)]
    values += [MIDI(1, 2, 3, 4), MIDI(0, 0x91, 5, 6)]
    addresses = [kind.address for kind in TABLE] + ["/", "/x", "/note//1", "/control/1/7"]
    for _ in range(500):
        args = rng.choices(values, k=rng.randrange(5))
        message = Message.of(rng.choice(addresses), *args)
        try:
            parts = encode(message)
        except MidiEncodeError:
            continue
        for part in parts:
            assert bytes(mido.Message.from_bytes(part).bytes()) == part

"""The default mapping, from the table: OSC to MIDI and MIDI to OSC."""

from __future__ import annotations

import math
import random

import mido  # type: ignore[import-untyped]
import pytest

from oscbridge import IMPULSE, MIDI, Argument, Color, Message, TimeTag
from oscbridge_midi.codec import MAX_SYSEX, EncodeOptions, decode, encode, key, readings
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


def written(address: str, *args: Argument, writing: EncodeOptions | None = None) -> list[str]:
    parts = encode(Message.of(address, *args), *([writing] if writing else []))
    return [part.hex(" ") for part in parts]


def test_every_row_of_the_table_has_a_case() -> None:
    assert {address for address, *_ in (*CASES, *JOINED)} == {kind.address for kind in TABLE}


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_a_message_is_written(address: str, args: tuple[Argument, ...], wire: str) -> None:
    assert written(address, *args) == [wire]


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_a_message_is_read(address: str, args: tuple[Argument, ...], wire: str) -> None:
    data = bytes.fromhex(wire)
    assert decode(readings(data), data) == Message.of(address, *args)


@pytest.mark.parametrize(("address", "args", "wires"), JOINED)
def test_a_14_bit_value_is_several_controllers(
    address: str, args: tuple[Argument, ...], wires: list[str]
) -> None:
    assert written(address, *args) == wires


@pytest.mark.parametrize(("address", "args", "wire"), CASES)
def test_mido_takes_what_is_written_for_the_same(
    address: str, args: tuple[Argument, ...], wire: str
) -> None:
    [part] = encode(Message.of(address, *args))
    message = mido.Message.from_bytes(part)
    assert message.type == BY_STATUS[part[0]].type
    assert bytes(message.bytes()) == part


@pytest.mark.parametrize(
    ("value", "byte"),
    [(63.5, 64), (63.49, 63), (0.5 - 1e-9, 0), (64, 64), (True, 127), (False, 0)],
)
def test_values_are_rounded_halves_up(value: Argument, byte: int) -> None:
    assert written("/control", 1, 7, value) == [f"b0 07 {byte:02x}"]


@pytest.mark.parametrize(("value", "byte"), [(200, 127), (-1, 0), (1e30, 127), (127.4, 127)])
def test_a_value_out_of_range_is_clamped(value: Argument, byte: int) -> None:
    assert written("/control", 1, 7, value) == [f"b0 07 {byte:02x}"]


@pytest.mark.parametrize("value", [200, -1, 1e30])
def test_a_value_out_of_range_is_refused_where_that_is_set(value: Argument) -> None:
    with pytest.raises(MidiEncodeError, match=r"value -?\d+ is not within 0 to 127"):
        written("/control", 1, 7, value, writing=EncodeOptions(clamp=False))


@pytest.mark.parametrize(
    ("address", "args", "text"),
    [
        ("/note", (17, 60, 1), "channel 17 is not within 1 to 16"),
        ("/note", (0, 60, 1), "channel 0 is not within 1 to 16"),
        ("/note", (1, 200, 1), "note 200 is not within 0 to 127"),
        ("/note", (1, "c4", 1), "note is 'c4', which is no number"),
        ("/note", (True, 60, 1), "channel is True, which is no number"),
        ("/note", (1, 60), "/note takes channel, note, velocity, not 2 arguments"),
        ("/control", (1, 7, math.nan), "value is nan, which is no number"),
        ("/control", (1, 7, math.inf), "value is inf, which is no number"),
        ("/control", (1, 7, None), "value is None, which is no number"),
        ("/nrpn", (1, 16384, 0), "parameter 16384 is not within 0 to 16383"),
        ("/control14", (1, 32, 0), "control 32 is not within 0 to 31"),
        ("/mtc", (8, 0), "frame_type 8 is not within 0 to 7"),
        ("/sysex", ("f0 01",), "a sysex starts with f0 and ends with f7"),
        ("/sysex", (b"\x01\xf7",), "a sysex starts with f0 and ends with f7"),
        ("/sysex", ("f0 80 f7",), "bytes below 80"),
        ("/sysex", ("xyz",), "no hexadecimal text"),
        ("/sysex", (1,), "neither bytes nor text"),
        ("/sysex", (), "/sysex takes"),
        ("/sysex", (b"\xf0" + bytes(MAX_SYSEX) + b"\xf7",), f"more than {MAX_SYSEX}"),
        ("/mixer/1", (1,), "no MIDI message has this address"),
        ("/control/1/x", (1,), "what follows /control in the address is no number"),
        ("/x", (MIDI(0, 0x45, 1, 2),), "0x45 is no status byte"),
        ("/x", (MIDI(0, 0xF0, 1, 2),), "0xf0 is no status byte"),
        ("/x", (MIDI(0, 0x90, 200, 2),), "data bytes of MIDI are below 128"),
    ],
)
def test_what_is_no_midi_is_refused_in_a_line(
    address: str, args: tuple[Argument, ...], text: str
) -> None:
    with pytest.raises(MidiEncodeError) as caught:
        written(address, *args)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_note_of_velocity_0_goes_out_as_note_off() -> None:
    assert written("/note", 1, 60, 0) == ["80 3c 40"]


def test_a_note_off_goes_out_as_velocity_0_where_that_is_set() -> None:
    writing = EncodeOptions(note_off="velocity_0")
    assert written("/note", 1, 60, 0, writing=writing) == ["90 3c 00"]
    assert written("/note_off", 1, 60, 99, writing=writing) == ["90 3c 00"]


def test_a_note_off_needs_no_velocity() -> None:
    assert written("/note_off", 1, 60) == ["80 3c 40"]


def test_a_button_starts_when_it_is_pressed_and_not_when_it_is_let_go() -> None:
    assert written("/start", 1.0) == ["fa"]
    assert written("/start", 0.0) == []
    assert written("/stop", True) == ["fc"]


def test_hexadecimal_text_is_a_sysex() -> None:
    assert written("/sysex", "F0 7e7f 06 01 f7") == ["f0 7e 7f 06 01 f7"]


def test_numbers_may_stand_in_the_address() -> None:
    assert written("/control/1/7", 64) == ["b0 07 40"]
    assert written("/note/2/60", 0.6) == ["91 3c 01"]


def test_numbers_are_told_in_the_address_where_that_is_set() -> None:
    data = bytes.fromhex("b10740")
    assert decode(readings(data), data, long=True) == Message.of("/control/2/7", 64)


def test_a_sysex_is_told_as_text_where_that_is_set() -> None:
    data = bytes.fromhex("f001f7")
    assert decode(readings(data), data, text=True) == Message.of("/sysex", "f0 01 f7")


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (MIDI(0, 0x90, 60, 64), "90 3c 40"),
        (MIDI(0, 0xC1, 5, 0), "c1 05"),
        (MIDI(0, 0xF8, 0, 0), "f8"),
        (MIDI(0, 64, 60, 0x90), "90 3c 40"),  # status last, as TouchOSC Bridge has it
    ],
)
def test_the_type_m_is_sent_raw_under_any_address(value: MIDI, wire: str) -> None:
    assert written("/anything", value) == [wire]


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
def test_a_value_takes_the_place_of_one_for_the_same_thing(
    address: str, args: tuple[Argument, ...], other: tuple[Argument, ...], same: bool
) -> None:
    keys = [key(encode(Message.of(address, *values))) for values in (args, other)]
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
def test_an_event_is_never_replaced(address: str, args: tuple[Argument, ...]) -> None:
    assert key(encode(Message.of(address, *args))) is None


@pytest.mark.parametrize("seed", range(20))
def test_any_arguments_are_written_as_midi_or_refused(seed: int) -> None:
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

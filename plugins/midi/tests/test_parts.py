"""The pure parts: 14 bit values, sounding notes, MPE, tempo, lanes, names of ports."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oscbridge import Origin
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.codec import key
from oscbridge_midi.din import MAX_EVENTS, DinQueue, QueuedMessages
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_table import BY_TYPE
from oscbridge_midi.mpe import MpeZone, MpeZoneOptions, clash
from oscbridge_midi.parameters import ParameterRecognizer
from oscbridge_midi.port_names import AmbiguousPort, PortNotFound, choose
from oscbridge_midi.port_protocol import FULL, HEADER, HEARD, read_heard
from oscbridge_midi.port_worker import MAX_PENDING, InputQueue
from oscbridge_midi.sounding_notes import SoundingNotes, panic


def controllers(
    recognizer: ParameterRecognizer, *pairs: tuple[int, int]
) -> list[tuple[object, ...]]:
    """What controllers of channel 1 are told as."""
    found = [reading for pair in pairs for reading in recognizer.feed(1, *pair)]
    return [(kind.address, *numbers) for kind, numbers in found]


def flushed(recognizer: ParameterRecognizer) -> list[tuple[object, ...]]:
    return [(kind.address, *numbers) for kind, numbers in recognizer.flush()]


# --- 14 bit values ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "high", "low"), [("nrpn", 99, 98), ("rpn", 101, 100)])
def test_a_parameter_is_recognised(kind: str, high: int, low: int) -> None:
    found = controllers(ParameterRecognizer(), (high, 2), (low, 44), (6, 127), (38, 1))
    assert found == [(f"/{kind}", 1, 300, 127 << 7 | 1)]


@pytest.mark.parametrize("kind", ["nrpn", "rpn"])
def test_what_is_written_for_a_parameter_is_recognised(kind: str) -> None:
    recognizer = ParameterRecognizer()
    found = []
    for data in BY_TYPE[kind].write(3, 1234, 5678):
        found += recognizer.feed((data[0] & 15) + 1, data[1], data[2])
    assert [(each.kind.type, each.numbers) for each in found] == [(kind, (4, 1234, 5678))]


def test_further_values_need_no_selection() -> None:
    found = controllers(
        ParameterRecognizer(), (99, 0), (98, 5), (6, 1), (38, 2), (6, 3), (38, 4), (38, 5)
    )
    assert [values[-1] for values in found] == [1 << 7 | 2, 3 << 7 | 4, 3 << 7 | 5]


def test_an_upper_half_alone_is_told_when_nothing_follows() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 0), (98, 5), (6, 1)) == []
    assert recognizer.waits
    assert flushed(recognizer) == [("/nrpn", 1, 5, 128)]
    assert not recognizer.waits


def test_data_entry_without_a_parameter_is_a_plain_controller() -> None:
    found = controllers(ParameterRecognizer(), (6, 1), (38, 2))
    assert found == [("/control", 1, 6, 1), ("/control", 1, 38, 2)]


def test_the_parameter_that_is_none_ends_the_recognition() -> None:
    found = controllers(
        ParameterRecognizer(), (101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)
    )
    assert found[0] == ("/rpn", 1, 0, 256)
    found = controllers(ParameterRecognizer(), (101, 127), (100, 127), (6, 1))
    assert found[-1] == ("/control", 1, 6, 1)


def test_steps_are_told_with_the_selection_that_they_need() -> None:
    found = controllers(ParameterRecognizer(), (99, 0), (98, 5), (96, 1))
    assert [values[2] for values in found] == [99, 98, 96]


def test_a_control_with_the_number_of_a_selector_is_told_when_no_value_follows() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 1), (99, 2)) == [("/control", 1, 99, 1)]
    assert recognizer.waits
    assert flushed(recognizer) == [("/control", 1, 99, 2)]
    assert not recognizer.waits
    found = controllers(recognizer, (98, 3), (6, 1), (38, 0))  # it was a selection all the same
    assert found == [("/nrpn", 1, 2 << 7 | 3, 1 << 7)]


def test_channels_do_not_mix() -> None:
    recognizer = ParameterRecognizer()
    controllers(recognizer, (99, 0), (98, 5))
    assert [each.kind.type for each in recognizer.feed(2, 6, 1)] == ["control_change"]


def test_parameters_are_plain_controllers_where_that_is_set() -> None:
    found = controllers(ParameterRecognizer(parameters=False), (99, 2), (98, 44), (6, 127))
    assert [values[0] for values in found] == ["/control"] * 3


def test_pairs_are_joined_where_that_is_set() -> None:
    recognizer = ParameterRecognizer(pairs=(7,))
    assert controllers(recognizer, (7, 64), (39, 1), (8, 5)) == [
        ("/control14", 1, 7, 64 << 7 | 1),
        ("/control", 1, 8, 5),
    ]
    assert controllers(recognizer, (39, 2)) == [("/control14", 1, 7, 64 << 7 | 2)]
    assert controllers(recognizer, (7, 65), (7, 66)) == [("/control14", 1, 7, 65 << 7)]
    assert flushed(recognizer) == [("/control14", 1, 7, 66 << 7)]


# --- sounding notes ---------------------------------------------------------------------------


def follow(notes: SoundingNotes, *wires: str, origin: Origin | None = None) -> None:
    for wire in wires:
        notes.follow(bytes.fromhex(wire), origin)


def test_what_sounds_is_ended_with_its_pedal_and_all_notes_off() -> None:
    notes = SoundingNotes()
    follow(notes, "903c40", "913d40", "b04040")
    ending = [data.hex() for data in notes.silence()]
    assert ending == ["803c40", "813d40", "b04000", "b07b00", "b17b00"]
    follow(notes, *ending)
    assert notes.silence() == []


@pytest.mark.parametrize("end", ["803c00", "903c00", "b07b00", "b07800", "b07e00"])
def test_what_has_ended_is_not_ended_again(end: str) -> None:
    notes = SoundingNotes()
    follow(notes, "903c40", end)
    assert len(notes) == 0
    assert notes.silence() == []


def test_only_the_notes_of_one_who_is_gone_are_ended() -> None:
    notes, gone, here = SoundingNotes(), Origin("stage", 1), Origin("stage", 2)
    follow(notes, "903c40", origin=gone)
    follow(notes, "903d40", origin=here)
    assert [data.hex() for data in notes.silence(lambda origin: origin == gone)] == ["803c40"]


def test_notes_are_ended_by_velocity_0_where_that_is_set() -> None:
    notes = SoundingNotes("velocity_0")
    follow(notes, "903c40")
    assert notes.silence()[0].hex() == "903c00"


@pytest.mark.parametrize(
    ("began", "end", "ending"),
    [
        ("903c40", "803c40", ["803c40", "b07b00"]),
        ("b0407f", "b04000", ["b04000", "b07b00"]),
        ("903c40", "b07b00", ["b07b00"]),
    ],
)
def test_an_end_that_was_not_sent_is_made_good(began: str, end: str, ending: list[str]) -> None:
    notes = SoundingNotes()
    follow(notes, began, end)
    assert notes.silence() == []
    notes.doubt(bytes.fromhex(end))
    assert [data.hex() for data in notes.silence()] == ending
    follow(notes, *ending)
    assert notes.silence() == []


def test_what_was_ended_on_a_connection_that_broke_is_ended_once_more() -> None:
    notes = SoundingNotes()
    follow(notes, "903c40", "803c40", "b1407f", "b14000")
    notes.doubt_all()
    ending = [data.hex() for data in notes.silence()]
    assert ending == ["b14000", "b07b00", "b17b00"]
    follow(notes, *ending)
    notes.doubt_all()
    assert notes.silence() == []


def test_panic_reaches_all_channels() -> None:
    sent = [data.hex() for data in panic()]
    assert len(sent) == 48
    assert {f"b{channel:x}7800" for channel in range(16)} <= set(sent)


# --- MPE --------------------------------------------------------------------------------------


def place(zone: MpeZone, wire: str, note: int | None = None) -> list[str]:
    return [data.hex() for data in zone.place((bytes.fromhex(wire),), note)]


def test_each_note_of_a_zone_has_a_channel_of_its_own() -> None:
    zone = MpeZone(MpeZoneOptions(channels=2))
    assert place(zone, "903c40") == ["913c40"]
    assert place(zone, "903d40") == ["923d40"]
    assert place(zone, "803c40") == ["813c40"]
    assert place(zone, "903e40") == ["913e40"]


def test_the_oldest_note_makes_room() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1))
    place(zone, "903c40")
    assert place(zone, "903d40") == ["813c40", "913d40"]
    assert place(zone, "803c40") == []  # it was ended already


def test_what_belongs_to_a_note_goes_to_its_channel() -> None:
    zone = MpeZone(MpeZoneOptions())
    place(zone, "903c40")
    place(zone, "903d40")
    assert place(zone, "e00050", 61) == ["e20050"]
    assert place(zone, "a03c7f") == ["d17f"]
    with pytest.raises(MidiEncodeError, match="note 99 does not sound"):
        place(zone, "e00050", 99)


def test_a_note_does_not_inherit_what_the_one_before_was_given() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1))
    place(zone, "903c40")
    for wire in ("e00050", "d00009", "b04a05", "b00705"):
        place(zone, wire, 60)
    place(zone, "803c40")
    assert place(zone, "903d40") == ["e10040", "d100", "b14a40", "913d40"]
    place(zone, "803d40")
    assert place(zone, "903e40") == ["913e40"]


def test_a_note_that_makes_room_is_ended_as_the_endpoint_says() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1), "velocity_0")
    place(zone, "903c40")
    assert place(zone, "903d40") == ["913c00", "913d40"]


@pytest.mark.parametrize(
    ("zones", "text"),
    [
        ([("lower", 7), ("upper", 7)], ""),
        ([("lower", 15)], ""),
        ([("lower", 8), ("upper", 7)], "two MPE zones with 15 channels; together they may have 14"),
        ([("upper", 3), ("upper", 15)], "an MPE zone at channel 16 with 3 and 15 channels"),
    ],
)
def test_zones_that_share_channels_are_found(zones: list[tuple[Any, int]], text: str) -> None:
    found = clash([MpeZoneOptions(zone=zone, channels=channels) for zone, channels in zones])
    assert text in found
    assert bool(text) == bool(found)


def test_what_belongs_to_no_note_goes_to_the_master() -> None:
    assert place(MpeZone(MpeZoneOptions()), "b50740") == ["b00740"]
    assert place(MpeZone(MpeZoneOptions(zone="upper")), "b50740") == ["bf0740"]


def test_an_upper_zone_has_the_channels_below_16() -> None:
    zone = MpeZone(MpeZoneOptions(zone="upper", channels=3))
    assert place(zone, "903c40") == ["9e3c40"]
    assert [data.hex() for data in zone.configuration()] == ["bf6500", "bf6406", "bf0603"]


# --- tempo ------------------------------------------------------------------------------------


def test_the_tempo_is_told_once_a_quarter_note() -> None:
    tempo = ClockTempo()
    told = [tempo.tick(tick * 0.5 / 24) for tick in range(24 * 4 + 1)]
    assert [value for value in told if value is not None] == [120.0] * 4


def test_a_clock_that_pauses_begins_anew() -> None:
    tempo = ClockTempo()
    for tick in range(20):
        tempo.tick(tick * 0.02)
    told = [tempo.tick(100 + tick * 0.5 / 24) for tick in range(25)]
    assert [value for value in told if value is not None] == [120.0]


# --- lanes ------------------------------------------------------------------------------------


def item(wire: str) -> QueuedMessages:
    parts = (bytes.fromhex(wire),)
    return QueuedMessages(parts, key(parts))


def test_events_overtake_controllers_and_keep_their_order() -> None:
    lanes = DinQueue()
    replaced = [
        lanes.put(item(wire)) for wire in ("b00701", "903c40", "b00702", "803c40", "b00801")
    ]
    assert replaced == [False, False, True, False, False]
    sent = []
    while (each := lanes.take()) is not None:
        sent.append(each.parts[0].hex())
    assert sent == ["903c40", "803c40", "b00702", "b00801"]


def test_the_lane_of_events_has_an_end() -> None:
    lanes = DinQueue()
    for _ in range(MAX_EVENTS):
        assert not lanes.is_full
        lanes.put(item("903c40"))
    assert lanes.is_full
    assert len(lanes.clear()) == MAX_EVENTS


# --- names of ports ---------------------------------------------------------------------------

NAMES = ["Launchpad X MIDI 1", "Launchpad X MIDI 2", "Minilogue", "Minilogue 2"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("x midi 2", "Launchpad X MIDI 2"),
        ("Minilogue", "Minilogue"),  # an exact name, though another holds it
        ("0", "Launchpad X MIDI 1"),
        ("3", "Minilogue 2"),
    ],
)
def test_a_port_is_found_by_name_part_or_number(wanted: str, name: str) -> None:
    assert choose(wanted, NAMES, "output") == name


def test_a_part_of_several_names_lists_them() -> None:
    with pytest.raises(
        AmbiguousPort, match="may be several output ports: 'Launchpad X MIDI 1', 'L"
    ):
        choose("launchpad", NAMES, "output")


@pytest.mark.parametrize("wanted", ["Korg", "4"])
def test_a_port_that_is_not_there_lists_those_that_are(wanted: str) -> None:
    with pytest.raises(PortNotFound, match="there is: 'Launchpad X MIDI 1'"):
        choose(wanted, NAMES, "input")


def test_no_port_at_all_is_said() -> None:
    with pytest.raises(
        PortNotFound, match="no input port has 'Korg' in its name; there is none at all"
    ):
        choose("Korg", [], "input")


# --- from the MIDI thread ---------------------------------------------------------------------


def test_what_the_midi_thread_gives_goes_on_in_order_and_beyond_the_bound_is_counted() -> None:
    stalled, written = threading.Event(), threading.Event()
    told: list[bytes] = []

    def write(data: bytes) -> None:
        told.append(data)
        written.set()
        stalled.wait(10)  # the bridge does not read meanwhile

    pump = InputQueue(write)
    pump.put(b"\xf8")
    assert written.wait(10)
    given = [bytes((0xF2, number & 127, number >> 7)) for number in range(MAX_PENDING)]
    for data in [*given, b"\xf8"]:  # one more than there is room for
        pump.put(data)
    written.clear()
    stalled.set()
    assert written.wait(10)
    found = list(split(told[1]))
    assert [read_heard(payload)[0] for kind, payload in found if kind == HEARD] == given
    assert found[-1] == (FULL, b"1")


def split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The frames in what was written."""
    while data:
        kind, length = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : HEADER.size + length]
        data = data[HEADER.size + length :]

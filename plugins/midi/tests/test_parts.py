"""The pure modules: 14-bit values, sounding notes, MPE, tempo, DIN queue, port names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oscbridge import Origin
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.codec import coalesce_key
from oscbridge_midi.din import MAX_EVENTS, DinQueue, QueuedMessages
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_table import BY_TYPE
from oscbridge_midi.mpe import MpeZone, MpeZoneOptions, find_overlap
from oscbridge_midi.parameters import ParameterRecognizer
from oscbridge_midi.port_names import AmbiguousPort, PortNotFound, choose
from oscbridge_midi.port_protocol import HEADER, OVERFLOW, RECEIVED, unpack_received
from oscbridge_midi.port_worker import MAX_PENDING, InputQueue
from oscbridge_midi.sounding_notes import SoundingNotes, panic


def controllers(
    recognizer: ParameterRecognizer, *pairs: tuple[int, int]
) -> list[tuple[object, ...]]:
    """The values that controllers on channel 1 complete."""
    found = [values for pair in pairs for values in recognizer.feed(1, *pair)]
    return [(kind.address, *numbers) for kind, numbers in found]


def flushed(recognizer: ParameterRecognizer) -> list[tuple[object, ...]]:
    return [(kind.address, *numbers) for kind, numbers in recognizer.flush()]


# --- 14-bit values ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "high", "low"), [("nrpn", 99, 98), ("rpn", 101, 100)])
def test_parameter_is_recognised(kind: str, high: int, low: int) -> None:
    found = controllers(ParameterRecognizer(), (high, 2), (low, 44), (6, 127), (38, 1))
    assert found == [(f"/{kind}", 1, 300, 127 << 7 | 1)]


@pytest.mark.parametrize("kind", ["nrpn", "rpn"])
def test_encoded_parameter_is_recognised(kind: str) -> None:
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


def test_upper_half_alone_is_returned_by_flush() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 0), (98, 5), (6, 1)) == []
    assert recognizer.is_waiting
    assert flushed(recognizer) == [("/nrpn", 1, 5, 128)]
    assert not recognizer.is_waiting


def test_data_entry_without_a_parameter_is_a_plain_controller() -> None:
    found = controllers(ParameterRecognizer(), (6, 1), (38, 2))
    assert found == [("/control", 1, 6, 1), ("/control", 1, 38, 2)]


def test_null_parameter_ends_the_recognition() -> None:
    found = controllers(
        ParameterRecognizer(), (101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)
    )
    assert found[0] == ("/rpn", 1, 0, 256)
    found = controllers(ParameterRecognizer(), (101, 127), (100, 127), (6, 1))
    assert found[-1] == ("/control", 1, 6, 1)


def test_increments_are_returned_with_their_selection() -> None:
    found = controllers(ParameterRecognizer(), (99, 0), (98, 5), (96, 1))
    assert [values[2] for values in found] == [99, 98, 96]


def test_selecting_controller_without_a_value_is_returned_by_flush() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 1), (99, 2)) == [("/control", 1, 99, 1)]
    assert recognizer.is_waiting
    assert flushed(recognizer) == [("/control", 1, 99, 2)]
    assert not recognizer.is_waiting
    found = controllers(recognizer, (98, 3), (6, 1), (38, 0))  # it is a selection nevertheless
    assert found == [("/nrpn", 1, 2 << 7 | 3, 1 << 7)]


def test_channels_are_independent() -> None:
    recognizer = ParameterRecognizer()
    controllers(recognizer, (99, 0), (98, 5))
    assert [each.kind.type for each in recognizer.feed(2, 6, 1)] == ["control_change"]


def test_parameters_are_plain_controllers_if_disabled() -> None:
    found = controllers(ParameterRecognizer(parameters=False), (99, 2), (98, 44), (6, 127))
    assert [values[0] for values in found] == ["/control"] * 3


def test_configured_pairs_are_joined() -> None:
    recognizer = ParameterRecognizer(pairs=(7,))
    assert controllers(recognizer, (7, 64), (39, 1), (8, 5)) == [
        ("/control14", 1, 7, 64 << 7 | 1),
        ("/control", 1, 8, 5),
    ]
    assert controllers(recognizer, (39, 2)) == [("/control14", 1, 7, 64 << 7 | 2)]
    assert controllers(recognizer, (7, 65), (7, 66)) == [("/control14", 1, 7, 65 << 7)]
    assert flushed(recognizer) == [("/control14", 1, 7, 66 << 7)]


# --- sounding notes ---------------------------------------------------------------------------


def track(notes: SoundingNotes, *wires: str, origin: Origin | None = None) -> None:
    for wire in wires:
        notes.track(bytes.fromhex(wire), origin)


def test_release_ends_notes_and_pedals() -> None:
    notes = SoundingNotes()
    track(notes, "903c40", "913d40", "b04040")
    ending = [data.hex() for data in notes.release()]
    assert ending == ["803c40", "813d40", "b04000", "b07b00", "b17b00"]
    track(notes, *ending)
    assert notes.release() == []


@pytest.mark.parametrize("end", ["803c00", "903c00", "b07b00", "b07800", "b07e00"])
def test_ended_note_is_not_released_again(end: str) -> None:
    notes = SoundingNotes()
    track(notes, "903c40", end)
    assert len(notes) == 0
    assert notes.release() == []


def test_release_of_an_origin_keeps_other_notes() -> None:
    notes, gone, here = SoundingNotes(), Origin("stage", 1), Origin("stage", 2)
    track(notes, "903c40", origin=gone)
    track(notes, "903d40", origin=here)
    assert [data.hex() for data in notes.release(lambda origin: origin == gone)] == ["803c40"]


def test_release_uses_velocity_0_if_configured() -> None:
    notes = SoundingNotes("velocity_0")
    track(notes, "903c40")
    assert notes.release()[0].hex() == "903c00"


@pytest.mark.parametrize(
    ("began", "end", "ending"),
    [
        ("903c40", "803c40", ["803c40", "b07b00"]),
        ("b0407f", "b04000", ["b04000", "b07b00"]),
        ("903c40", "b07b00", ["b07b00"]),
    ],
)
def test_unsent_note_off_is_released_again(began: str, end: str, ending: list[str]) -> None:
    notes = SoundingNotes()
    track(notes, began, end)
    assert notes.release() == []
    notes.mark_unsent([bytes.fromhex(end)])
    assert [data.hex() for data in notes.release()] == ending
    track(notes, *ending)
    assert notes.release() == []


def test_notes_ended_on_a_lost_connection_are_released_again() -> None:
    notes = SoundingNotes()
    track(notes, "903c40", "803c40", "b1407f", "b14000")
    notes.mark_uncertain()
    ending = [data.hex() for data in notes.release()]
    assert ending == ["b14000", "b07b00", "b17b00"]
    track(notes, *ending)
    notes.mark_uncertain()
    assert notes.release() == []


def test_panic_reaches_all_channels() -> None:
    sent = [data.hex() for data in panic()]
    assert len(sent) == 48
    assert {f"b{channel:x}7800" for channel in range(16)} <= set(sent)


# --- MPE --------------------------------------------------------------------------------------


def place(zone: MpeZone, wire: str, note: int | None = None) -> list[str]:
    return [data.hex() for data in zone.place((bytes.fromhex(wire),), note)]


def test_each_note_of_a_zone_has_its_own_channel() -> None:
    zone = MpeZone(MpeZoneOptions(channels=2))
    assert place(zone, "903c40") == ["913c40"]
    assert place(zone, "903d40") == ["923d40"]
    assert place(zone, "803c40") == ["813c40"]
    assert place(zone, "903e40") == ["913e40"]


def test_oldest_note_frees_its_channel() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1))
    place(zone, "903c40")
    assert place(zone, "903d40") == ["813c40", "913d40"]
    assert place(zone, "803c40") == []  # it was already ended


def test_message_of_a_note_goes_to_its_channel() -> None:
    zone = MpeZone(MpeZoneOptions())
    place(zone, "903c40")
    place(zone, "903d40")
    assert place(zone, "e00050", 61) == ["e20050"]
    assert place(zone, "a03c7f") == ["d17f"]
    with pytest.raises(MidiEncodeError, match="note 99 does not sound"):
        place(zone, "e00050", 99)


def test_channel_is_reset_before_the_next_note() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1))
    place(zone, "903c40")
    for wire in ("e00050", "d00009", "b04a05", "b00705"):
        place(zone, wire, 60)
    place(zone, "803c40")
    assert place(zone, "903d40") == ["e10040", "d100", "b14a40", "913d40"]
    place(zone, "803d40")
    assert place(zone, "903e40") == ["913e40"]


def test_freed_note_is_ended_as_configured() -> None:
    zone = MpeZone(MpeZoneOptions(channels=1), "velocity_0")
    place(zone, "903c40")
    assert place(zone, "903d40") == ["913c00", "913d40"]


@pytest.mark.parametrize(
    ("zones", "text"),
    [
        ([("lower", 7), ("upper", 7)], ""),
        ([("lower", 15)], ""),
        ([("lower", 8), ("upper", 7)], "two MPE zones with 15 channels; the maximum is 14"),
        ([("upper", 3), ("upper", 15)], "the MPE zone at channel 16 with 3 and 15 channels"),
    ],
)
def test_overlapping_zones_are_found(zones: list[tuple[Any, int]], text: str) -> None:
    found = find_overlap([MpeZoneOptions(zone=zone, channels=channels) for zone, channels in zones])
    assert text in found
    assert bool(text) == bool(found)


def test_message_without_a_note_goes_to_the_master() -> None:
    assert place(MpeZone(MpeZoneOptions()), "b50740") == ["b00740"]
    assert place(MpeZone(MpeZoneOptions(zone="upper")), "b50740") == ["bf0740"]


def test_upper_zone_uses_the_channels_below_16() -> None:
    zone = MpeZone(MpeZoneOptions(zone="upper", channels=3))
    assert place(zone, "903c40") == ["9e3c40"]
    assert [data.hex() for data in zone.setup()] == ["bf6500", "bf6406", "bf0603"]


# --- tempo ------------------------------------------------------------------------------------


def test_tempo_is_measured_once_per_quarter_note() -> None:
    tempo = ClockTempo()
    measured = [tempo.tick(tick * 0.5 / 24) for tick in range(24 * 4 + 1)]
    assert [value for value in measured if value is not None] == [120.0] * 4


def test_tempo_restarts_after_a_pause() -> None:
    tempo = ClockTempo()
    for tick in range(20):
        tempo.tick(tick * 0.02)
    measured = [tempo.tick(100 + tick * 0.5 / 24) for tick in range(25)]
    assert [value for value in measured if value is not None] == [120.0]


# --- DIN queue --------------------------------------------------------------------------------


def item(wire: str) -> QueuedMessages:
    messages = (bytes.fromhex(wire),)
    return QueuedMessages(messages, coalesce_key(messages))


def test_events_overtake_controllers_and_keep_their_order() -> None:
    lanes = DinQueue()
    replaced = [
        lanes.put(item(wire)) for wire in ("b00701", "903c40", "b00702", "803c40", "b00801")
    ]
    assert replaced == [False, False, True, False, False]
    sent = []
    while (each := lanes.take()) is not None:
        sent.append(each.messages[0].hex())
    assert sent == ["903c40", "803c40", "b00702", "b00801"]


def test_event_lane_is_bounded() -> None:
    lanes = DinQueue()
    for _ in range(MAX_EVENTS):
        assert not lanes.is_full
        lanes.put(item("903c40"))
    assert lanes.is_full
    assert len(lanes.clear()) == MAX_EVENTS


# --- port names -------------------------------------------------------------------------------

NAMES = ["Launchpad X MIDI 1", "Launchpad X MIDI 2", "Minilogue", "Minilogue 2"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("x midi 2", "Launchpad X MIDI 2"),
        ("Minilogue", "Minilogue"),  # an exact name, although another contains it
        ("0", "Launchpad X MIDI 1"),
        ("3", "Minilogue 2"),
    ],
)
def test_port_is_found_by_name_part_or_number(wanted: str, name: str) -> None:
    assert choose(wanted, NAMES, "output") == name


def test_ambiguous_name_lists_the_matches() -> None:
    with pytest.raises(
        AmbiguousPort, match="matches several output ports: 'Launchpad X MIDI 1', 'L"
    ):
        choose("launchpad", NAMES, "output")


@pytest.mark.parametrize("wanted", ["Korg", "4"])
def test_missing_port_lists_the_available_ones(wanted: str) -> None:
    with pytest.raises(PortNotFound, match="available: 'Launchpad X MIDI 1'"):
        choose(wanted, NAMES, "input")


def test_error_says_that_there_are_no_ports() -> None:
    with pytest.raises(PortNotFound, match="no input port with 'Korg' in its name; there are none"):
        choose("Korg", [], "input")


# --- the worker's input queue -----------------------------------------------------------------


def test_input_queue_keeps_the_order_and_counts_overflow() -> None:
    stalled, written = threading.Event(), threading.Event()
    batches: list[bytes] = []

    def write(data: bytes) -> None:
        batches.append(data)
        written.set()
        stalled.wait(10)  # as if the bridge does not read

    received = InputQueue(write)
    received.put(b"\xf8")
    assert written.wait(10)
    given = [bytes((0xF2, number & 127, number >> 7)) for number in range(MAX_PENDING)]
    for data in [*given, b"\xf8"]:  # one above the limit
        received.put(data)
    written.clear()
    stalled.set()
    assert written.wait(10)
    found = list(split(batches[1]))
    assert [unpack_received(payload)[0] for kind, payload in found if kind == RECEIVED] == given
    assert found[-1] == (OVERFLOW, b"1")


def split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The frames in written data."""
    while data:
        kind, length = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : HEADER.size + length]
        data = data[HEADER.size + length :]

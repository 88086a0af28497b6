"""Which control a message of a MIDI endpoint came from."""

from __future__ import annotations

import pytest

from oscbridge import ControlFacts, ControlId, Message
from oscbridge_midi.codec import MidiValues, decode
from oscbridge_midi.controls import control_of, joined_control
from oscbridge_midi.message_table import BY_TYPE


def message(kind: str, *numbers: int, long: bool = False) -> Message:
    return decode(MidiValues(BY_TYPE[kind], numbers), long=long)


def facts(kind: str, *numbers: int, long: bool = False) -> ControlFacts:
    found = control_of(message(kind, *numbers, long=long))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "numbers", "control", "title", "high"),
    [
        ("control_change", (1, 7, 64), ("/control", (1, 7)), "controller 7, channel 1", 127),
        ("note_on", (2, 60, 99), ("/note", (2, 60)), "note 60, channel 2", 127),
        ("pitchwheel", (1, 9000), ("/pitch", (1,)), "pitch bend, channel 1", 16_383),
        ("nrpn", (1, 300, 5), ("/nrpn", (1, 300)), "NRPN 300, channel 1", 16_383),
        ("program_change", (3, 5), ("/program", (3,)), "program, channel 3", 127),
    ],
)
def test_control_is_the_same_for_all_its_values(
    kind: str, numbers: tuple[int, ...], control: tuple[str, tuple[int, ...]], title: str, high: int
) -> None:
    found = facts(kind, *numbers)
    assert found.control == ControlId(*control)
    assert (found.title, found.minimum, found.maximum) == (title, 0, high)
    assert facts(kind, *numbers[:-1], 0).control == found.control


def test_long_addresses_say_it_themselves() -> None:
    found = facts("control_change", 1, 39, 64, long=True)
    assert found.control == ControlId("/control/1/39")
    assert found.upper == ControlId("/control/1/7")


def test_release_of_a_key_is_the_same_control() -> None:
    for long in (False, True):
        pressed = facts("note_on", 1, 60, 99, long=long)
        assert facts("note_off", 1, 60, 64, long=long) == pressed
        assert pressed.release == message("note_off", 1, 60, 64, long=long).address


@pytest.mark.parametrize(
    "other", [Message("/clock"), Message.of("/sysex", b"\xf0\xf7"), Message.of("/control", "x", 7)]
)
def test_clocks_and_other_messages_are_no_controls(other: Message) -> None:
    assert control_of(other) is None


def test_pair_needs_the_option_unless_it_is_set() -> None:
    upper = facts("control_change", 1, 7, 64).control
    joined = joined_control(upper, pairs=(3,))
    assert joined is not None
    assert joined.facts.control == ControlId("/control14", (1, 7))
    assert joined.options == {"pairs": [3, 7]}
    again = joined_control(upper, pairs=(7,))
    assert again is not None
    assert again.options == {}
    long = joined_control(ControlId("/control/1/7"), pairs=())
    assert long is not None
    assert long.facts.control == ControlId("/control14/1/7")


def test_data_entry_is_no_pair() -> None:
    assert facts("control_change", 1, 38, 0).upper is None
    assert facts("control_change", 1, 64, 0).upper is None

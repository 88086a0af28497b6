"""Tracking and ending sounding notes."""

from __future__ import annotations

import pytest

from oscbridge import Origin
from oscbridge_midi.sounding_notes import SoundingNotes, panic


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
    notes, first, second = SoundingNotes(), Origin("stage", 1), Origin("stage", 2)
    track(notes, "903c40", origin=first)
    track(notes, "903d40", origin=second)
    assert [data.hex() for data in notes.release(lambda origin: origin == first)] == ["803c40"]


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

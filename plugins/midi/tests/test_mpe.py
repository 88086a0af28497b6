"""MPE zones: the channel of each note."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.mpe import MpeZone, MpeZoneOptions, find_overlap


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

"""Finding a port by name, part of a name, or number."""

from __future__ import annotations

import pytest

from oscbridge_midi.port_names import AmbiguousPort, PortNotFound, VirtualPort, choose

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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("virtual:to the DAW", ("", "to the DAW")),
        ("virtual:Stage:to the DAW", ("Stage", "to the DAW")),
        ("virtual: Stage : out ", ("Stage", "out")),
    ],
)
def test_virtual_port_may_name_its_client(text: str, found: tuple[str, str]) -> None:
    assert VirtualPort.parse(text) == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("virtual:", "must not be empty after 'virtual:'"),
        ("virtual::out", "must not be empty"),
        ("virtual:Stage:", "must not be empty"),
        ("virtual:a:b:c", "must not contain ':'"),
        ("virtual:" + "ä" * 32 + ":out", "at most 63 bytes"),
    ],
)
def test_invalid_virtual_port_has_a_fix(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        VirtualPort.parse(text)

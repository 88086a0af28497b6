"""``oscbridge midi`` prints valid configurations."""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge.testing import read_routes
from oscbridge_midi.learn import learn, routes

AROUND = """
[bridge.stage]
[endpoint.synth]
type = "midi"
output = "x"
addresses = "long"
[endpoint.panel]
type = "osc"
to = "udp://127.0.0.1:9"
"""


def read(text: str) -> Any:
    """The routes of a configuration with these."""
    return read_routes(AROUND + text)


@pytest.mark.parametrize(
    ("moved", "match", "options"),
    [
        ("b00701 b00702", "/control/1/7", {"type": "control_change", "control": 7}),
        ("b00701 b02705 b00702 b02706", "/control14/1/7", {"type": "control14", "control": 7}),
        ("b06302 b0622c b00601 b02601", "/nrpn/1/300", {"type": "nrpn", "parameter": 300}),
        ("913c40 f8 813c40", "/note/2/60", {"type": "note_on", "note": 60, "channel": 2}),
        ("e00040", "/pitch/1", {"type": "pitchwheel"}),
    ],
)
def test_moved_control_is_recognised(moved: str, match: str, options: Any) -> None:
    control = learn([bytes.fromhex(word) for word in moved.split()])
    assert control is not None
    there, back = routes(control, "stage", "synth", "panel")
    [route] = read(there)
    assert route.match == match
    assert {key: getattr(route.options["synth"], key) for key in options} == options
    assert read(back)[0].sources == ("synth",)


def test_clock_is_not_a_control() -> None:
    assert learn([b"\xf8", b"\xfe"]) is None


def test_learned_key_has_a_way_back_for_the_end_of_its_note() -> None:
    control = learn([bytes.fromhex("913c40"), bytes.fromhex("813c40")])
    assert control is not None
    _, back = routes(control, "stage", "synth", "panel")
    press, release = read(back)
    assert (press.match, release.match) == ("/note/2/60", "/note_off/2/60")
    assert release.send == "/note/2/60 0.0"

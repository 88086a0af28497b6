"""The README agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscbridge.testing import PluginReadme, check_configuration
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.endpoint import MidiEndpoint
from oscbridge_midi.learn import learn, routes
from oscbridge_midi.message_table import TABLE
from oscbridge_midi.port_worker import MAX_PENDING
from oscbridge_midi.receiver import HOLD
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.system_ports import MAX_JACK, WATCH_INTERVAL

README = PluginReadme(Path(__file__).parent.parent / "README.md")
OPTIONS = MidiEndpoint.options_type


@pytest.mark.parametrize("text", README.blocks("toml"))
def test_sample_configuration_is_valid(text: str) -> None:
    check_configuration(text)  # raises nothing


def test_table_lists_every_option_with_its_default() -> None:
    README.check_options("| key |", OPTIONS)


def test_table_lists_every_message_with_its_arguments() -> None:
    found = README.rows("| address | arguments |")
    assert set(found) == {kind.address for kind in TABLE}
    for kind in TABLE:
        if kind.type != "sysex":
            fields = ", ".join(f"`{each.name}` {each.low}–{each.high}" for each in kind.fields)
            assert found[kind.address][1] == fields


def test_table_lists_every_type_with_its_fields() -> None:
    found = README.rows("| `type` | fields |")
    assert set(found) == {kind.type for kind in TABLE}
    for kind in TABLE:
        names = ["data"] if kind.type == "sysex" else [each.name for each in kind.fields]
        assert re.findall(r"`(\w+)`", found[kind.type][1]) == names


def test_every_key_of_a_route_is_documented() -> None:
    for name in MidiRoute.model_fields:
        assert re.search(rf"`{name}\b", README.text)


def test_learned_route_is_as_shown() -> None:
    control = learn([bytes.fromhex("b00740")])
    assert control is not None
    [text] = routes(control, "stage", "synth")
    assert text in README.text


def test_limits_in_the_text_are_those_of_the_code() -> None:
    assert f"at most {MAX_SYSEX:,} bytes" in README.text
    assert f"more than {MAX_PENDING:,} wait" in README.text
    assert f"waits {HOLD * 1000:g} ms" in README.text
    assert f"more than {MAX_JACK:,} bytes" in README.text
    assert WATCH_INTERVAL == 0.5
    assert "twice per second" in README.text

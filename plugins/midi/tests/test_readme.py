"""The README agrees with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from oscbridge.testing import check_configuration
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.endpoint import MidiEndpoint
from oscbridge_midi.learn import learn, routes
from oscbridge_midi.message_table import TABLE
from oscbridge_midi.port_worker import MAX_PENDING
from oscbridge_midi.receiver import HOLD
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.system_ports import MAX_JACK, WATCH_INTERVAL

README = (Path(__file__).parent.parent / "README.md").read_text()
OPTIONS = MidiEndpoint.options_type


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def rows(head: str) -> dict[str, str]:
    """The rows of the table with this head, by their first column."""
    table = README.partition(head)[2].partition("\n\n")[0]
    return {row[1]: row[0] for row in re.finditer(r"^\| `([^`]+)`.*$", table, re.MULTILINE)}


@pytest.mark.parametrize("text", blocks("toml"))
def test_sample_configuration_is_valid(text: str) -> None:
    check_configuration(text)  # raises nothing


def test_table_lists_every_option_with_its_default() -> None:
    found = rows("| key | default |")
    assert set(found) == set(OPTIONS.model_fields)
    for name, field in OPTIONS.model_fields.items():
        default = "none" if field.default is None else f"`{json.dumps(field.default)}`"
        assert found[name].startswith(f"| `{name}` | {default} |")


def test_table_lists_every_message_with_its_arguments() -> None:
    found = rows("| address | arguments |")
    assert set(found) == {kind.address for kind in TABLE}
    for kind in TABLE:
        if kind.type != "sysex":
            fields = ", ".join(f"`{each.name}` {each.low}–{each.high}" for each in kind.fields)
            assert found[kind.address].startswith(
                f"| `{kind.address}` | {fields} |".replace("  ", " ")
            )


def test_table_lists_every_type_with_its_fields() -> None:
    found = rows("| `type` | fields |")
    assert set(found) == {kind.type for kind in TABLE}
    for kind in TABLE:
        names = ["data"] if kind.type == "sysex" else [each.name for each in kind.fields]
        assert re.findall(r"`(\w+)`", found[kind.type]) == [kind.type, *names]


def test_every_key_of_a_route_is_documented() -> None:
    for name in MidiRoute.model_fields:
        assert re.search(rf"`{name}\b", README)


def test_learned_route_is_as_shown() -> None:
    control = learn([bytes.fromhex("b00740")])
    assert control is not None
    [text] = routes(control, "stage", "synth")
    assert text in README


def test_limits_in_the_text_are_those_of_the_code() -> None:
    assert f"at most {MAX_SYSEX:,} bytes" in README
    assert f"beyond {MAX_PENDING:,} messages" in README
    assert f"waits {HOLD * 1000:g} ms" in README
    assert f"beyond {MAX_JACK:,} bytes" in README
    assert WATCH_INTERVAL == 0.5
    assert "twice a second" in README

"""The measured tables of the documentation: complete, of one run, and from a command."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # its modules are not a package

import page
from figures import SECTIONS
from measured import Capacity, Goal, number

TEXT = page.PAGE.read_text()


def cells(text: str) -> dict[str, list[str]]:
    """The cells of the tables of a page, by their first cell."""
    lines = [line[1:-1].split("|") for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("name", page.sections(TEXT))
def test_table_is_measured_by_the_command_above_it(name: str) -> None:
    before = TEXT.partition(f"<!-- bench: {name} -->")[0]
    assert re.findall(r"^make bench ARGS=(.*)$", before, re.MULTILINE)[-1] == name
    assert name in SECTIONS


@pytest.mark.parametrize("name", page.sections(TEXT))
def test_section_of_a_table_measures_goals_or_capacities(name: str) -> None:
    module = import_module(name)
    assert hasattr(module, "goals") or hasattr(module, "capacities")


@pytest.mark.parametrize("name", page.QUOTED)
def test_readme_quotes_the_same_run(name: str) -> None:
    measured, quoted = cells(TEXT), cells(page.README.read_text())
    assert all(word in quoted[name][0] for word in re.findall(r"[\d.,]+", measured[name][0]))


def test_both_pages_name_the_same_machine_and_day() -> None:
    lines = [
        re.findall(r"^Measured on .*$", path.read_text(), re.MULTILINE)
        for path in (page.PAGE, page.README)
    ]
    assert lines[0] == lines[1] != []


def test_fill_replaces_only_what_is_between_the_marks() -> None:
    text = "a\n<!-- bench: x -->\n| old |\n<!-- end -->\nb\n"
    new = page.fill(text, {"x": "| new |\n"})
    assert new == "a\n<!-- bench: x -->\n| new |\n<!-- end -->\nb\n"
    assert page.fill(new, {"x": "| new |\n"}) == new


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("x", 300.0, "ms", 350.0), 300.0, True),
        (Goal("x", 400.0, "ms", 350.0), 400.0, False),
        (Goal("x", 3.0, "µs", 0.85, "liblo", 4.0), 0.75, True),
        (Goal("x", 3.0, "µs", 0.85, "liblo", 3.0), 1.0, False),
        (Goal("x", 1.9, "messages/s", 1.8, "one", 1.0, "higher"), 1.9, True),
        (Goal("x", 0.5, "ms", 0.1, "paho", 0.3, compare="difference"), 0.2, False),
        (Goal("x", 0.0, "%", 0.0), 0.0, True),
    ],
)
def test_goal_compares_as_it_says(goal: Goal, value: float, met: bool) -> None:
    assert goal.value == pytest.approx(value)
    assert goal.is_met is met
    assert goal.cells[-1] == ("met" if met else "not met")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (1.337, "1.34"), (13.37, "13.4"), (133.7, "134"), (13_371, "13,000")],
)
def test_number_has_the_digits_that_a_measurement_deserves(value: float, text: str) -> None:
    assert number(value) == text


def test_render_has_a_table_for_each_kind() -> None:
    goal, capacity = Goal("start", 300.0, "ms", 350.0), Capacity("OSC to MIDI", 120_000, 8.2)
    assert cells(page.render([goal, capacity])) == {
        "": ["messages/s", "CPU time per message, µs"],
        "---": ["---", "---"],
        "start": ["300 ms", "", "≤ 350 ms", "met"],
        "OSC to MIDI": ["120,000", "8.20"],
    }


def test_render_says_why_there_is_no_table() -> None:
    assert page.render("3 messages are missing") == "Not measured: 3 messages are missing.\n"

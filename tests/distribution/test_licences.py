"""Licences of dependencies: all are listed, and none is a GPL."""

from __future__ import annotations

import pytest
from licences import LIST, is_allowed, page_licences, problems_of, python_licences, read_list

LISTED = read_list(LIST.read_text())


def test_all_licences_are_listed_and_allowed() -> None:
    found = python_licences() | page_licences()
    assert list(problems_of(found, LISTED)) == []


def test_dependencies_of_the_bridge_the_plugins_and_the_page_are_found() -> None:
    python, page = python_licences(), page_licences()
    assert {"aiohttp", "multidict", "nkeys", "paho-mqtt", "websockets", "zeroconf"} <= set(python)
    assert not {"pytest", "oscbridge", "oscbridge-mqtt"} & set(python)
    assert page
    assert set(python) <= set(LISTED)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("EPL-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("unknown", False),
    ],
)
def test_gpl_is_not_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_gpl_and_a_package_that_is_not_listed_are_problems() -> None:
    found = {"lamp": "GPL-3.0-only", "light": "MIT", "new": "MIT"}
    problems = list(problems_of(found, {"lamp": "GPL-3.0-only", "light": "ISC"}))
    assert len(problems) == 3
    assert problems[0].startswith("lamp has the licence 'GPL-3.0-only', which is not")
    assert problems[1].startswith("light has the licence 'MIT', not 'ISC'; run: ")
    assert problems[2].startswith("new is missing in licences.md; run: ")

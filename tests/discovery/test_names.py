"""Names of services: valid ones, numbered ones, and patterns."""

from __future__ import annotations

import pytest

from oscbridge.discovery.names import (
    MAX_NAME_BYTES,
    NamePattern,
    check_service_name,
    default_service_name,
    numbered_name,
    printable_text,
)


@pytest.mark.parametrize("name", ["Stage", "Front of house [left]", "Bühne 2.1", "x" * 63])
def test_name_is_accepted(name: str) -> None:
    assert check_service_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "empty"), ("  ", "empty"), ("a\nb", "control"), ("ü" * 32, "63 bytes long, is 64")],
)
def test_name_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_service_name(name)


def test_default_name_is_never_too_long() -> None:
    assert default_service_name("stage").startswith("stage on ")
    assert len(default_service_name("ü" * 80).encode()) <= MAX_NAME_BYTES


def test_number_replaces_the_one_before() -> None:
    assert numbered_name("Stage", 2) == "Stage (2)"
    assert numbered_name("Stage (2)", 3) == "Stage (3)"
    assert numbered_name("Stage (left)", 2) == "Stage (left) (2)"


def test_numbered_name_is_never_too_long() -> None:
    name = numbered_name("ü" * 31, 10)
    assert name.endswith(" (10)")
    assert len(name.encode()) <= MAX_NAME_BYTES
    check_service_name(name)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("Desk", "desk", True),
        ("Desk", "Desk 2", False),
        ("VRChat-Client-*", "VRChat-Client-A1B2", True),
        ("TouchOSC [iPad]", "TouchOSC [iPad]", True),
        ("TouchOSC [iPad]", "TouchOSC i", False),
        ("Desk ?", "Desk 2", True),
        ("*", "", True),
        ("a.c", "abc", False),
        ("a*b*c", "abbc", True),
        ("a*bc*c", "abcbc", True),
        ("a*bc*c", "abc", False),
        ("*b*", "abc", True),
        ("**a", "a", True),
        ("a*?", "a", False),
    ],
)
def test_pattern(pattern: str, name: str, matches: bool) -> None:
    assert NamePattern(pattern).matches(name) is matches


@pytest.mark.parametrize("pattern", ["*" * 60 + "b", "a*" * 30 + "b", "*?" * 30 + "b"])
def test_many_stars_take_no_longer(pattern: str) -> None:
    assert not NamePattern(pattern).matches("a" * 63)


def test_control_characters_of_the_network_are_replaced() -> None:
    assert printable_text("a\x1b[2Jb\n") == "a\ufffd[2Jb\ufffd"

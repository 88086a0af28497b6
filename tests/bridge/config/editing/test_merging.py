"""Changes of two editors are merged where they are apart, and refused otherwise."""

from __future__ import annotations

from oscbridge.bridge.config.editing.merging import merged

BASE = "a = 1\n\nb = 2\n\nc = 3\n"


def test_changes_apart_are_both_kept() -> None:
    ours, theirs = BASE.replace("1", "10"), BASE.replace("3", "30")
    assert merged(BASE, ours, theirs) == "a = 10\n\nb = 2\n\nc = 30\n"


def test_changes_of_one_line_conflict() -> None:
    assert merged(BASE, BASE.replace("2", "20"), BASE.replace("2", "21")) is None


def test_same_change_is_made_once() -> None:
    assert merged(BASE, BASE.replace("2", "20"), BASE.replace("2", "20")) == BASE.replace("2", "20")


def test_lines_side_by_side_conflict() -> None:
    base = "a = 1\nb = 2\n"
    assert merged(base, "a = 9\nb = 2\n", "a = 1\nb = 9\n") is None


def test_tables_that_both_add_at_the_end_are_kept() -> None:
    ours, theirs = BASE + "\n[[route]]\nx = 1\n", BASE + "\n[[route]]\nx = 2\n"
    assert merged(BASE, ours, theirs) == BASE + "\n[[route]]\nx = 2\n\n[[route]]\nx = 1\n"


def test_keys_that_both_add_in_one_place_conflict() -> None:
    assert merged(BASE, BASE + "d = 4\n", BASE + "e = 5\n") is None


def test_removed_and_changed_line_conflicts() -> None:
    assert merged(BASE, BASE.replace("b = 2\n", ""), BASE.replace("2", "20")) is None


def test_only_line_feeds_end_lines() -> None:
    """Others may be in comments, whose rest would become keys."""
    base = "# one\u2028[run]\nb = 2\n\nc = 3\n"
    ours, theirs = base.replace("one\u2028", "our\u2028"), base.replace("3", "30")
    assert merged(base, ours, theirs) == "# our\u2028[run]\nb = 2\n\nc = 30\n"

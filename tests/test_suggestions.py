"""Suggestions for misspelled names."""

from __future__ import annotations

from oscbridge.suggestions import did_you_mean, plain_name, suggest


def test_did_you_mean_names_the_nearest_name() -> None:
    assert did_you_mean("lisen", ["mode", "listen"]) == "did you mean 'listen'?"


def test_did_you_mean_is_empty_without_a_near_name() -> None:
    assert did_you_mean("xyz", ["mode", "listen"]) == ""


def test_suggest_names_the_nearest_name() -> None:
    assert suggest("lisen", ["mode", "listen"]) == "did you mean 'listen'?"


def test_suggest_lists_all_names_without_a_near_one() -> None:
    assert suggest("xyz", iter(["mode", "listen"])) == "available: mode, listen"


def test_suggest_uses_the_title_for_the_list() -> None:
    assert suggest("xyz", ["mode"], "known keys") == "known keys: mode"


def test_suggest_reports_an_empty_list() -> None:
    assert suggest("xyz", []) == "available: none"


def test_plain_name_has_only_letters_that_names_may_have() -> None:
    assert plain_name("große Bühne 2") == "groe-Buhne-2"
    assert plain_name("舞台") == "NAME"

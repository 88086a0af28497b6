"""Failures in code of users and plugins, in one line."""

from __future__ import annotations

from oscbridge.failures import causes_of, failure_text, is_explained, text_of


def test_error_that_is_its_own_cause_has_one_cause() -> None:
    error = OSError("no way")
    error.__cause__ = error
    assert list(causes_of(error)) == [error]
    assert is_explained(error)


def test_errors_that_cause_each_other_are_found_once() -> None:
    one, other = OSError("one"), KeyError("other")
    one.__cause__, other.__context__ = other, one
    assert list(causes_of(one, contexts=True)) == [one, other]
    assert list(causes_of(other)) == [other]
    assert not is_explained(one)


def test_error_without_a_text_has_one() -> None:
    class Unspeakable(OSError):
        def __str__(self) -> str:
            raise SystemExit

    assert text_of(Unspeakable()) == "its text cannot be shown"
    assert failure_text(Unspeakable()) == "Unspeakable: its text cannot be shown"

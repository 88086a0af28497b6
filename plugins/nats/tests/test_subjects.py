"""Subjects and addresses."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import oscbridge
from oscbridge_nats.subjects import (
    MAX_SUBJECT,
    address_of,
    check_filter,
    check_name,
    check_prefix,
    check_published,
    matches,
    subject_of,
)

SUBJECTS = [
    ("/mixer/1/fader", "osc.mixer.1.fader"),
    ("/a.b/c*d/e>f", "osc.a%2Eb.c%2Ad.e%3Ef"),
    ("/a b/50%", "osc.a%20b.50%25"),
    ("/ähre", "osc.%C3%A4hre"),
    ("//a//", "osc.%.a.%.%"),
    ("/", "osc.%"),
    ("", "osc.%_"),
    ("fader/1", "osc.%_fader.1"),
    ("/$SYS/x", "osc.%24SYS.x"),
    ("/a\r\nPUB x", "osc.a%0D%0APUB%20x"),
]


@pytest.mark.parametrize(("address", "subject"), SUBJECTS)
def test_address_becomes_a_subject_and_again_the_address(address: str, subject: str) -> None:
    assert subject_of(address, "osc") == subject
    assert address_of(subject, "osc") == address


@given(st.text(), st.sampled_from(["", "osc", "a.b"]))
@example("%", "")
@example("/%/%_/%41", "osc")
@example("\udc80/\ud800\udc00", "osc")
def test_no_address_is_lost(address: str, prefix: str) -> None:
    subject = subject_of(address, prefix)
    assert address_of(subject, prefix) == address


@given(st.text(max_size=100))
def test_subject_of_an_address_can_be_published(address: str) -> None:
    subject = subject_of(address, "osc")
    assert check_published(subject) == subject
    assert subject.isascii()


@given(st.text(), st.text())
def test_two_addresses_never_share_a_subject(one: str, other: str) -> None:
    assert (subject_of(one) == subject_of(other)) is (one == other)


def test_foreign_subject_becomes_an_address() -> None:
    assert address_of("sensors.hall.temp", "osc") == "/sensors/hall/temp"
    assert address_of("osc.100%.x%zz", "osc") == "/100%/x%zz"


def test_escape_that_is_not_utf8_is_an_error() -> None:
    with pytest.raises(oscbridge.DecodeError, match="not valid UTF-8"):
        address_of("osc.%FF", "osc")


BAD = [
    ("", "at least one character"),
    ("a b", "must not contain ' '"),
    ("a\tb", r"must not contain '\\t'"),
    ("a..b", "must not have an empty part"),
    (".a", "must not have an empty part"),
    ("a.", "must not have an empty part"),
    ("$SYS.x", "must not start with '\\$'"),
    ("x" * (MAX_SUBJECT + 1), f"at most {MAX_SUBJECT} bytes"),
]


@pytest.mark.parametrize(("subject", "problem"), BAD)
def test_invalid_subject_is_rejected(subject: str, problem: str) -> None:
    for check in (check_published, check_filter):
        with pytest.raises(ValueError, match=problem):
            check(subject)


@pytest.mark.parametrize("subject", ["a.*", ">", "a.b*"])
def test_wildcards_are_not_published(subject: str) -> None:
    with pytest.raises(ValueError, match="must not contain"):
        check_published(subject)


@pytest.mark.parametrize(
    ("subject", "problem"), [("a.>.b", "'>' must be the last"), ("a.b*", "must be whole parts")]
)
def test_misplaced_wildcard_is_rejected(subject: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_filter(subject)


def test_prefix_may_be_empty() -> None:
    assert check_prefix("") == ""
    assert check_prefix("show.osc") == "show.osc"
    with pytest.raises(ValueError, match="a prefix must not contain"):
        check_prefix("osc.>")


@pytest.mark.parametrize("name", ["", "a.b", "a b", "x" * 101, "ä"])
def test_invalid_name_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        check_name(name)


MATCHES = [
    ("a.*", "a.b", True),
    ("a.*", "a.b.c", False),
    ("a.>", "a.b.c", True),
    ("a.>", "a", False),
    (">", "a", True),
    ("a.*", "a.>", False),
    ("a.*.c", "a.*.c", True),
    ("a", "b", False),
]


@pytest.mark.parametrize(("wanted", "subject", "expected"), MATCHES)
def test_filter_matches(wanted: str, subject: str, expected: bool) -> None:
    assert matches(wanted, subject) is expected

"""Expected and received messages in pairs."""

from __future__ import annotations

import random

import pytest

from oscbridge.bridge.simulation.cases import ExpectedMessage
from oscbridge.bridge.simulation.comparison import ReceivedMessage, compare
from oscbridge.bridge.simulation.message_pattern import MessagePattern
from oscbridge.osc.message_text import read_message_text


def shown(expected: str, received: str) -> str:
    """The lines as text: each letter is a message; ``-`` is missing, ``+`` is unexpected."""
    lines = compare(
        [_expected(each) for each in expected],
        [ReceivedMessage(0.0, "synth", read_message_text(f"/{each}")) for each in received],
    )
    texts = []
    for line in lines:
        wanted = "" if line.expected is None else line.expected.pattern.text[1:]
        got = "" if line.received is None else line.received.message.address[1:]
        if line.expected is not None and line.expected.is_gap:
            assert line.is_match
            wanted = ""
            got = got and f".{got}"
        texts.append(got if line.is_match else (wanted and f"-{wanted}") + (got and f"+{got}"))
    return " ".join(filter(None, texts))


def _expected(letter: str) -> ExpectedMessage:
    if letter == ".":
        return ExpectedMessage("synth", MessagePattern("*"), is_gap=True)
    return ExpectedMessage("synth", MessagePattern(f"/{letter}"))


@pytest.mark.parametrize(
    ("expected", "received", "lines"),
    [
        ("", "", ""),
        ("abc", "abc", "a b c"),
        ("abc", "ac", "a -b c"),
        ("ac", "abc", "a +b c"),
        ("abc", "axc", "a -b+x c"),
        ("abc", "", "-a -b -c"),
        ("", "ab", "+a +b"),
        ("abcd", "bcda", "-a b c d +a"),
        ("ab", "xyab", "+x +y a b"),
        ("a.c", "abbc", "a .b .b c"),
        ("a.c", "ac", "a c"),
        ("a.c", "abb", "a .b .b -c"),
        ("a.c", "xbc", "-a+x .b c"),
        ("a.", "abb", "a .b .b"),
        (".", "", ""),
        ("..b", "aab", ".a .a b"),
        (".b", "abc", ".a b +c"),
    ],
)
def test_messages_are_paired_in_order(expected: str, received: str, lines: str) -> None:
    assert shown(expected, received) == lines


def test_every_message_is_shown_once() -> None:
    chance = random.Random(1)
    for _ in range(200):
        expected = "".join(chance.choices("abc", k=chance.randrange(8)))
        received = "".join(chance.choices("abc", k=chance.randrange(8)))
        lines = shown(expected, received).split()
        both = [line for line in lines if line[0] not in "-+"]
        assert (
            "".join(line[0] if line in both else line[1] for line in lines if line[0] != "+")
            == expected
        )
        assert "".join(line[-1] for line in lines if line in both or "+" in line) == received

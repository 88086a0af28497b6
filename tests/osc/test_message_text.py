"""Messages as text."""

from __future__ import annotations

import pytest

from oscbridge.osc import IMPULSE, Message
from oscbridge.osc.message_text import MAX_MESSAGE_TEXT, Word, read_message_text, split_words
from oscbridge.osc.text import format_message


@pytest.mark.parametrize(
    ("text", "types", "args"),
    [
        ("/a", "", ()),
        ("  /a  1\t2.5 ", "if", (1, 2.5)),
        ("/a true false nil impulse", "TFNI", (True, False, None, IMPULSE)),
        (
            "/a word 'two words' \"say \\\"hi\\\"\\n\" ''",
            "ssss",
            ("word", "two words", 'say "hi"\n', ""),
        ),
        ("/a \"1\" 'true'", "ss", ("1", "true")),
        ("/a 5000000000", "h", (5_000_000_000,)),
        ("/a ,if 1 2", "if", (1, 2.0)),
        ("/a ,i[sT] 1 x", "i[sT]", (1, ["x", True])),
        ("/a ,i[ss] 1 [a b]", "i[ss]", (1, ["a", "b"])),
        ("/a ,b 0x00ff", "b", (b"\0\xff",)),
        ('/a ",if"', "s", (",if",)),
    ],
)
def test_text_is_read(text: str, types: str, args: tuple[object, ...]) -> None:
    assert read_message_text(text)[:3] == ("/a", types, args)


@pytest.mark.parametrize(
    "message",
    [
        Message.of("/mixer/1", 0.1, "on", 3, True, None, b"\1\2", types="fsiTNb"),
        Message.of("/x", 'a "quoted" \\ text', types="s"),
        Message.of("/x", 1, [3, [2]], types="i[i[i]]"),
    ],
)
def test_shown_message_can_be_read_back(message: Message) -> None:
    read = read_message_text(format_message(message))
    assert format_message(read) == format_message(message)


def test_floats_have_32_bits() -> None:
    assert read_message_text("/a 0.1").args == (pytest.approx(0.1, abs=1e-8),)
    assert read_message_text("/a 0.1").args != (0.1,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing address"),
        ("a 1", "address must start with '/', got 'a'"),
        ('/a "b', "unclosed or unexpected quote after position 3"),
        ("/a it's", "quote"),
        ("/a ,q 1", "unknown type tag 'q'"),
        ("/a ,ii 1", "missing argument for type tag 'i'"),
        ("/a ,i 1 2", "more arguments than type tags"),
        ("/a ,i x", "'x' does not fit type tag 'i'"),
        ("/a --types i 1", "unexpected '--types'; write the type tags as ',if'"),
        ("/a " + "9" * 100, "no OSC type for 999"),
        ("/" + "a" * MAX_MESSAGE_TEXT, f"longer than {MAX_MESSAGE_TEXT} characters"),
    ],
)
def test_invalid_text_names_the_problem(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_message_text(text)
    assert problem in str(caught.value)


def test_words_know_whether_they_are_quoted() -> None:
    assert split_words("a '*' *") == [Word("a"), Word("*", is_quoted=True), Word("*")]

"""Messages as text, e.g. ``/mixer/1 ,fs 0.5 "on"``: the form in which they are shown, read back.

The address comes first, then optionally a comma with the type tags, then the arguments, each a
word. Words with blanks are quoted, with ``"`` or ``'``; a backslash within ``"`` makes ``"`` and
``\\`` literal, and ``\\n`` is a new line. Without type tags whole numbers are i (or h), other
numbers f, ``true``, ``false``, ``nil`` and ``impulse`` T, F, N and I, and all else s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from oscbridge.errors import DecodeError, EncodeError
from oscbridge.osc import IMPULSE, Argument, Message, decode_message, encode_message, infer
from oscbridge.osc.arguments import layout
from oscbridge.osc.text import parse_arguments

__all__ = ["MAX_MESSAGE_TEXT", "Word", "read_message_text", "split_types_word", "split_words"]

MAX_MESSAGE_TEXT: Final = 65_536
"""Characters of a message as text."""

# Possessive, so that no text takes longer than its length.
_WORD: Final = re.compile(
    r"""\s*+(?:"(?P<double>(?:[^"\\]|\\.)*+)"|'(?P<single>[^']*+)'|(?P<plain>[^\s"']++))(?=\s|$)""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_CONSTANTS: Final = {"T": "true", "F": "false", "N": "nil", "I": "impulse"}
_ESCAPES: Final = {"n": "\n", "t": "\t"}


class Word(NamedTuple):
    """One word of a text, without its quotes."""

    text: str
    is_quoted: bool = False

    @property
    def value(self) -> Argument:
        """The argument that it is without a type tag. Raises :class:`EncodeError`."""
        if self.is_quoted:
            return self.text
        if self.text == "impulse":
            return IMPULSE
        return parse_arguments([self.text])[1][0]


def split_words(text: str) -> list[Word]:
    """The words of a text. Raises ``ValueError`` for wrong quotes."""
    if len(text) > MAX_MESSAGE_TEXT:
        raise ValueError(f"longer than {MAX_MESSAGE_TEXT} characters")
    words: list[Word] = []
    text = text.rstrip()
    position = 0
    while position < len(text):
        found = _WORD.match(text, position)
        if found is None:
            raise ValueError(f"unclosed or unexpected quote after position {position + 1}")
        position = found.end()
        if found["plain"] is not None:
            words.append(Word(found["plain"]))
        elif found["single"] is not None:
            words.append(Word(found["single"], is_quoted=True))
        else:
            words.append(Word(_ESCAPE.sub(_unescape, found["double"]), is_quoted=True))
    return words


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def split_types_word(words: Sequence[Word]) -> tuple[str | None, Sequence[Word]]:
    """The type tags if the first word is a comma with them, and the other words.

    Brackets that show arrays, and the values that T, F, N and I stand for, are left out: the type
    tags have them. Raises ``ValueError``.
    """
    if not words or words[0].is_quoted or not words[0].text.startswith(","):
        if words and words[0] == Word("--types"):
            raise ValueError("unexpected '--types'; write the type tags as ',if'")
        return None, words
    types = words[0].text[1:]
    try:
        layout(types)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    found = [
        word if word.is_quoted or "[" not in types else Word(word.text.lstrip("[").rstrip("]"))
        for word in words[1:]
    ]
    found = [word for word in found if word.text or word.is_quoted]
    tags = [tag for tag in types if tag not in "[]"]
    if len(found) == len(tags):
        found = [
            word
            for tag, word in zip(tags, found, strict=True)
            if word.is_quoted or word.text != _CONSTANTS.get(tag)
        ]
    return types, found


def read_message_text(text: str) -> Message:
    """The message that a text is. Raises ``ValueError`` that names the problem."""
    words = split_words(text)
    if not words:
        raise ValueError('missing address; expected for example "/mixer/1 0.5"')
    address = words[0].text
    if not address.startswith("/"):
        raise ValueError(f"address must start with '/', got {address!r}")
    types, arguments = split_types_word(words[1:])
    try:
        if types is None:
            values = [word.value for word in arguments]
            types = infer(values)
        else:
            types, values = parse_arguments([word.text for word in arguments], types)
        message = Message.of(address, *values, types=types)
        return decode_message(encode_message(message))  # so that its floats have 32 bits
    except (EncodeError, DecodeError) as error:
        raise ValueError(str(error)) from None

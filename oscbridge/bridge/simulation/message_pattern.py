"""Expected messages as text, e.g. ``/level _ ~0.5``: what a message must be like."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from oscbridge.errors import EncodeError, PatternError
from oscbridge.osc import Argument, Color, Message, infer
from oscbridge.osc.arguments import split_types
from oscbridge.osc.message_text import Word, split_types_word, split_words
from oscbridge.osc.pattern import Pattern, Subject
from oscbridge.osc.text import format_value, is_number, parse_arguments
from oscbridge.osc.type_tags import NUMBER_TAGS, TYPE_TAGS

__all__ = ["MessagePattern"]

ROUNDING: Final = 1e-6
"""Relative and absolute difference of two floats that counts as rounding to 32 bits."""

NEAR: Final = 0.01
"""Relative difference that ``~`` allows: one per cent."""

NEAR_ZERO: Final = 0.001
"""Absolute difference that ``~`` allows at least."""

_WITHIN: Final = re.compile(r"(?P<value>.*?)(?:±|\+-|\+/-)(?P<tolerance>.*)")
_OR_QUOTES: Final = ", or quotes around text"
_ANY: Final = "_"
_REST: Final = "*"


@dataclass(frozen=True)
class _ExpectedArgument:
    text: str
    tag: str | None = None
    """The type tag; None if the values of one kind have several."""
    value: Argument = None
    tolerance: float | None = None
    """For numbers; None if the kind of the value has to be the same."""
    is_any: bool = False

    def matches(self, value: Argument, tag: str) -> bool:
        if self.tag is not None and tag != self.tag:
            return False
        if self.is_any:
            return True
        if self.tolerance is not None:
            rounding = ROUNDING * max(1.0, self.tolerance)
            return (
                isinstance(value, int | float)
                and isinstance(self.value, int | float)
                and not isinstance(value, bool)
                and (value == self.value or abs(value - self.value) <= self.tolerance + rounding)
            )
        return _equal(value, self.value)


def _equal(value: Argument, expected: Argument) -> bool:
    """Whether two values are of one kind and equal, except for rounding."""
    if isinstance(expected, float):
        if not isinstance(value, float):
            return False
        if math.isnan(expected):
            return math.isnan(value)
        return math.isclose(value, expected, rel_tol=ROUNDING, abs_tol=ROUNDING)
    if isinstance(expected, list):
        return (
            isinstance(value, list)
            and len(value) == len(expected)
            and all(map(_equal, value, expected))
        )
    if isinstance(expected, str):
        return isinstance(value, str) and value == expected
    if type(expected) is int or isinstance(expected, Color):
        return isinstance(value, int) and not isinstance(value, bool) and value == expected
    return type(value) is type(expected) and value == expected


class MessagePattern:
    """What a message must be like. Raises ``ValueError`` that names the problem.

    The text is a message (:mod:`oscbridge.osc.message_text`) whose address may be a pattern, a
    lone ``*`` for any message; ``_`` stands for any argument, ``*`` for all remaining ones,
    ``~0.5`` for a number near it and ``0.5±0.1`` for one within. With ``any_arguments`` an
    address alone stands for messages with any arguments.
    """

    def __init__(self, text: str, *, any_arguments: bool = False) -> None:
        self.text = text.strip()
        words = split_words(text)
        if not words:
            raise ValueError("missing address; write * for any message")
        address, *rest = words
        self._address = address.text
        self._pattern = _address_pattern(address.text)
        self.types, arguments = split_types_word(rest)
        is_bare = not rest and (any_arguments or self._pattern is None)
        is_open = bool(arguments) and arguments[-1] == Word(_REST)
        if is_open:
            arguments = arguments[:-1]
        if Word(_REST) in arguments:
            raise ValueError("'*' stands for all remaining arguments; write _ for a single one")
        if is_open and self.types is not None:
            missing = sum(map(_words_of, self.types)) - len(arguments)
            arguments = [*arguments, *[Word(_ANY)] * missing]
        self._has_rest = is_bare or (is_open and self.types is None)
        self._arguments = tuple(_arguments(arguments, self.types))

    def __repr__(self) -> str:
        return f"<message pattern {self.text!r}>"

    def difference(self, message: Message) -> str:
        """Why a message does not match, in a few words; empty if it matches."""
        if (
            self._pattern is not None
            and message.address != self._address
            and not self._pattern.matches(Subject(message.address))
        ):
            return "another address"
        tags = split_types(infer(message.args) if message.types is None else message.types)
        if self.types is not None and self.types != "".join(tags):
            return f"the types are {''.join(tags)!r}"
        expected, got = len(self._arguments), len(message.args)
        for index, argument in enumerate(self._arguments[:got]):
            value, tag = message.args[index], tags[index]
            if not argument.matches(value, tag):
                return f"argument {index + 1} is {format_value(value)} ({tag})"
        if got < expected or (got > expected and not self._has_rest):
            return "no arguments" if not got else f"{got} argument{'' if got == 1 else 's'}"
        return ""


def _address_pattern(text: str) -> Pattern | None:
    """The pattern of an address; None for any address. Raises ``ValueError``."""
    if text == "*":
        return None
    if not text.startswith("/"):
        raise ValueError(f"address must start with '/' or be '*', got {text!r}")
    try:
        return Pattern(text)
    except PatternError as error:
        raise ValueError(str(error)) from None


def _arguments(words: Sequence[Word], types: str | None) -> Iterator[_ExpectedArgument]:
    """The expected arguments. Raises ``ValueError``."""
    try:
        if types is None:
            yield from map(_untyped, words)
            return
        remaining = iter(words)
        for tag in split_types(types):
            needed = sum(map(_words_of, tag))
            taken = list(islice(remaining, needed))
            if len(taken) < needed:
                raise EncodeError(f"missing argument for type tag {tag!r} of ,{types}")
            yield _typed(tag, taken)
        for word in remaining:
            raise EncodeError(f"more arguments than type tags in ,{types}: {word.text!r}")
    except EncodeError as error:
        raise ValueError(str(error)) from None


def _words_of(tag: str) -> int:
    """The number of words that a type tag takes: 0 or 1."""
    row = TYPE_TAGS.get(tag)
    return int(row is not None and row.constant is None)


def _untyped(word: Word) -> _ExpectedArgument:
    if word == Word(_ANY):
        return _ExpectedArgument(word.text, is_any=True)
    return _near(word, None) or _ExpectedArgument(word.text, value=word.value)


def _typed(tag: str, words: Sequence[Word]) -> _ExpectedArgument:
    text = " ".join(word.text for word in words)
    if words and all(word == Word(_ANY) for word in words):
        return _ExpectedArgument(text, tag, is_any=True)
    if len(words) == 1 and (near := _near(words[0], tag)):
        return near
    _, (value,) = parse_arguments([word.text for word in words], tag)
    return _ExpectedArgument(text, tag, value)


def _near(word: Word, tag: str | None) -> _ExpectedArgument | None:
    """A number with a tolerance; None if the word is not one.

    Raises ``ValueError`` for one that looks like it, as text in quotes or with its type does not.
    """
    text = word.text
    if word.is_quoted or tag not in (None, "t", *NUMBER_TAGS):
        return None
    if text.startswith("~"):
        if not is_number(text[1:]):
            raise ValueError(f"invalid number in {text!r}; expected for example ~0.5{_OR_QUOTES}")
        value = float(text[1:])
        return _ExpectedArgument(text, tag, value, max(abs(value) * NEAR, NEAR_ZERO))
    found = _WITHIN.fullmatch(text)
    if found is None or not ("±" in text or is_number(found["value"])):
        return None
    for part in ("value", "tolerance"):
        if not is_number(found[part]) or (
            part == "tolerance" and not 0 <= float(found[part]) < math.inf
        ):
            what = "number" if part == "value" else part
            example = f"expected for example 0.5±0.01{_OR_QUOTES}"
            raise ValueError(f"invalid {what} in {text!r}; {example}")
    return _ExpectedArgument(text, tag, float(found["value"]), float(found["tolerance"]))

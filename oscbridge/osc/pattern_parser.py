"""Parses address patterns into tokens (OSC 1.0, "OSC Message Dispatching and Pattern Matching")."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import PatternError
from oscbridge.osc.number_range import expand_range

__all__ = [
    "MAX_WILDCARDS",
    "Alternatives",
    "AnyCharacter",
    "AnyDepth",
    "Capture",
    "CharacterClass",
    "LiteralText",
    "Star",
    "Token",
    "is_pattern",
    "parse_pattern",
    "with_stars",
]

MAX_WILDCARDS: Final = 32
"""Wildcards that one pattern may contain."""

_SPECIAL: Final = re.compile(r"[*?\[\]{}]|//")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_pattern(address: str) -> bool:
    """Whether an address contains a wildcard."""
    return _SPECIAL.search(address) is not None


def with_stars(address: str) -> str:
    """A mapped address in which ``.*``, as a whole part, is written ``*``.

    Addresses of python-osc are read as regular expressions; its programs map ``/ch/.*``.
    """
    return "/".join(["*" if part == ".*" else part for part in address.split("/")])


class LiteralText(NamedTuple):
    text: str


class AnyCharacter(NamedTuple):
    """``?``: one character within a part."""


class Star(NamedTuple):
    """``*``: any run of characters."""

    crosses: bool


class CharacterClass(NamedTuple):
    """``[a-z]`` or ``[!a-z]``: one character within a part."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool


class Alternatives(NamedTuple):
    """``{foo,bar}``."""

    texts: tuple[str, ...]


class Capture(NamedTuple):
    """``{name}``: one or more characters within a part; ``{name*}``: also slashes."""

    name: str
    crosses: bool = False


class AnyDepth(NamedTuple):
    """``//``: any number of parts, and the slashes around them."""


Token: TypeAlias = (
    LiteralText | AnyCharacter | Star | CharacterClass | Alternatives | Capture | AnyDepth
)


def parse_pattern(text: str, mapped: bool) -> tuple[Token, ...]:
    """The tokens of a pattern. Raises :class:`PatternError`."""
    if mapped:
        text = with_stars(text)
    tokens: list[Token] = []
    literal = ""
    index = 0
    while index < len(text):
        character = text[index]
        token: Token
        if text.startswith("//", index):
            token, index = AnyDepth(), _skip(text, index, "/")
        elif character == "*":
            token, index = Star(crosses=mapped), _skip(text, index, "*")
        elif character == "?":
            token, index = AnyCharacter(), index + 1
        elif character == "[":
            token, index = _parse_class(text, index)
        elif character == "{":
            token, index = _parse_braces(text, index, mapped)
        elif character in "]}":
            raise PatternError(f"{text!r}: unmatched {character!r} at position {index}")
        else:
            literal += character
            index += 1
            continue
        if literal:
            tokens.append(LiteralText(literal))
            literal = ""
        tokens.append(token)
    if literal:
        tokens.append(LiteralText(literal))
    if sum(not isinstance(token, LiteralText) for token in tokens) > MAX_WILDCARDS:
        raise PatternError(f"{text!r}: more than {MAX_WILDCARDS} wildcards")
    return tuple(tokens)


def _skip(text: str, index: int, character: str) -> int:
    """The index after a run of the same character: ``**`` is ``*``."""
    while index < len(text) and text[index] == character:
        index += 1
    return index


def _parse_class(text: str, index: int) -> tuple[Token, int]:
    end = text.find("]", index + 1)
    if end < 0:
        raise PatternError(f"{text!r}: unclosed '[' at position {index}")
    inner = text[index + 1 : end]
    negated = inner.startswith("!")
    if negated:
        inner = inner[1:]
    ranges = []
    place = 0
    while place < len(inner):
        # "A minus sign at the end of the string has no special meaning"; nor has one at the start.
        if place + 2 < len(inner) and inner[place + 1] == "-":
            low, high = sorted((inner[place], inner[place + 2]))
            ranges.append((low, high))
            place += 3
        else:
            ranges.append((inner[place], inner[place]))
            place += 1
    return CharacterClass(tuple(dict.fromkeys(ranges)), negated), end + 1


def _parse_braces(text: str, index: int, mapped: bool) -> tuple[Token, int]:
    end = text.find("}", index + 1)
    if end < 0:
        raise PatternError(f"{text!r}: unclosed '{{' at position {index}")
    inner = text[index + 1 : end]
    if "{" in inner:
        raise PatternError(f"{text!r}: nested '{{' after position {index}")
    if mapped and ".." in inner:
        return _parse_ranges(text, inner), end + 1
    if mapped and "," not in inner:
        if _NAME.fullmatch(inner.removesuffix("*")) and inner.endswith("*"):
            if end + 1 < len(text):
                problem = f"{{{inner}}} captures the rest of the address and must be at its end"
                raise PatternError(f"{text!r}: {problem}")
            return Capture(inner[:-1], crosses=True), end + 1
        if not _NAME.fullmatch(inner):
            fix = "use letters a-z, digits and '_'"
            raise PatternError(f"{text!r}: {inner!r} is not a valid name for a capture; {fix}")
        return Capture(inner), end + 1
    return Alternatives(tuple(dict.fromkeys(inner.split(",")))), end + 1


def _parse_ranges(text: str, inner: str) -> Alternatives:
    """``{01..32}``, or alternatives of which some are ranges."""
    texts: list[str] = []
    for each in inner.split(","):
        try:
            texts += expand_range(each) or (each,)
        except PatternError as error:
            raise PatternError(f"{text!r}: {error}") from None
    if any(".." in each for each in texts):
        raise PatternError(f"{text!r}: {{{inner}}} is not a range of numbers such as {{01..32}}")
    return Alternatives(tuple(dict.fromkeys(texts)))

"""Reads message templates (:mod:`oscbridge.templates.message`): text in, tokens out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from oscbridge.osc import IMPULSE, Argument
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.text import is_number
from oscbridge.templates.placeholders import Placeholder, Template, parse_parts

__all__ = ["FORBIDDEN", "Constant", "Token", "parse_message"]

# Quantifiers are possessive: a placeholder is one piece, and backtracking would be exponential.
_WORD: Final = re.compile(r'(?:\{[^{}]*\}|[^\s"])++(?=\s|$)')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_KEYWORDS: Final[Mapping[str, tuple[str, Argument]]] = {
    "true": ("T", True),
    "false": ("F", False),
    "nil": ("N", None),
    "impulse": ("I", IMPULSE),
}
FORBIDDEN: Final = re.compile(r"[\s#*,?\[\]{}\x00-\x1f\x7f]|//")
"""Characters that OSC 1.0 forbids in addresses or reserves for patterns, and empty parts."""


class Constant(NamedTuple):
    """An argument that does not depend on the message."""

    tag: str
    value: Argument


Token: TypeAlias = Placeholder | Template | Constant
"""One argument: a placeholder alone keeps its type; text with placeholders is a string."""


class _Word(NamedTuple):
    """One word of the text, without its quotes."""

    text: str
    """The whole text."""
    start: int
    end: int
    quoted: bool
    expressions: bool

    def __str__(self) -> str:
        return self.text[self.start : self.end]

    def parts(self) -> tuple[str | Placeholder, ...]:
        """Raises ``ValueError``."""
        if not self.quoted and "\\" in str(self):
            position = self.text.index("\\", self.start) + 1
            raise ValueError(f"unexpected '\\' at position {position}; quote the argument")
        parts = parse_parts(
            self.text, self.start, self.end, escapes=self.quoted, expressions=self.expressions
        )
        if any(isinstance(part, str) and "\0" in part for part in parts):
            raise ValueError("invalid character NUL: OSC strings cannot contain it")
        return parts


def parse_message(text: str, *, expressions: bool = False) -> tuple[Template, list[Token]]:
    """The address and the arguments. Raises ``ValueError`` that names the problem.

    With ``expressions`` a placeholder may be one, e.g. ``{= x * 127}``.
    """
    words = list(_words(text.rstrip(), expressions))
    if not words:
        raise ValueError('missing address; expected for example "/control 1 {n} {0}"')
    address, *arguments = words
    return _address(address), [_argument(word) for word in arguments]


def _words(text: str, expressions: bool) -> Iterator[_Word]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == '"':
            found = _QUOTED.match(text, position)
            if found is None:
                raise ValueError(f"unclosed '\"' at position {position + 1}")
            yield _Word(text, *found.span(1), quoted=True, expressions=expressions)
            position = found.end()
            if position < len(text) and not text[position].isspace():
                raise ValueError(f"expected a space at position {position + 1}, after the quote")
        else:
            found = _WORD.match(text, position)
            if found is None:
                quote = text.index('"', position) + 1
                where = f"at position {quote}"
                raise ValueError(f"unexpected '\"' {where}; quotes must enclose a whole argument")
            yield _Word(text, *found.span(), quoted=False, expressions=expressions)
            position = found.end()


def _address(word: _Word) -> Template:
    parts = word.parts()
    first = parts[0] if parts else ""
    if first != Placeholder("address") and not (isinstance(first, str) and first.startswith("/")):
        raise ValueError(f"invalid address '{word}': must start with '/' or {{address}}")
    for part in parts:
        found = FORBIDDEN.search(part) if isinstance(part, str) else None
        if found:
            raise ValueError(f"invalid address '{word}': must not contain {found[0]!r}")
    return Template(parts)


def _argument(word: _Word) -> Token:
    text = str(word)
    if not word.quoted and text in _KEYWORDS:
        return Constant(*_KEYWORDS[text])
    if not word.quoted and is_number(text):
        return _number(text)
    parts = word.parts()
    match parts:
        case (Placeholder() as placeholder,) if not word.quoted:
            return placeholder
        case () | (str(),):
            return Constant("s", "".join(map(str, parts)))
    return Template(parts)


def _number(word: str) -> Constant:
    if not _WHOLE.fullmatch(word):
        value = float(word)
        if LARGEST_FLOAT < abs(value) < float("inf"):
            raise ValueError(f"{word} does not fit a 32-bit float (f)")
        return Constant("f", value)
    whole = int(word) if len(word) <= 20 else 1 << 64  # int() limits the number of digits
    if -(1 << 31) <= whole < 1 << 31:
        return Constant("i", whole)
    if -(1 << 63) <= whole < 1 << 63:
        return Constant("h", whole)
    raise ValueError(f"{word[:20]} does not fit a 64-bit integer (h)")

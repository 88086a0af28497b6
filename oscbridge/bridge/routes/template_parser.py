"""Reads message templates (:mod:`oscbridge.bridge.routes.template`): text in, tokens out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from oscbridge.bridge.routes.conversion import LARGEST_FLOAT
from oscbridge.osc import IMPULSE, Argument
from oscbridge.osc.text import is_number

__all__ = ["FORBIDDEN", "Field", "Literal", "Text", "Token", "parse"]

_TOKEN: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)', re.DOTALL)
_PIECE: Final = re.compile(r"\\(?P<escape>.)|\{(?P<place>[^{}]*)\}|(?P<brace>[{}])", re.DOTALL)
_FIELD: Final = re.compile(r"(\*|[0-9]+|[A-Za-z_][A-Za-z0-9_]*)(?::([ihfds]))?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_ESCAPES: Final = {'"': '"', "\\": "\\", "{": "{", "}": "}", "n": "\n", "t": "\t"}
_WORDS: Final[Mapping[str, tuple[str, Argument]]] = {
    "true": ("T", True),
    "false": ("F", False),
    "nil": ("N", None),
    "impulse": ("I", IMPULSE),
}
FORBIDDEN: Final = re.compile(r"[\s#*,?\[\]{}\x00-\x1f\x7f]|//")
"""What a receiver would take for a pattern, and what OSC 1.0 keeps out of addresses."""


class Field(NamedTuple):
    """A placeholder."""

    name: str
    type: str | None

    @property
    def is_index(self) -> bool:
        return self.name.isdigit()

    @property
    def is_captured(self) -> bool:
        return not self.is_index and self.name not in ("*", "address")

    def __str__(self) -> str:
        return f"{{{self.name}{'' if self.type is None else ':' + self.type}}}"


class Text(NamedTuple):
    """Text with placeholders in it."""

    parts: tuple[str | Field, ...]


class Literal(NamedTuple):
    tag: str
    value: Argument


Token: TypeAlias = Field | Text | Literal


def parse(text: str) -> tuple[Text, list[Token]]:
    """The address and the arguments. Raises ``ValueError`` that says what is wrong."""
    tokens = list(_tokens(text))
    if not tokens:
        raise ValueError('an address is missing, as in "/control 1 {n} {0}"')
    (quoted, address), *arguments = tokens
    parts = _split(address, escapes=quoted)
    first = parts[0] if parts else ""
    if first != Field("address", None) and not (isinstance(first, str) and first.startswith("/")):
        raise ValueError(f"the address {address!r} does not start with '/'")
    _check_address(parts)
    return Text(parts), [_parse(quoted, word) for quoted, word in arguments]


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """Words, and whether each was in quotes."""
    position = 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            rest = text[position:].strip()
            raise ValueError(f"cannot read {rest!r}: quotes stand around a whole word or text")
        quoted = found[1] is not None
        yield quoted, found[1] if quoted else found[2]
        position = found.end()


def _split(word: str, *, escapes: bool) -> tuple[str | Field, ...]:
    """Text and placeholders, in turns."""
    parts: list[str | Field] = []
    text, position = "", 0
    for piece in _PIECE.finditer(word):
        text += word[position : piece.start()]
        position = piece.end()
        escape, place = piece["escape"], piece["place"]
        if escape is not None:
            if not escapes:
                raise ValueError(f"a backslash stands within quotes only, not in {word!r}")
            if escape not in _ESCAPES:
                raise ValueError(f"\\{escape} has no meaning; write \\\\ for a backslash")
            text += _ESCAPES[escape]
        elif place is None:
            raise ValueError(f"{word!r} has a brace without its partner")
        else:
            field = _FIELD.fullmatch(place)
            if field is None:
                raise ValueError(f"{{{place}}} is none of {{0}}, {{0:i}}, {{name}}, {{*}}")
            if text:
                parts.append(text)
                text = ""
            parts.append(Field(field[1], field[2]))
    text += word[position:]
    if "\0" in text:
        raise ValueError("a NUL cannot be sent")
    return (*parts, text) if text else tuple(parts)


def _check_address(parts: Sequence[str | Field]) -> None:
    for part in parts:
        found = FORBIDDEN.search(part) if isinstance(part, str) else None
        if found:
            raise ValueError(f"an address to send to cannot have {found[0]!r} in it")


def _parse(quoted: bool, word: str) -> Token:
    if not quoted and word in _WORDS:
        return Literal(*_WORDS[word])
    if not quoted and is_number(word):
        return _number(word)
    parts = _split(word, escapes=quoted)
    if not quoted and len(parts) == 1 and isinstance(parts[0], Field):
        return parts[0]
    if any(isinstance(part, Field) for part in parts):
        return Text(parts)
    return Literal("s", "".join(str(part) for part in parts))


def _number(word: str) -> Literal:
    if not _WHOLE.fullmatch(word):
        value = float(word)
        if LARGEST_FLOAT < abs(value) < float("inf"):
            raise ValueError(f"{word} is too large for 32 bits (f)")
        return Literal("f", value)
    whole = int(word) if len(word) <= 20 else 1 << 64  # Python reads no endless numbers
    if -(1 << 31) <= whole < 1 << 31:
        return Literal("i", whole)
    if -(1 << 63) <= whole < 1 << 63:
        return Literal("h", whole)
    raise ValueError(f"{word[:20]} is too large for 64 bits (h)")

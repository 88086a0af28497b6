"""Address patterns (OSC 1.0, "OSC Message Dispatching and Pattern Matching"; OSC 1.1 ``//``).

Two dialects share one matcher:

* In an **incoming** address ``*`` and ``?`` stay within a part, ``//`` spans any depth,
  ``[a-z]``, ``[!a-z]`` and ``{foo,bar}`` are as specified.
* In a **mapped** address, our users' convenience, ``*`` also crosses parts, and ``{name}``
  without a comma captures one part or a piece of one.

The matcher walks the pattern once and keeps the set of positions it could have reached in
the address, as the bits of one integer. Its cost is bounded by pattern times address: no
pattern makes it backtrack, so a stranger's pattern is harmless. Python's ``re`` is not.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import PatternError

__all__ = ["MAX_WILDCARDS", "Pattern", "Subject", "is_pattern"]

MAX_WILDCARDS: Final = 32
"""Wildcards that one pattern may hold."""

_SPECIAL: Final = re.compile(r"[*?\[\]{}]|//")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_pattern(address: str) -> bool:
    """Whether an address holds any wildcard."""
    return _SPECIAL.search(address) is not None


class _Literal(NamedTuple):
    text: str


class _Any(NamedTuple):
    """``?``: one character within a part."""


class _Star(NamedTuple):
    """``*``: any run of characters."""

    crosses: bool


class _Class(NamedTuple):
    """``[a-z]`` or ``[!a-z]``: one character within a part."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool


class _Alternatives(NamedTuple):
    """``{foo,bar}``."""

    texts: tuple[str, ...]


class _Capture(NamedTuple):
    """``{name}``: one character or more within a part."""

    name: str


class _Depth(NamedTuple):
    """``//``: any number of parts, and the slashes around them."""


_Token: TypeAlias = _Literal | _Any | _Star | _Class | _Alternatives | _Capture | _Depth


class Subject:
    """An address prepared for matching: for each character, the set of its positions."""

    __slots__ = ("address", "full", "places", "within")

    def __init__(self, address: str) -> None:
        self.address = address
        places: dict[str, int] = {}
        for index, character in enumerate(address):
            places[character] = places.get(character, 0) | 1 << index
        self.places = places
        self.full = (1 << len(address) + 1) - 1
        """All positions, the one behind the last character included."""
        self.within = self.full >> 1 & ~places.get("/", 0)
        """Positions of all characters but slashes."""


class Pattern:
    """A parsed address pattern. Immutable.

    ``mapped`` picks the dialect. Raises :class:`PatternError` for brackets that do not
    pair, a capture that is no name or stands twice, and more than :data:`MAX_WILDCARDS`.
    """

    __slots__ = ("_prefix", "_tokens", "captures", "text")

    def __init__(self, text: str, *, mapped: bool = False) -> None:
        self.text = text
        self._tokens = _parse(text, mapped)
        first = self._tokens[0] if self._tokens else None
        self._prefix = first.text if isinstance(first, _Literal) else ""
        self.captures: tuple[str, ...] = tuple(
            token.name for token in self._tokens if isinstance(token, _Capture)
        )
        if len(set(self.captures)) < len(self.captures):
            raise PatternError(f"{text!r}: a name is captured twice")

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def matches(self, subject: Subject) -> bool:
        """Whether the whole address matches."""
        if not subject.address.startswith(self._prefix):
            return False
        reached = 1
        for token in self._tokens:
            reached = _advance(token, reached, subject)
            if not reached:
                return False
        return reached >> len(subject.address) & 1 == 1

    def capture(self, subject: Subject) -> dict[str, str] | None:
        """What the captures stand for, or None where the address does not match.

        Where several readings fit, earlier captures take as much as they can.
        """
        if not subject.address.startswith(self._prefix):
            return None
        reached = [1]
        for token in self._tokens:
            reached.append(_advance(token, reached[-1], subject))
        end = len(subject.address)
        if not reached[-1] >> end & 1:
            return None
        found: dict[str, str] = {}
        if self.captures:
            for index in range(len(self._tokens) - 1, -1, -1):
                token = self._tokens[index]
                start = _step_back(token, reached[index], end, subject)
                if isinstance(token, _Capture):
                    found[token.name] = subject.address[start:end]
                end = start
        return {name: found[name] for name in self.captures}


def _advance(token: _Token, reached: int, subject: Subject) -> int:
    """The positions that can be reached by one token from a set of positions."""
    match token:
        case _Literal(text):
            for character in text:
                reached = (reached & subject.places.get(character, 0)) << 1
            return reached
        case _Star(crosses=True):
            return subject.full & -(reached & -reached)
        case _Star():
            return _fill(reached, subject)
        case _Any():
            return (reached & subject.within) << 1
        case _Capture():
            return _fill((reached & subject.within) << 1, subject)
        case _Class():
            return (reached & subject.within & _members(token, subject)) << 1
        case _Alternatives(texts):
            found = 0
            for text in texts:
                found |= _advance(_Literal(text), reached, subject)
            return found
        case _Depth():
            slashes = subject.places.get("/", 0)
            start = reached & slashes
            return (slashes & -(start & -start)) << 1


def _fill(reached: int, subject: Subject) -> int:
    """Every position that follows from ``reached`` without crossing a slash."""
    passable = subject.within << 1
    shift = 1
    while passable:
        reached |= passable & reached << shift
        passable &= passable << shift
        shift <<= 1
    return reached & subject.full


def _members(token: _Class, subject: Subject) -> int:
    found = 0
    for character, places in subject.places.items():
        if any(low <= character <= high for low, high in token.ranges) is not token.negated:
            found |= places
    return found


def _step_back(token: _Token, before: int, end: int, subject: Subject) -> int:
    """The latest position before a token from which it reaches ``end``."""
    position = end
    while position >= 0:
        if before >> position & 1 and _advance(token, 1 << position, subject) >> end & 1:
            return position
        position -= 1
    raise AssertionError("a position was reached from nowhere")


def _parse(text: str, mapped: bool) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    literal = ""
    index = 0
    while index < len(text):
        character = text[index]
        token: _Token
        if text.startswith("//", index):
            token, index = _Depth(), _skip(text, index, "/")
        elif character == "*":
            token, index = _Star(crosses=mapped), _skip(text, index, "*")
        elif character == "?":
            token, index = _Any(), index + 1
        elif character == "[":
            token, index = _parse_class(text, index)
        elif character == "{":
            token, index = _parse_braces(text, index, mapped)
        elif character in "]}":
            raise PatternError(f"{text!r}: {character!r} at {index} closes nothing")
        else:
            literal += character
            index += 1
            continue
        if literal:
            tokens.append(_Literal(literal))
            literal = ""
        tokens.append(token)
    if literal:
        tokens.append(_Literal(literal))
    if sum(not isinstance(token, _Literal) for token in tokens) > MAX_WILDCARDS:
        raise PatternError(f"{text!r}: more than {MAX_WILDCARDS} wildcards")
    return tuple(tokens)


def _skip(text: str, index: int, character: str) -> int:
    """Behind a run of the same character: ``**`` is ``*``."""
    while index < len(text) and text[index] == character:
        index += 1
    return index


def _parse_class(text: str, index: int) -> tuple[_Token, int]:
    end = text.find("]", index + 1)
    if end < 0:
        raise PatternError(f"{text!r}: '[' at {index} has no end")
    inner = text[index + 1 : end]
    negated = inner.startswith("!")
    if negated:
        inner = inner[1:]
    ranges = []
    place = 0
    while place < len(inner):
        # "A minus sign at the end has no special meaning": nor can it have one at the start.
        if place + 2 < len(inner) and inner[place + 1] == "-":
            low, high = sorted((inner[place], inner[place + 2]))
            ranges.append((low, high))
            place += 3
        else:
            ranges.append((inner[place], inner[place]))
            place += 1
    return _Class(tuple(ranges), negated), end + 1


def _parse_braces(text: str, index: int, mapped: bool) -> tuple[_Token, int]:
    end = text.find("}", index + 1)
    if end < 0:
        raise PatternError(f"{text!r}: '{{' at {index} has no end")
    inner = text[index + 1 : end]
    if "{" in inner:
        raise PatternError(f"{text!r}: '{{' at {index} holds another")
    if mapped and "," not in inner:
        if not _NAME.fullmatch(inner):
            raise PatternError(f"{text!r}: {{{inner}}} is no name to capture")
        return _Capture(inner), end + 1
    return _Alternatives(tuple(dict.fromkeys(inner.split(",")))), end + 1

"""Address patterns (OSC 1.0, "OSC Message Dispatching and Pattern Matching"; OSC 1.1 ``//``).

Two dialects share one matcher:

* In an **incoming** address ``*`` and ``?`` stay within a part, ``//`` spans any depth,
  ``[a-z]``, ``[!a-z]`` and ``{foo,bar}`` are as specified.
* In a **mapped** address, our users' convenience, ``*`` also crosses parts, and ``{name}``
  without a comma captures one part or a piece of one.

The matcher walks the pattern once and keeps the set of positions it could have reached in
the address, as the bits of one integer. Its cost is bounded by pattern times address: no
pattern makes it backtrack, so a stranger's pattern is harmless. Python's ``re`` is not.

The bits may as well be those of many addresses, one behind another (:class:`Subjects`). Then
one walk matches all of them: a thousand addresses cost about what ten cost one by one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from operator import or_
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import PatternError

__all__ = ["MAX_WILDCARDS", "Pattern", "Subject", "Subjects", "is_pattern"]

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


class _Text:
    """One address or several, prepared for matching."""

    __slots__ = ("_letters", "_sums", "inside", "places", "within")

    def __init__(self, places: dict[str, int], inside: int) -> None:
        self.places = places
        """For each character, the set of its positions."""
        self.inside = inside
        """Positions of all characters."""
        self.within = inside & ~places.get("/", 0)
        """Positions of all characters but slashes."""
        self._letters: list[str] = []
        self._sums: list[int] = []

    def between(self, low: str, high: str) -> int:
        """Positions of the characters from ``low`` to ``high``."""
        if low == high:
            return self.places.get(low, 0)
        if not self._sums:
            letters = sorted(self.places)
            self._sums = list(accumulate((self.places[c] for c in letters), or_, initial=0))
            self._letters = letters
        letters, sums = self._letters, self._sums
        # No position has two characters, so the difference of two sums is what lies between.
        return sums[bisect_right(letters, high)] ^ sums[bisect_left(letters, low)]


class Subject(_Text):
    """An address, prepared for matching."""

    __slots__ = ("address",)

    def __init__(self, address: str) -> None:
        self.address = address
        places: dict[str, int] = {}
        for index, character in enumerate(address):
            places[character] = places.get(character, 0) | 1 << index
        super().__init__(places, (1 << len(address)) - 1)


class Subjects(_Text):
    """Many addresses, prepared for matching all of them at once. They lie one behind another,
    with a position between that holds no character."""

    __slots__ = ("_at", "_ends", "starts")

    def __init__(self, addresses: Iterable[str]) -> None:
        self._at: dict[int, str] = {}
        """The addresses by their ends."""
        size = 0
        for address in addresses:
            size += len(address) + 1
            self._at[size - 1] = address
        # In bytes, as setting bit after bit of a long integer costs the square of its length.
        width = size // 8 + 1
        sets: dict[str, bytearray] = {}
        starts, ends = bytearray(width), bytearray(width)
        for end, address in self._at.items():
            start = end - len(address)
            starts[start >> 3] |= 1 << (start & 7)
            ends[end >> 3] |= 1 << (end & 7)
            for place, character in enumerate(address, start):
                if character not in sets:
                    sets[character] = bytearray(width)
                sets[character][place >> 3] |= 1 << (place & 7)
        self.starts = int.from_bytes(starts, "little")
        self._ends = int.from_bytes(ends, "little")
        places = {character: int.from_bytes(bits, "little") for character, bits in sets.items()}
        super().__init__(places, ((1 << size) - 1) & ~self._ends)

    def ended(self, reached: int) -> list[str]:
        """The addresses whose ends are among these positions, in order."""
        hits = reached & self._ends
        if not hits:
            return []
        bits = bin(hits)[:1:-1]
        found = []
        place = bits.find("1")
        while place >= 0:
            found.append(self._at[place])
            place = bits.find("1", place + 1)
        return found


class Pattern:
    """A parsed address pattern. Immutable.

    ``mapped`` picks the dialect. Raises :class:`PatternError` for brackets that do not
    pair, a capture that is no name or stands twice, and more than :data:`MAX_WILDCARDS`.
    """

    __slots__ = ("_tokens", "captures", "prefix", "suffix", "text")

    def __init__(self, text: str, *, mapped: bool = False) -> None:
        self.text = text
        self._tokens = _parse(text, mapped)
        self.prefix = _literal(self._tokens[:1])
        """How all matching addresses begin."""
        self.suffix = _literal(self._tokens[-1:])
        """How all matching addresses end."""
        self.captures: tuple[str, ...] = tuple(
            token.name for token in self._tokens if isinstance(token, _Capture)
        )
        if len(set(self.captures)) < len(self.captures):
            raise PatternError(f"{text!r}: a name is captured twice")

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    @property
    def impossible(self) -> str:
        """What in it no address can have, as ``[]``; or nothing."""
        for token in self._tokens:
            if isinstance(token, _Class) and not token.negated:
                characters = {end for ends in token.ranges for end in ends}
                if characters <= {"/"}:  # a class stays within a part
                    return f"[{''.join(characters)}]"
        return ""

    def matches(self, subject: Subject) -> bool:
        """Whether the whole address matches."""
        return self._walk(1, subject) >> len(subject.address) & 1 == 1

    def find(self, subjects: Subjects) -> list[str]:
        """Those of many addresses that match."""
        return subjects.ended(self._walk(subjects.starts, subjects))

    def _walk(self, reached: int, text: _Text) -> int:
        for token in self._tokens:
            reached = _advance(token, reached, text)
            if not reached:
                break
        return reached

    def capture(self, subject: Subject) -> dict[str, str] | None:
        """What the captures stand for, or None where the address does not match.

        Where several readings fit, earlier captures take as much as they can.
        """
        reached = [1]
        for token in self._tokens:
            reached.append(_advance(token, reached[-1], subject))
            if not reached[-1]:
                return None
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


def _literal(tokens: tuple[_Token, ...]) -> str:
    """The text of a lone literal, or nothing."""
    return tokens[0].text if tokens and isinstance(tokens[0], _Literal) else ""


def _advance(token: _Token, reached: int, text: _Text) -> int:
    """The positions that can be reached by one token from a set of positions."""
    match token:
        case _Literal(literal):
            return _spell(literal, reached, text)
        case _Star(crosses):
            return _fill(reached, text.inside if crosses else text.within)
        case _Any():
            return (reached & text.within) << 1
        case _Capture():
            return _fill((reached & text.within) << 1, text.within)
        case _Class():
            return (reached & text.within & _members(token, text)) << 1
        case _Alternatives(literals):
            found = 0
            for literal in literals:
                found |= _spell(literal, reached, text)
            return found
        case _Depth():
            slashes = text.places.get("/", 0)
            return (_fill(reached & slashes, text.inside) & slashes) << 1


def _spell(literal: str, reached: int, text: _Text) -> int:
    places = text.places
    for character in literal:
        reached &= places.get(character, 0)
        if not reached:
            return 0
        reached <<= 1
    return reached


def _fill(reached: int, passable: int) -> int:
    """Every position that follows from ``reached`` over ``passable`` ones, and itself.

    The addition carries a bit through a whole run of passable positions, to the one behind.
    """
    return reached | ((passable + (reached & passable)) ^ passable)


def _members(token: _Class, text: _Text) -> int:
    found = 0
    for low, high in token.ranges:
        found |= text.between(low, high)
    return ~found if token.negated else found


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
    return _Class(tuple(dict.fromkeys(ranges)), negated), end + 1


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

"""Address patterns (OSC 1.0, "OSC Message Dispatching and Pattern Matching"; OSC 1.1 ``//``).

Two dialects share one matcher:

* In an **incoming** address ``*`` and ``?`` stay within a part, ``//`` spans any depth,
  ``[a-z]``, ``[!a-z]`` and ``{foo,bar}`` are as specified.
* In a **mapped** address, for convenience, ``*`` also crosses parts, and ``{name}`` without a
  comma captures a part or a piece of one, ``{name*}`` at the end the rest of the address, slashes
  too. ``{01..32}`` is a range of numbers, padded as the first one. ``.*`` as a whole part is
  ``*``; elsewhere ``.`` is literal.

The matcher walks the pattern once and keeps the set of positions that it can have reached in
the address, as the bits of one integer. The cost is at most the length of the pattern times
the length of the address: unlike Python's ``re`` it never backtracks, so hostile patterns are
harmless.

The bits can also be those of many concatenated addresses (:class:`Subjects`). One walk then
matches all of them: a thousand addresses cost about as much as ten matched one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from operator import or_

from oscbridge.errors import PatternError
from oscbridge.osc.pattern_parser import (
    MAX_WILDCARDS,
    Alternatives,
    AnyCharacter,
    AnyDepth,
    Capture,
    CharacterClass,
    LiteralText,
    Star,
    Token,
    is_pattern,
    parse_pattern,
    with_stars,
)

__all__ = ["MAX_WILDCARDS", "Pattern", "Subject", "Subjects", "is_pattern", "with_stars"]


class _Text:
    """One address or several, prepared for matching."""

    __slots__ = ("_letters", "_sums", "inside", "places", "within")

    def __init__(self, places: dict[str, int], inside: int) -> None:
        self.places = places
        """For each character, the set of its positions."""
        self.inside = inside
        """Positions of all characters."""
        self.within = inside & ~places.get("/", 0)
        """Positions of all characters except slashes."""
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
        # A position has one character, so the difference of two sums is the range between.
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
    """Many addresses, prepared for matching all of them at once: concatenated, each followed by
    a position without a character."""

    __slots__ = ("_at", "_ends", "starts")

    def __init__(self, addresses: Iterable[str]) -> None:
        self._at: dict[int, str] = {}
        """Addresses by the position after their last character."""
        size = 0
        for address in addresses:
            size += len(address) + 1
            self._at[size - 1] = address
        # Bytes, as setting the bits of a long integer one by one costs the square of its length.
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

    @property
    def addresses(self) -> Iterable[str]:
        """All addresses, in order."""
        return self._at.values()

    def ended(self, reached: int) -> list[str]:
        """The addresses that end at one of these positions, in order."""
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

    ``mapped`` selects the dialect. Raises :class:`PatternError` for unmatched brackets, invalid
    or duplicate names of captures, and more than :data:`MAX_WILDCARDS` wildcards.
    """

    __slots__ = ("_tokens", "captures", "prefix", "suffix", "text")

    def __init__(self, text: str, *, mapped: bool = False) -> None:
        self.text = text
        self._tokens = parse_pattern(text, mapped)
        self.prefix = _literal(self._tokens[:1])
        """Common start of all matching addresses."""
        self.suffix = _literal(self._tokens[-1:])
        """Common end of all matching addresses."""
        self.captures: tuple[str, ...] = tuple(
            token.name for token in self._tokens if isinstance(token, Capture)
        )
        if len(set(self.captures)) < len(self.captures):
            raise PatternError(f"{text!r}: duplicate name of a capture")

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    @property
    def impossible(self) -> str:
        """The first part that no address can match, for example ``[]``; or an empty string."""
        for token in self._tokens:
            if isinstance(token, CharacterClass) and not token.negated:
                characters = {end for ends in token.ranges for end in ends}
                if characters <= {"/"}:  # a class stays within a part
                    return f"[{''.join(characters)}]"
        return ""

    def matches(self, subject: Subject) -> bool:
        """Whether the whole address matches."""
        return self._walk(1, subject) >> len(subject.address) & 1 == 1

    def find(self, subjects: Subjects) -> list[str]:
        """The addresses that match, in order."""
        return subjects.ended(self._walk(subjects.starts, subjects))

    def _walk(self, reached: int, text: _Text) -> int:
        for token in self._tokens:
            reached = _advance(token, reached, text)
            if not reached:
                break
        return reached

    def capture(self, subject: Subject) -> dict[str, str] | None:
        """The captured texts by name, or None if the address does not match.

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
                if isinstance(token, Capture):
                    found[token.name] = subject.address[start:end]
                end = start
        return {name: found[name] for name in self.captures}


def _literal(tokens: tuple[Token, ...]) -> str:
    """The text of a single literal; empty for anything else."""
    return tokens[0].text if tokens and isinstance(tokens[0], LiteralText) else ""


def _advance(token: Token, reached: int, text: _Text) -> int:
    """The positions that one token reaches from a set of positions."""
    match token:
        case LiteralText(literal):
            return _spell(literal, reached, text)
        case Star(crosses):
            return _fill(reached, text.inside if crosses else text.within)
        case AnyCharacter():
            return (reached & text.within) << 1
        case Capture(_, crosses):
            passable = text.inside if crosses else text.within
            return _fill((reached & passable) << 1, passable)
        case CharacterClass():
            return (reached & text.within & _members(token, text)) << 1
        case Alternatives(literals):
            found = 0
            for literal in literals:
                found |= _spell(literal, reached, text)
            return found
        case AnyDepth():
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
    """``reached`` and every position that follows it across ``passable`` positions.

    The addition carries a bit through a whole run of passable positions to the one after it.
    """
    return reached | ((passable + (reached & passable)) ^ passable)


def _members(token: CharacterClass, text: _Text) -> int:
    found = 0
    for low, high in token.ranges:
        found |= text.between(low, high)
    return ~found if token.negated else found


def _step_back(token: Token, before: int, end: int, subject: Subject) -> int:
    """The latest position before a token from which it reaches ``end``."""
    position = end
    while position >= 0:
        if before >> position & 1 and _advance(token, 1 << position, subject) >> end & 1:
            return position
        position -= 1
    raise AssertionError("position not reachable")

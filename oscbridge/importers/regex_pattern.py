"""Regular expressions over addresses and topics as matches of routes. Pure.

Only what such expressions are made of in practice: fixed text, groups, and ``.*``, ``.+``,
``\\d+``, ``\\w+``, ``\\S+``, ``[^/]+``, ``[^/]*``; ``^``, ``$`` and ``/?`` at the ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

__all__ = ["RegexPattern", "UnsupportedRegexError", "read_regex"]

_TOKEN: Final = re.compile(
    r"""(?P<rest>\.[*+])\??
    | (?P<part>(?:\\d|\\w|\\S|\[\^/\]|\[0-9\])[*+]\??)
    | (?P<optional>/\?)
    | (?P<open>\((?:\?:|\?P<(?P<name>\w+)>)?)
    | (?P<close>\))
    | (?P<anchor>[$^])
    | \\(?P<escaped>[^\w])
    | (?P<plain>[\w/\-: .%&=@~,<>!"'_])""",
    re.VERBOSE,
)
_REFERENCE: Final = re.compile(
    r"""\\(?P<number>\d{1,2}) | \\g<(?P<name>\w+)> | \\(?P<escaped>.)
    | \{(?P<position>\d{1,2})\} | \{(?P<field>[A-Za-z]\w*)\} | (?P<other>[{}])""",
    re.VERBOSE,
)
"""A group in a replacement of :func:`re.sub`, or, counted from 0, of :meth:`str.format`."""
_INNER_SLASH: Final = re.compile(r"(?<!^)(?<!^\^)/\?")

MAX_OPTIONAL: Final = 3
"""Occurrences of ``/?`` within an expression."""

_WILD: Final = re.compile(r"[*?\[\]{}]")

_Piece: TypeAlias = "str | int"
"""Fixed text, or the number of a capture; -1 is the rest with its slashes."""

REST: Final = -1
_REST_NAME: Final = "rest"


class UnsupportedRegexError(ValueError):
    """The expression, or the replacement, has no counterpart in a route."""


@dataclass
class RegexPattern:
    """A regular expression as pieces."""

    pieces: list[_Piece] = field(default_factory=list)
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The pieces of each group by number and name: the first and the one after the last."""
    notes: list[str] = field(default_factory=list)
    """What the pieces accept beyond the expression."""

    @property
    def match(self) -> str:
        """The match of a route."""
        return self._text(self.pieces, "*", address=True)

    @property
    def capturing_match(self) -> str:
        """The match of a route that uses the rest of the address."""
        return self._text(self.pieces, f"{{{_REST_NAME}*}}", address=True)

    def is_same(self, replacement: str) -> bool:
        """Whether a replacement gives the same text, apart from a slash at the beginning."""
        return _no_slash(self._replaced(replacement)) == _no_slash(self.pieces)

    def filled(self, replacement: str, *, address: bool) -> str:
        """A replacement as a template of captures, for an address or a topic."""
        return self._text(self._replaced(replacement), f"{{{_REST_NAME}}}", address=address)

    def uses_rest(self, replacement: str) -> bool:
        """Whether a replacement contains the rest of the address."""
        return REST in self._replaced(replacement)

    def _text(self, pieces: Sequence[_Piece], rest: str, *, address: bool) -> str:
        text = "".join(
            each if isinstance(each, str) else rest if each == REST else f"{{c{each}}}"
            for each in pieces
        )
        return "/" + text.removeprefix("/") if address else text

    def _replaced(self, replacement: str) -> list[_Piece]:
        found: list[_Piece] = []
        end = 0
        for each in _REFERENCE.finditer(replacement):
            found.append(replacement[end : each.start()])
            end = each.end()
            if each["escaped"] is not None:
                found.append(each["escaped"])
                continue
            if each["other"] is not None:
                raise UnsupportedRegexError(f"{replacement!r} has a field without a counterpart")
            name = each["number"] or each["name"] or each["field"]
            group = self.groups.get(name or str(int(each["position"]) + 1))
            if group is None:
                raise UnsupportedRegexError(f"{each[0]} refers to no group")
            found += self.pieces[group[0] : group[1]]
        found.append(replacement[end:])
        return _joined(found)


def read_regex(text: str) -> list[RegexPattern]:
    """Read a regular expression; with ``/?`` within it, two patterns: with and without the slash.

    Raises :class:`UnsupportedRegexError`.
    """
    try:
        re.compile(text)
    except re.error as error:
        raise UnsupportedRegexError(
            f"{text!r} is not a valid regular expression: {error}"
        ) from None
    if not text.strip("^$()"):
        raise UnsupportedRegexError("an empty expression matches every message")
    first, *others = _INNER_SLASH.split(text)
    if len(others) > MAX_OPTIONAL:
        raise UnsupportedRegexError(f"'/?' is supported up to {MAX_OPTIONAL} times")
    texts = [first]
    for other in others:
        texts = [text + slash + other for text in texts for slash in ("", "/")]
    return list(map(_pattern, texts))


def _pattern(text: str) -> RegexPattern:
    found = RegexPattern()
    _read(text, found)
    if not text.startswith("^"):
        found.notes.append("read as if it began with '^'")
    if not text.rstrip(")").endswith("$") and found.pieces[-1:] != [REST]:
        found.notes.append("read as if it ended with '$'")
    return found


def _read(text: str, found: RegexPattern) -> None:
    open_groups: list[tuple[list[str], int]] = []
    numbers = captures = position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise UnsupportedRegexError(f"{text[position:]!r} in the expression has no counterpart")
        position = token.end()
        if token["rest"] is not None:
            if set(text[position:]) - set(")$"):
                raise UnsupportedRegexError("'.*' is supported only at the end")
            found.pieces.append(REST)
        elif token["part"] is not None:
            captures += 1
            found.pieces.append(captures)
            if token["part"].startswith(("\\d", "[0")):
                found.notes.append("not only digits match")
        elif token["optional"] is not None:
            pass  # at the beginning: addresses of routes have a slash
        elif token["open"] is not None:
            names = []
            if token["open"] != "(?:":
                numbers += 1
                names = [str(numbers), *([token["name"]] if token["name"] else [])]
            open_groups.append((names, len(found.pieces)))
        elif token["close"] is not None:
            names, first = open_groups.pop()
            found.groups |= dict.fromkeys(names, (first, len(found.pieces)))
        elif token["anchor"] is None:
            character = token["escaped"] or token["plain"]
            if _WILD.search(character):
                raise UnsupportedRegexError(f"a route cannot match the character {character!r}")
            found.pieces.append(character)


def _joined(pieces: Sequence[_Piece]) -> list[_Piece]:
    """With one piece per character, as they are in an expression."""
    return [each for piece in pieces for each in ([*piece] if isinstance(piece, str) else [piece])]


def _no_slash(pieces: Sequence[_Piece]) -> list[_Piece]:
    joined = _joined(pieces)
    return joined[1:] if joined[:1] == ["/"] else joined

"""Splits the text of a valid TOML file into its expressions, so that some can be rewritten. Pure.

An expression is a header, a key with its value, or a line without either; each is whole lines.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, Final, Literal, NamedTuple, TypeAlias

__all__ = ["TomlExpression", "expressions", "lines_of"]

MAX_LINES: Final = 2_000
"""Lines of one value."""

_ENDS: Final = ("]", '"""', "'''")
"""What the last line of a value contains that has several lines."""

Kind: TypeAlias = Literal["table", "list", "key", "blank"]


class TomlExpression(NamedTuple):
    """One expression of a file."""

    text: str
    """As it is in the file, with the end of its last line."""
    kind: Kind
    """A header ``[a]``, a header ``[[a]]``, a key, or a comment or blank line."""
    path: tuple[str, ...] = ()
    """Of a header the table; of a key where it is in the table of the last header."""
    value: Any = None
    """Of a key."""

    @property
    def value_text(self) -> str:
        """The value of a key as it is written."""
        return self._split()[1].strip()

    @property
    def comment(self) -> str:
        """The comment after a header or a value, with the blanks before it; "" without one."""
        whole, end = self._split()[2], self.text.rstrip("\r\n")
        return whole if self.kind != "blank" else end

    def _split(self) -> tuple[str, str, str]:
        """The key with its equals sign, the value, and the comment."""
        text = self.text.rstrip("\r\n")
        start = 0 if self.kind != "key" else _end_of_key(text) + 1
        content = text
        for position in _positions(text, "#", start):
            if _loads(text[:position]) == _loads(text):
                content = text[:position].rstrip()
                break
        content = content.rstrip()
        return content[:start], content[start:], text[len(content) :]


def lines_of(text: str) -> list[str]:
    """The lines of a file, with their ends."""
    # Not splitlines(), which also splits at U+2028 and others, which may be in a comment.
    return StringIO(text, newline="\n").readlines()


def expressions(text: str) -> Iterator[TomlExpression]:
    """The expressions of a file, in order: together they are its text.

    Raises ``ValueError`` if it is not valid TOML, or a value has more than 2,000 lines.
    """
    lines = lines_of(text)
    index = 0
    while index < len(lines):
        line = lines[index]
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            yield TomlExpression(line, "blank")
        elif stripped.startswith("["):
            kind: Kind = "list" if stripped.startswith("[[") else "table"
            yield TomlExpression(line, kind, tuple(_keys(tomllib.loads(line))))
        else:
            end = _end_of_value(lines, index)
            whole = "".join(lines[index:end])
            yield _key(whole)
            index = end - 1
        index += 1


def _end_of_value(lines: list[str], start: int) -> int:
    """The line after the value that starts at a line: the shortest text that is TOML."""
    for end in range(start + 1, min(len(lines), start + MAX_LINES) + 1):
        is_possible = end == start + 1 or any(each in lines[end - 1] for each in _ENDS)
        if is_possible and _loads("".join(lines[start:end])) is not None:
            return end
    raise ValueError(f"line {start + 1}: no valid value in {MAX_LINES} lines")


def _key(text: str) -> TomlExpression:
    path = tuple(_keys(tomllib.loads(f"{text[: _end_of_key(text)]}= 0")))
    value: Any = tomllib.loads(text)
    for step in path:
        value = value[step]
    return TomlExpression(text, "key", path, value)


def _end_of_key(text: str) -> int:
    """The position of the equals sign after a key."""
    for position in _positions(text, "=", 0):
        if _loads(f"{text[:position]}= 0") is not None:
            return position
    raise ValueError("no key")


def _positions(text: str, character: str, start: int) -> Iterator[int]:
    position = text.find(character, start)
    while position >= 0:
        yield position
        position = text.find(character, position + 1)


def _keys(node: Any) -> Iterator[str]:
    """The only path in nested tables."""
    while isinstance(node, Mapping | list) and node:
        if isinstance(node, list):
            node = node[0]
            continue
        ((key, node),) = node.items()
        yield key


def _loads(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None

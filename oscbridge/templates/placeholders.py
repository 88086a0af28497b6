"""Text with placeholders, e.g. ``studio/mixer/{ch}``: one syntax wherever users write them.

=============== ===================================================================
``{0}``         argument of the message, counted from 0
``{0:i}``       the same, converted to another type: i, h, f, d or s
``{*}``         all arguments
``{name}``      part of the address that the route's match captured
``{address}``   address of the message
``{= x * 2}``   expression (:mod:`oscbridge.expressions`), where it is allowed
=============== ===================================================================

What a placeholder becomes is up to the place that it is written in: an argument with its type
in ``send``, text in a topic, a number in a field of a MIDI message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import MessageDropped
from oscbridge.osc import Argument
from oscbridge.osc.conversion import CONVERT

__all__ = ["Args", "Placeholder", "Template", "parse_parts", "unknown_capture"]

Args: TypeAlias = tuple[Argument, ...]

_BRACES: Final = re.compile(r"\{(?P<inside>[^{}]*)\}|[{}]")
_BRACES_AND_ESCAPES: Final = re.compile(rf"{_BRACES.pattern}|\\(?P<escape>.)", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"(\*|[0-9]{1,9}|[A-Za-z_][A-Za-z0-9_]*)(?::([ihfds]))?")
_EXPRESSION: Final = re.compile(r"=\s*+(.*?)\s*(?::\s*([ihfds])\s*)?", re.DOTALL)
_ESCAPES: Final[Mapping[str, str]] = {
    '"': '"', "\\": "\\", "{": "{", "}": "}", "n": "\n", "t": "\t",
}  # fmt: skip


class Placeholder(NamedTuple):
    """One placeholder of a template."""

    name: str
    """``0``, ``*``, ``address``, or the name of a capture."""
    type: str | None = None
    """Type tag to convert to (i, h, f, d or s); None leaves the value as it is."""
    expression: str = ""
    """The text of an expression, ``{= x * 127}``; then the name is ``=``."""

    @property
    def is_argument(self) -> bool:
        """Whether it stands for one argument, whose index is ``int(name)``."""
        return self.name.isdigit()

    @property
    def is_capture(self) -> bool:
        """Whether it stands for a capture of the route's match."""
        return not self.is_argument and self.name not in ("*", "address", "=")

    @property
    def depends_on_arguments(self) -> bool:
        """Whether it stands for one argument, for all of them, or for an expression."""
        return self.is_argument or self.name in ("*", "=")

    def argument(self, args: Args) -> Argument:
        """The argument that it stands for, converted. Only if :attr:`is_argument`.

        Raises :class:`~oscbridge.MessageDropped` (``arguments``, ``conversion``).
        """
        index = int(self.name)
        if index >= len(args):
            raise MessageDropped("arguments", f"missing argument {{{index}}}")
        return self.convert(args[index])

    def convert(self, value: Argument) -> Argument:
        """A value as the wanted type. Raises :class:`~oscbridge.MessageDropped`."""
        return value if self.type is None else CONVERT[self.type](value)

    def __str__(self) -> str:
        if self.expression:
            return f"{{= {self.expression}{'' if self.type is None else ' : ' + self.type}}}"
        return f"{{{self.name}{'' if self.type is None else ':' + self.type}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """Parsed text with placeholders."""

    parts: tuple[str | Placeholder, ...]
    """Literal text and placeholders, in order. Text is never empty."""

    @classmethod
    def parse(
        cls, text: str, *, literal_braces: bool = False, expressions: bool = False
    ) -> Template:
        """Read a template.

        With ``literal_braces`` a brace that does not belong to a placeholder is literal text,
        as JSON needs; otherwise it raises ``ValueError`` with the position, counted from 1. With
        ``expressions`` a placeholder may be one, whose name is ``=``:
        :class:`~oscbridge.TemplateExpression` calculates its value.
        """
        return cls(parse_parts(text, literal_braces=literal_braces, expressions=expressions))

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The placeholders, in order, repeated ones too."""
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    @property
    def captures(self) -> tuple[str, ...]:
        """The names that the route's match must capture, in order."""
        return tuple(each.name for each in self.placeholders if each.is_capture)

    @property
    def depends_on_arguments(self) -> bool:
        """Whether the text depends on the arguments of the message."""
        return any(each.depends_on_arguments for each in self.placeholders)

    def fill(self, look_up: Callable[[Placeholder], str]) -> str:
        """The text, with what ``look_up`` returns for each placeholder. Raises what it raises."""
        return "".join([part if isinstance(part, str) else look_up(part) for part in self.parts])


def parse_parts(
    text: str,
    start: int = 0,
    end: int | None = None,
    *,
    escapes: bool = False,
    literal_braces: bool = False,
    expressions: bool = False,
) -> tuple[str | Placeholder, ...]:
    r"""The parts of the template ``text[start:end]``; positions in errors are those in ``text``.

    With ``escapes`` a backslash makes ``"``, ``\``, ``{`` and ``}`` literal, ``\n`` is a new line
    and ``\t`` a tab. With ``expressions`` a placeholder may be one. Raises ``ValueError``.
    """
    end = len(text) if end is None else end
    parts: list[str | Placeholder] = []
    literal, position = "", start
    for piece in (_BRACES_AND_ESCAPES if escapes else _BRACES).finditer(text, start, end):
        literal += text[position : piece.start()]
        position = piece.end()
        inside = piece["inside"]
        placeholder = None if inside is None else _placeholder(inside, expressions)
        if placeholder is not None:
            parts += [literal, placeholder] if literal else [placeholder]
            literal = ""
        elif escapes and piece["escape"] is not None:
            literal += _unescape(piece)
        elif literal_braces:
            literal += piece[0]
        else:
            raise ValueError(_brace_problem(piece))
    literal += text[position:end]
    return (*parts, literal) if literal else tuple(parts)


def _placeholder(inside: str, expressions: bool) -> Placeholder | None:
    """The placeholder with this text between its braces, if that is one."""
    expression = _EXPRESSION.fullmatch(inside) if expressions else None
    if expression is not None:
        return Placeholder("=", expression[2], expression[1])
    found = _PLACEHOLDER.fullmatch(inside)
    return None if found is None else Placeholder(found[1], found[2])


def _unescape(piece: re.Match[str]) -> str:
    character = piece["escape"]
    if character not in _ESCAPES:
        where = f"at position {piece.start() + 1}"
        raise ValueError(f"unknown escape {piece[0]} {where}; write \\\\ for a backslash")
    return _ESCAPES[character]


def _brace_problem(piece: re.Match[str]) -> str:
    where = f"at position {piece.start() + 1}"
    if piece["inside"] is not None and piece["inside"].startswith("="):
        return f"unexpected expression {piece[0]} {where}; it is not available here"
    if piece["inside"] is not None:
        expected = "{0}, {0:i}, {name}, {*} or {address}"
        is_expression = re.match(r"var\.|[a-z_]\w* ?[-+*/%<>=([]", piece["inside"])
        fix = f"; write {{= {piece['inside']}}} for an expression" if is_expression else ""
        if rest := re.fullmatch(r"([A-Za-z_]\w*)\*", piece["inside"]):
            fix = f"; write {{{rest[1]}}}, the * is only for 'match'"
        return f"invalid placeholder {piece[0]} {where}; expected {expected}{fix}"
    if piece[0] == "{" and re.match(r"=[^}]*\{", piece.string[piece.end() :]):
        return f"expression {where} contains '{{'; braces are not available in expressions"
    return f"unclosed '{{' {where}" if piece[0] == "{" else f"unexpected '}}' {where}"


def unknown_capture(placeholder: str, captures: Iterable[str]) -> str:
    """The problem of a placeholder for which the route's match has no capture."""
    available = ", ".join(f"{{{name}}}" for name in captures)
    return f"unknown placeholder {placeholder}; captured by the match: {available or 'none'}"

"""Message templates: ``send = "/control 1 {n} {0}"``.

The first word is the address, the others are arguments: whole numbers are i (h beyond 32
bits), other numbers f, ``true``, ``false``, ``nil`` and ``impulse`` T, F, N and I, words and
text in double quotes s. Placeholders:

=============== =====================================================================
``{0}``         an argument of the message, with its type tag
``{0:i}``       the same as another type: i, h, f, d or s
``{name}``      what the route's match captured: i if it is a whole number, else s
``{*}``         all arguments
``{address}``   the address of the message
=============== =====================================================================

Within a word, within quotes and in the address a placeholder is its text. Within quotes
a backslash makes ``"``, ``\\``, ``{`` and ``}`` plain, and ``\\n`` a new line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from oscbridge.bridge.config.captures import unknown_capture
from oscbridge.bridge.routes.conversion import CONVERT, to_text
from oscbridge.bridge.routes.dropped import MessageDropped
from oscbridge.bridge.routes.template_parser import FORBIDDEN, Field, Literal, Text, Token, parse
from oscbridge.osc import Argument
from oscbridge.osc.arguments import split_types

__all__ = ["Args", "Bound", "Template"]

Args: TypeAlias = tuple[Argument, ...]
Bound: TypeAlias = tuple[str | Callable[[Args], str], str, Callable[[Args], Args]]
"""An address, or how it is made; type tags; how the arguments are made."""


class Template:
    """A parsed template. Raises ``ValueError`` that says what is wrong with it.

    ``captures`` are the names that the route's match offers.
    """

    def __init__(self, text: str, captures: Sequence[str] = ()) -> None:
        self._address, self._arguments = parse(text)
        for field in self._fields():
            _check_field(field, captures)

    @property
    def keeps_address(self) -> bool:
        """Whether the message goes to the address that it came with."""
        return self._address.parts == (Field("address", None),)

    @property
    def address(self) -> str | None:
        """The address of all messages; None if it depends on the message."""
        parts = self._address.parts
        return "".join(map(str, parts)) if all(isinstance(p, str) for p in parts) else None

    def impossible(self, types: str) -> str:
        """Why messages with these type tags can never be sent, or nothing."""
        tags = split_types(types)
        for field in self._fields():
            if not field.is_index:
                continue
            if int(field.name) >= len(tags):
                there = {0: "no arguments", 1: "one argument"}.get(
                    len(tags), f"{len(tags)} arguments"
                )
                return f"{field} is never there: messages with types = '{types}' have {there}"
            tag = tags[int(field.name)]
            if field.type not in (None, "s", tag) and (tag in "bmNI" or tag.startswith("[")):
                return f"{field} is never there: what has the type {tag!r} is no number"
        return ""

    def _fields(self) -> Iterator[Field]:
        for token in (self._address, *self._arguments):
            if isinstance(token, Field):
                yield token
            elif isinstance(token, Text):
                yield from (part for part in token.parts if isinstance(part, Field))

    def bind(self, address: str, types: str, captures: Mapping[str, str]) -> Bound:
        """The template for messages with this address and these type tags.

        Raises :class:`MessageDropped` if they lack what it needs.
        """
        tags = split_types(types)
        context = _Context(address, tags, captures)
        made: list[tuple[str, Callable[[Args], Argument]]] = []
        for token in self._arguments:
            if isinstance(token, Field) and token.name == "*":
                made += [
                    _bind(Field(str(index), token.type), context) for index in range(len(tags))
                ]
            else:
                made.append(_bind(token, context))
        return self._bind_address(context), "".join(tag for tag, _ in made), _maker(made)

    def _bind_address(self, context: _Context) -> str | Callable[[Args], str]:
        if self.keeps_address:
            return context.address  # a pattern too: it goes on as it came
        to = _bind_text(self._address, context)
        if any(
            isinstance(part, Field) and (part.is_index or part.name == "*")
            for part in self._address.parts
        ):
            return lambda args: _checked(to(args))
        return _checked(to(()))


class _Context(NamedTuple):
    address: str
    tags: Sequence[str]
    captures: Mapping[str, str]


def _check_field(field: Field, captures: Sequence[str]) -> None:
    if field.name == "address" and "address" in captures:
        raise ValueError(
            "{address} is the whole address of the message; give the match's {address} another name"
        )
    if field.is_captured and field.name not in captures:
        raise ValueError(unknown_capture(f"{{{field.name}}}", captures))


def _maker(made: Sequence[tuple[str, Callable[[Args], Argument]]]) -> Callable[[Args], Args]:
    makers = [maker for _, maker in made]
    if len(makers) == 1:
        only = makers[0]
        return lambda args: (only(args),)
    return lambda args: tuple([maker(args) for maker in makers])


def _bind(token: Token, context: _Context) -> tuple[str, Callable[[Args], Argument]]:
    """The type tag and the maker of one argument."""
    if isinstance(token, Literal):
        value = token.value
        return token.tag, lambda _args: value
    if isinstance(token, Text):
        return "s", _bind_text(token, context)
    if token.is_index:
        index = int(token.name)
        if index >= len(context.tags):
            raise MessageDropped("arguments", f"there is no argument {{{index}}}")
        if token.type is None or token.type == context.tags[index]:
            return context.tags[index], lambda args: args[index]
        convert = CONVERT[token.type]
        return token.type, lambda args: convert(args[index])
    text = _plain(token, context)
    tag = token.type or ("i" if _is_int32(text) else "s")
    fixed = CONVERT[tag](text)
    return tag, lambda _args: fixed


def _plain(field: Field, context: _Context) -> str:
    """The text that a field stands for which is no argument."""
    if field.name == "address":
        return context.address
    if field.name not in context.captures:  # the address was the match's own text
        raise MessageDropped("captures", f"the address has nothing for {{{field.name}}}")
    return context.captures[field.name]


def _is_int32(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 31


def _bind_text(token: Text, context: _Context) -> Callable[[Args], str]:
    makers: list[Callable[[Args], str]] = []
    for part in token.parts:
        if isinstance(part, str):
            makers.append(_always(part))
        elif part.name == "*":
            indices = range(len(context.tags))
            fields = [_bind(Field(str(index), part.type), context)[1] for index in indices]
            makers.append(_joined(fields))
        elif part.is_index or part.type is not None:
            makers.append(_joined([_bind(part, context)[1]]))
        else:
            makers.append(_always(_plain(part, context)))  # as it stands there: 01 stays 01
    return lambda args: "".join([maker(args) for maker in makers])


def _always(text: str) -> Callable[[Args], str]:
    return lambda _args: text


def _joined(makers: Sequence[Callable[[Args], Argument]]) -> Callable[[Args], str]:
    return lambda args: " ".join([to_text(maker(args)) for maker in makers])


def _checked(address: str) -> str:
    """An address that may be sent. Raises :class:`MessageDropped`."""
    if FORBIDDEN.search(address):
        raise MessageDropped("address", f"{address!r} is no address")
    return address

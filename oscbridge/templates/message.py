"""Message templates: ``send = "/control 1 {n} {0}"``.

The first word is the address, the others are arguments: whole numbers are i (h above 32
bits), other numbers f, ``true``, ``false``, ``nil`` and ``impulse`` T, F, N and I, words and
text in double quotes s. Placeholders are those of :mod:`oscbridge.templates.placeholders`:

=============== =====================================================================
``{0}``         an argument of the message, with its type tag
``{0:i}``       the same, converted to another type: i, h, f, d or s
``{name}``      a capture of the route's match: i if it is a whole number, else s
``{*}``         all arguments
``{address}``   the address of the message
``{= x * 2}``   the value of an expression: i (or h), f, s, or T and F
``{= x * 2:i}`` the same, converted to a type
=============== =====================================================================

Within a word, within quotes and in the address a placeholder becomes text. Within quotes
a backslash makes ``"``, ``\\``, ``{`` and ``}`` literal, and ``\\n`` a new line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Context, Expression, Let, Scope
from oscbridge.expressions.results import bind_result
from oscbridge.osc import Argument, Message
from oscbridge.osc.arguments import split_types
from oscbridge.osc.conversion import CONVERT, to_text
from oscbridge.templates.expression_maker import ExpressionMaker, expression_maker
from oscbridge.templates.message_parser import FORBIDDEN, Constant, Token, parse_message
from oscbridge.templates.placeholders import Args, Placeholder, Template, unknown_capture

__all__ = ["BoundTemplate", "MessageTemplate"]


class BoundTemplate(NamedTuple):
    """A message template for messages with one address and certain type tags."""

    address: str | Callable[[Args], str]
    """The address, or what makes it from the arguments."""
    types: str
    make: Callable[[Args], Args]
    """From the arguments of the message to those of the new one."""


class MessageTemplate:
    """A parsed message template. Raises ``ValueError`` that names the problem.

    ``captures`` are the names that the route's match captures. With the ``scope`` of a route a
    placeholder may be an expression, ``{= x * 127 : i}``.
    """

    def __init__(self, text: str, captures: Sequence[str] = (), scope: Scope | None = None) -> None:
        self._address, self._arguments = parse_message(text, expressions=scope is not None)
        self.expressions: dict[str, Expression] = {
            each.expression: Expression(each.expression, scope)
            for each in self.placeholders
            if each.name == "="
        }
        """The expressions, by their texts. With any, :meth:`bind_expressions` binds it."""
        for placeholder in self.placeholders:
            _check_placeholder(placeholder, captures)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """All placeholders, in order."""
        return tuple(self._placeholders())

    @property
    def keeps_address(self) -> bool:
        """Whether the new message has the address of the original one."""
        return self._address.parts == (Placeholder("address"),)

    @property
    def address(self) -> str | None:
        """The address of all new messages; None if it depends on the original one."""
        parts = self._address.parts
        return None if self._address.placeholders else "".join(map(str, parts))

    @property
    def address_parts(self) -> tuple[str | Placeholder, ...]:
        """The address: literal text and placeholders."""
        return self._address.parts

    @property
    def arguments(self) -> tuple[Token, ...]:
        """The arguments, in order."""
        return tuple(self._arguments)

    @property
    def first_argument_varies(self) -> bool:
        """Whether there is a first argument that depends on the message and may be a number."""
        return bool(self._arguments) and isinstance(self._arguments[0], Placeholder)

    def conflict_with(self, types: str) -> str:
        """Why no message with these type tags can ever be sent; empty if one can."""
        tags = split_types(types)
        for placeholder in self._placeholders():
            if not placeholder.is_argument:
                continue
            if int(placeholder.name) >= len(tags):
                count = {0: "no arguments", 1: "one argument"}.get(
                    len(tags), f"{len(tags)} arguments"
                )
                return f"missing argument {placeholder}: messages of types '{types}' have {count}"
            tag = tags[int(placeholder.name)]
            if placeholder.type not in (None, "s", tag) and (tag in "bmNI" or tag.startswith("[")):
                return f"cannot convert {placeholder}: type {tag!r} is not a number"
        return ""

    def fill(self, message: Message, captures: Mapping[str, str] | None = None) -> Message:
        """The new message, with the time tag and the origin of the original one.

        Raises :class:`~oscbridge.MessageDropped` if the original lacks what it needs.
        """
        to, types, make = self.bind(message.address, message.types or "", captures or {})
        address = to if isinstance(to, str) else to(message.args)
        return Message(address, types, make(message.args), message.timetag, message.origin)

    def bind(self, address: str, types: str, captures: Mapping[str, str]) -> BoundTemplate:
        """The template for messages with this address and these type tags.

        Raises :class:`~oscbridge.MessageDropped` if they lack what it needs.
        """
        tags = split_types(types)
        context = _Context(address, tags, captures)
        made: list[tuple[str, Callable[[Args], Argument]]] = []
        for token in self._arguments:
            if isinstance(token, Placeholder) and token.name == "*":
                made += [_bind(each, context) for each in _each_argument(token, tags)]
            else:
                made.append(_bind(token, context))
        tags_made = "".join([tag for tag, _ in made])
        return BoundTemplate(self._bind_address(context), tags_made, _maker(made))

    def bind_expressions(self, context: Context) -> ExpressionMaker:
        """The same for a template with expressions: from the arguments and ``let`` to a message.

        The types may depend on the values. Raises :class:`~oscbridge.MessageDropped`.
        """
        plain = _Context(context.address, split_types(context.types), context.captures)
        made: list[tuple[str | None, Callable[[Args, Let], Argument]]] = []
        for token in self._arguments:
            if isinstance(token, Placeholder) and token.name == "*":
                each = _each_argument(token, plain.tags)
                made += [self._bind_value(one, plain, context) for one in each]
            else:
                made.append(self._bind_value(token, plain, context))
        to = context.address if self.keeps_address else self._bind_to(plain, context)
        return expression_maker(to, made)

    def _bind_value(
        self, token: Token, plain: _Context, context: Context
    ) -> tuple[str | None, Callable[[Args, Let], Argument]]:
        """The type tag, None if it depends on the value, and the maker of one argument."""
        if isinstance(token, Placeholder) and token.name == "=":
            return token.type, bind_result(self.expressions[token.expression], token.type, context)
        if isinstance(token, Template):
            return "s", self._bind_parts(token, plain, context)
        tag, maker = _bind(token, plain)
        if isinstance(token, Constant) or not token.depends_on_arguments:
            value = maker(())
            return tag, lambda _args, _let: value
        return tag, lambda args, _let: maker(args)

    def _bind_parts(
        self, template: Template, plain: _Context, context: Context
    ) -> Callable[[Args, Let], str]:
        makers: list[Callable[[Args, Let], str]] = []
        for part in template.parts:
            if isinstance(part, Placeholder) and part.name == "=":
                expression = self.expressions[part.expression]
                value = bind_result(expression, part.type, context)
                makers.append(lambda args, let, value=value: to_text(value(args, let)))  # type: ignore[misc]
            else:
                text = _bind_text(Template((part,)), plain)
                makers.append(lambda args, _let, text=text: text(args))  # type: ignore[misc]
        return lambda args, let: "".join([maker(args, let) for maker in makers])

    def _bind_to(self, plain: _Context, context: Context) -> str | Callable[[Args, Let], str]:
        if not self._address.depends_on_arguments:
            return _checked(_bind_text(self._address, plain)(()))
        fill = self._bind_parts(self._address, plain, context)
        return lambda args, let: _checked(fill(args, let))

    def _bind_address(self, context: _Context) -> str | Callable[[Args], str]:
        if self.keeps_address:
            return context.address  # unchecked: it may be a pattern
        fill = _bind_text(self._address, context)
        if self._address.depends_on_arguments:
            return lambda args: _checked(fill(args))
        return _checked(fill(()))

    def _placeholders(self) -> Iterator[Placeholder]:
        for token in (self._address, *self._arguments):
            if isinstance(token, Placeholder):
                yield token
            elif isinstance(token, Template):
                yield from token.placeholders


class _Context(NamedTuple):
    address: str
    tags: Sequence[str]
    captures: Mapping[str, str]


def _check_placeholder(placeholder: Placeholder, captures: Sequence[str]) -> None:
    if placeholder.name == "address" and "address" in captures:
        raise ValueError(
            "{address} is the whole address of the message; "
            "rename the capture {address} of the route's match"
        )
    if placeholder.is_capture and placeholder.name not in captures:
        problem = unknown_capture(f"{{{placeholder.name}}}", captures)
        raise ValueError(f"{problem}; write {{= {placeholder.name}}} for an expression")


def _each_argument(placeholder: Placeholder, tags: Sequence[str]) -> list[Placeholder]:
    """``{*}`` as one placeholder per argument."""
    return [Placeholder(str(index), placeholder.type) for index in range(len(tags))]


def _maker(made: Sequence[tuple[str, Callable[[Args], Argument]]]) -> Callable[[Args], Args]:
    makers = [maker for _, maker in made]
    if len(makers) == 1:
        only = makers[0]
        return lambda args: (only(args),)
    return lambda args: tuple([maker(args) for maker in makers])


def _bind(token: Token, context: _Context) -> tuple[str, Callable[[Args], Argument]]:
    """The type tag and the maker of one argument."""
    if isinstance(token, Constant):
        value = token.value
        return token.tag, lambda _args: value
    if isinstance(token, Template):
        return "s", _bind_text(token, context)
    if token.is_argument:
        index = int(token.name)
        if index >= len(context.tags):
            raise MessageDropped("arguments", f"missing argument {{{index}}}")
        if token.type is None or token.type == context.tags[index]:
            return context.tags[index], lambda args: args[index]
        convert = CONVERT[token.type]
        return token.type, lambda args: convert(args[index])
    text = _text_of(token, context)
    tag = token.type or ("i" if _is_int32(text) else "s")
    fixed = CONVERT[tag](text)
    return tag, lambda _args: fixed


def _text_of(placeholder: Placeholder, context: _Context) -> str:
    """The address or the capture that a placeholder stands for."""
    if placeholder.name == "address":
        return context.address
    if placeholder.name not in context.captures:  # the address was the match's own text
        raise MessageDropped("captures", f"the address has no capture {{{placeholder.name}}}")
    return context.captures[placeholder.name]


def _is_int32(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 31


def _bind_text(template: Template, context: _Context) -> Callable[[Args], str]:
    makers: list[Callable[[Args], str]] = []
    for part in template.parts:
        if isinstance(part, str):
            makers.append(_always(part))
        elif part.name == "*":
            each = _each_argument(part, context.tags)
            makers.append(_joined([_bind(one, context)[1] for one in each]))
        elif part.is_argument or part.type is not None:
            makers.append(_joined([_bind(part, context)[1]]))
        else:
            makers.append(_always(_text_of(part, context)))  # unchanged: 01 stays 01
    return lambda args: "".join([maker(args) for maker in makers])


def _always(text: str) -> Callable[[Args], str]:
    return lambda _args: text


def _joined(makers: Sequence[Callable[[Args], Argument]]) -> Callable[[Args], str]:
    return lambda args: " ".join([to_text(maker(args)) for maker in makers])


def _checked(address: str) -> str:
    """An address that may be sent. Raises :class:`MessageDropped`."""
    if FORBIDDEN.search(address):
        raise MessageDropped("address", f"invalid address {address!r}")
    return address

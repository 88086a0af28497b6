"""Payload templates: plain text, or JSON whose placeholders become JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import orjson

from oscbridge.osc import Argument, Message
from oscbridge.osc.plain import plain_text, plain_values
from oscbridge.templates.expression import TemplateExpression
from oscbridge.templates.placeholders import Placeholder, Template

__all__ = ["EncodeRouted", "placeholder_text", "template_encoder"]

_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?")

MAX_EXPRESSIONS: Final = 256
"""Most compiled expressions that are cached."""

Part: TypeAlias = str | Callable[[Message, Mapping[str, str]], str]
EncodeRouted: TypeAlias = Callable[[Message, Mapping[str, str]], bytes]
"""From a message and its captures to a payload."""


def placeholder_text(
    placeholder: Placeholder,
    message: Message,
    captures: Mapping[str, str],
    address: str,
) -> str:
    """The text of a placeholder.

    Raises ``LookupError``, ``ValueError`` or :class:`~oscbridge.ExpressionFailed` if there is none.
    """
    name, tag = placeholder.name, placeholder.type or ""
    if name == "*":
        return " ".join([plain_text(placeholder.convert(arg), tag) for arg in message.args])
    if placeholder.is_argument:
        return plain_text(placeholder.argument(message.args), tag)
    if placeholder.expression:
        return plain_text(*_evaluate(placeholder, message, captures))
    text = _known_text(placeholder, captures, address)
    return text if placeholder.type is None else plain_text(placeholder.convert(text), tag)


@lru_cache(maxsize=MAX_EXPRESSIONS)
def _compiled(placeholder: Placeholder) -> TemplateExpression:
    return TemplateExpression(placeholder)


def _evaluate(
    placeholder: Placeholder, message: Message, captures: Mapping[str, str]
) -> tuple[Argument, str]:
    """The value of an expression, and its type tag. Raises :class:`~oscbridge.ExpressionFailed`."""
    expression = _compiled(placeholder)
    value = expression.value(message, captures)
    return value, expression.tag(value)


def _known_text(placeholder: Placeholder, captures: Mapping[str, str], address: str) -> str:
    text = captures.get(placeholder.name)
    if text is None and placeholder.name == "address":
        text = address
    if text is None:
        available = ", ".join(f"{{{capture}}}" for capture in captures) or "none"
        raise LookupError(
            f"unknown placeholder {{{placeholder.name}}}; captures available: {available}"
        )
    return text


def template_encoder(text: str) -> EncodeRouted:
    """The encoder of a template.

    If the template is a JSON document, so is every payload: a placeholder in quotes becomes
    escaped text, any other a JSON value.
    """
    template = Template.parse(text, literal_braces=True, expressions=True)
    inside = _inside_strings(template)
    if inside is None:
        return lambda message, captures: template.fill(
            lambda placeholder: placeholder_text(placeholder, message, captures, message.address)
        ).encode()
    is_quoted = iter(inside)
    parts: list[Part] = [
        part if isinstance(part, str) else _json_part(part, is_quoted=next(is_quoted))
        for part in template.parts
    ]

    def encode(message: Message, captures: Mapping[str, str]) -> bytes:
        filled = "".join(
            [part if isinstance(part, str) else part(message, captures) for part in parts]
        )
        try:
            orjson.loads(filled)
            return filled.encode()
        except ValueError as error:  # e.g. {*} of several arguments where one belongs
            raise ValueError(f"payload: not valid JSON with these arguments: {error}") from None

    return encode


def _json_part(placeholder: Placeholder, *, is_quoted: bool) -> Part:
    """What a placeholder becomes for a message."""
    if is_quoted:
        return lambda message, captures: _dump(
            placeholder_text(placeholder, message, captures, message.address)
        )[1:-1]
    value = _json_result if placeholder.expression else _json_value
    return lambda message, captures: value(placeholder, message, captures)


def _json_result(placeholder: Placeholder, message: Message, captures: Mapping[str, str]) -> str:
    value, tag = _evaluate(placeholder, message, captures)
    return _dump(*plain_values(Message("/", tag, (value,))))


def _json_value(placeholder: Placeholder, message: Message, captures: Mapping[str, str]) -> str:
    if placeholder.depends_on_arguments and placeholder.type is None:
        values = plain_values(message)
        if placeholder.name == "*":
            return ",".join(map(_dump, values))
        placeholder.argument(message.args)  # whether it is there
        return _dump(values[int(placeholder.name)])
    if placeholder.name == "*":
        converted = [placeholder.convert(arg) for arg in message.args]
        return ",".join([_dump_as(placeholder, value) for value in converted])
    if placeholder.is_argument:
        return _dump_as(placeholder, placeholder.argument(message.args))
    text = _known_text(placeholder, captures, message.address)
    if placeholder.type is not None:
        return _dump_as(placeholder, placeholder.convert(text))
    return text if _JSON_NUMBER.fullmatch(text) else _dump(text)


def _dump_as(placeholder: Placeholder, value: Argument) -> str:
    """A converted value as JSON."""
    tag = placeholder.type or "s"
    return _dump(*plain_values(Message("/", tag, (value,))))


def _dump(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:  # e.g. text that is not valid Unicode
        raise ValueError(f"{error}") from None


def _inside_strings(template: Template) -> list[bool] | None:
    """For each placeholder whether it is within a JSON string; None if it is not JSON."""
    found: list[bool] = []
    skeleton, in_string, is_escaped = "", False, False
    for part in template.parts:
        if not isinstance(part, str):
            if is_escaped:
                return None
            found.append(in_string)
            skeleton += "x" if in_string else "0"
            continue
        for character in part:
            if is_escaped:
                is_escaped = False
            elif character == "\\":
                is_escaped = in_string
            elif character == '"':
                in_string = not in_string
        skeleton += part
    if skeleton.lstrip()[:1] not in ("{", "[", '"'):
        return None
    try:
        orjson.loads(skeleton)
    except orjson.JSONDecodeError:
        return None
    return found

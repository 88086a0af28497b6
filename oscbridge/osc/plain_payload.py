"""Whole payloads without type tags: the arguments of a message as JSON or text, and JSON values.

For protocols whose payloads hold the values alone, and their topics or subjects the addresses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import orjson

from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc import Argument, Message, infer
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.plain import plain_text, plain_values

__all__ = ["encode_plain_json", "encode_plain_text", "plain_arguments"]

MAX_DEPTH: Final = 16
"""Most nested arrays."""

_2_63: Final = 1 << 63


def encode_plain_json(message: Message) -> bytes:
    """The arguments as JSON: one as it is, several as an array, none as ``null``.

    Raises :class:`EncodeError`.
    """
    values = plain_values(message)
    # A single array would be decoded as several arguments.
    lonely = len(values) == 1 and not isinstance(values[0], list)
    return orjson.dumps(values[0] if lonely else values or None)


def encode_plain_text(message: Message) -> bytes:
    """The arguments as text with spaces between them; a single blob as its bytes."""
    args = message.args
    if len(args) == 1 and isinstance(args[0], bytes):
        return args[0]
    tags = message.types or ""
    if len(tags) != len(args):
        tags = " " * len(args)
    return " ".join([plain_text(arg, tag) for arg, tag in zip(args, tags, strict=True)]).encode()


def plain_arguments(values: Sequence[object]) -> tuple[str, tuple[Argument, ...]]:
    """The type tags and the arguments of JSON values, the reverse of ``plain_values``.

    Whole numbers that do not fit into 64 bits become floats, and floats that do not fit into 32
    bits keep 64. Raises :class:`DecodeError`, e.g. for an object.
    """
    _check_depth(values, MAX_DEPTH)
    args: Sequence[Argument] = values  # type: ignore[assignment]  # infer() rejects others
    try:
        tags = infer(args)
    except EncodeError as error:
        args, tags = _infer_wide(args, error)
    if "f" in tags and any(map(_is_large, args)):
        tags = tags.replace("f", "d")
    return tags, tuple(args)


def _infer_wide(values: Sequence[Argument], error: EncodeError) -> tuple[Sequence[Argument], str]:
    """The values with whole numbers above 64 bits as floats, and their type tags."""
    try:
        values = [_within_64_bits(value) for value in values]
        return values, infer(values)
    except (EncodeError, OverflowError):
        raise DecodeError("value", str(error)) from None


def _within_64_bits(value: Argument) -> Argument:
    """A larger whole number becomes a float, as its neighbours do in JSON."""
    if isinstance(value, list):
        return [_within_64_bits(each) for each in value]
    return float(value) if isinstance(value, int) and not -_2_63 <= value < _2_63 else value


def _is_large(value: Argument) -> bool:
    """Whether a value has a number that does not fit into a float of 32 bits."""
    if isinstance(value, float):
        return not -LARGEST_FLOAT <= value <= LARGEST_FLOAT and math.isfinite(value)
    return isinstance(value, list) and any(map(_is_large, value))


def _check_depth(values: Sequence[object], depth: int) -> None:
    for value in values:
        if isinstance(value, list):
            if not depth:
                raise LimitError("depth", "arrays are nested too deeply")
            _check_depth(value, depth - 1)

"""Captures as OSC arguments, for records on disk and between processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from oscbridge.errors import DecodeError
from oscbridge.osc import Argument, Limits, Message, decode_message, encode_message
from oscbridge.templates.carried import CarryingCaptures

__all__ = ["ANY_SIZE", "decode_captures", "encode_captures"]

LARGEST: Final = 1 << 30
"""Bytes of a message that can be read, far more than a bridge accepts."""

ANY_SIZE: Final = Limits(LARGEST, 100, LARGEST, LARGEST, LARGEST)


def encode_captures(captures: Mapping[str, str]) -> list[Argument]:
    """Names and texts, alternating; with carried values a list of these and a message.

    Raises :class:`~oscbridge.errors.EncodeError`.
    """
    texts: list[Argument] = [text for pair in captures.items() for text in pair]
    if not isinstance(captures, CarryingCaptures):
        return texts
    carried = captures.carried
    types = "".join(f"s{_tag(value)}" for value in carried.values())
    args = tuple(each for pair in carried.items() for each in pair)
    return [texts, encode_message(Message("/carried", types, args))]


def decode_captures(values: Argument) -> dict[str, str]:
    """The captures of :func:`encode_captures`. Raises :class:`DecodeError`."""
    match values:
        case [list() as texts, bytes() as data]:
            args = decode_message(data, ANY_SIZE).args
            names = args[::2]
            if len(args) % 2 == 0 and all(isinstance(name, str) for name in names):
                carried = dict(zip(cast(tuple[str, ...], names), args[1::2], strict=True))
                return CarryingCaptures(_pairs(texts), carried)
        case list():
            return _pairs(values)
    raise _not_captures(values)


def _pairs(values: list[Argument]) -> dict[str, str]:
    if len(values) % 2 == 0 and all(isinstance(each, str) for each in values):
        texts = cast(list[str], values)
        return dict(zip(texts[::2], texts[1::2], strict=True))
    raise _not_captures(values)


def _not_captures(values: object) -> DecodeError:
    return DecodeError("record", f"not valid captures: {values!r}")


def _tag(value: Argument) -> str:
    """The type tag that keeps a number, a text or a truth value exactly."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return "h" if isinstance(value, int) else "d" if isinstance(value, float) else "s"

"""Encodes OSC messages as payloads, and decodes payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple, TypeAlias

import orjson

from oscbridge import (
    Argument,
    DecodeError,
    EncodeError,
    LimitError,
    Message,
    decode_json,
    encode_json,
    encode_message,
    encode_packet,
    infer,
)
from oscbridge_mqtt.values import convert, guess, plain_float, plain_values, shortest, to_text

__all__ = ["MAX_DEPTH", "MAX_MEMBERS", "DecodedValues", "decode", "encoder", "packet"]

MAX_DEPTH: Final = 16
"""Most nested arrays and objects."""

MAX_MEMBERS: Final = 256
"""Most messages from the members of one JSON object."""

Encode: TypeAlias = Callable[[Message], bytes]


class DecodedValues(NamedTuple):
    """A decoded message without its address."""

    below: str
    """Appended to the address: ``/brightness`` for a member of an object."""
    types: str
    args: tuple[Argument, ...]


def encoder(form: str) -> Encode | None:
    """The encoder of a format; None for a template."""
    return _ENCODERS.get(form)


def _encode_json(message: Message) -> bytes:
    scalar = _SCALARS.get(message.types)
    if scalar is not None:  # by far the most common case
        try:
            (value,) = message.args
            return scalar(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise EncodeError(f"{message.address} ,{message.types}: {error!r}") from None
    values = plain_values(message)
    # A single array would be decoded as several arguments.
    lonely = len(values) == 1 and not isinstance(values[0], list)
    return orjson.dumps(values[0] if lonely else values or None)


def _float(value: float) -> bytes:
    return _cached_float(value) if value else orjson.dumps(float(value))


@lru_cache(maxsize=8_192)
def _cached_float(value: float) -> bytes:
    return orjson.dumps(plain_float(shortest(float(value))))


_SCALARS: Final[Mapping[str | None, Callable[..., bytes]]] = {
    "f": _float,
    "i": lambda value: b"%d" % value,
    "h": lambda value: b"%d" % value,
    "s": orjson.dumps,
}


def _encode_text(message: Message) -> bytes:
    args = message.args
    if len(args) == 1 and isinstance(args[0], bytes):
        return args[0]
    tags = message.types or ""
    if len(tags) != len(args):
        tags = " " * len(args)
    return " ".join([to_text(arg, tag) for arg, tag in zip(args, tags, strict=True)]).encode()


_ENCODERS: Final[Mapping[str, Encode]] = {
    "json": _encode_json,
    "text": _encode_text,
    "typed": encode_json,
    "osc": partial(encode_message, utf8=True),
}


def packet(payload: bytes, form: str) -> bytes:
    """The OSC packet in a payload with its own address.

    Raises :class:`oscbridge.DecodeError`.
    """
    return payload if form == "osc" else encode_packet(decode_json(payload))


def decode(payload: bytes, form: str, types: str | None = None) -> Iterator[DecodedValues]:
    """Decode a payload in ``json`` or ``text``.

    An empty payload is a message without arguments. ``types`` are the wanted type tags.
    Raises :class:`oscbridge.DecodeError`.
    """
    if form == "text":
        yield _decode_text(payload, types)
        return
    try:
        document = orjson.loads(payload) if payload.strip() else None
    except orjson.JSONDecodeError as error:
        hint = ""
        if len(payload) < 256 and payload.lstrip()[:1] not in (b"{", b"[", b'"'):
            hint = '; for plain text set payload = "text"'
        raise DecodeError("json", f"not JSON: {error}{hint}") from None
    members = list(_members("", document, MAX_DEPTH))
    if len(members) > MAX_MEMBERS:
        raise LimitError(
            "members", f"object with {len(members)} values; at most {MAX_MEMBERS} are allowed"
        )
    for below, value in members:
        args = [] if value is None else value if isinstance(value, list) else [value]
        yield _typed(below, args, types)


def _members(below: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The values of a document other than objects, with their paths."""
    if not isinstance(value, dict):
        yield below, value
        return
    if not depth:
        raise LimitError("depth", "objects are nested too deeply")
    for key, member in value.items():
        yield from _members(f"{below}/{key}", member, depth - 1)


def _typed(below: str, values: list[object], types: str | None) -> DecodedValues:
    if types is None:
        _check_depth(values, MAX_DEPTH)
        try:
            return DecodedValues(below, infer(values), tuple(values))  # type: ignore[arg-type]
        except EncodeError as error:
            raise DecodeError("value", str(error)) from None
    if len(values) != len(types):
        raise DecodeError(
            "types", f"expected {len(types)} values for types = {types!r}, got {len(values)}"
        )
    made = [convert(tag, value) for tag, value in zip(types, values, strict=True)]
    return DecodedValues(
        below, "".join([tag for tag, _ in made]), tuple([value for _, value in made])
    )


def _check_depth(values: list[object], depth: int) -> None:
    for value in values:
        if isinstance(value, dict):
            raise DecodeError("json", "an object within an array cannot be converted to OSC")
        if isinstance(value, list):
            if not depth:
                raise LimitError("depth", "arrays are nested too deeply")
            _check_depth(value, depth - 1)


def _decode_text(payload: bytes, types: str | None) -> DecodedValues:
    if types == "b":
        return DecodedValues("", "b", (payload,))
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("utf8", f"not UTF-8: {error}") from None
    if types is None:
        return _typed("", [guess(text)] if text else [], None)
    parts: list[object] = []
    if types:
        parts += [text] if len(types) == 1 else text.split(None, len(types) - 1)
    return _typed("", parts, types)

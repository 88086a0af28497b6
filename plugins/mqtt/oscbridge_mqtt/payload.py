"""Encodes OSC messages as payloads, and decodes payloads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Final, NamedTuple, TypeAlias, cast

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
    encode_plain_json,
    encode_plain_text,
    guess_value,
    plain_arguments,
    plain_float,
    plain_text,
    shortest,
)
from oscbridge_mqtt.values import convert, read_number

__all__ = ["MAX_DEPTH", "MAX_MEMBERS", "DecodedValues", "decode", "encoder", "packet"]

MAX_DEPTH: Final = 16
"""Most nested arrays and objects."""

MAX_MEMBERS: Final = 256
"""Most messages from the members of one JSON document."""

_SCALAR_TYPES: Final = frozenset({int, float, str, bool})

SHOWN: Final = 100
"""Most characters of a member's path in an error."""

BOM: Final = b"\xef\xbb\xbf"
"""A byte order mark in UTF-8."""

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
    return encode_plain_json(message)


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


def _encode_number(message: Message) -> bytes:
    value = message.args[0] if message.args else None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise EncodeError(f"{message.address}: {value!r} is not a number")
    return plain_text(
        int(value) if isinstance(value, bool) else value, message.types or ""
    ).encode()


_ENCODERS: Final[Mapping[str, Encode]] = {
    "auto": _encode_json,
    "raw": encode_plain_text,
    "number": _encode_number,
    "json": _encode_json,
    "text": encode_plain_text,
    "typed": encode_json,
    "osc": partial(encode_message, utf8=True),
}


def packet(payload: bytes, form: str) -> bytes:
    """The OSC packet in a payload with its own address.

    Raises :class:`oscbridge.DecodeError`.
    """
    return payload if form == "osc" else encode_packet(decode_json(payload))


def decode(
    payload: bytes, form: str, types: str | None = None
) -> Sequence[DecodedValues | DecodeError]:
    """Decode a payload in ``auto``, ``json``, ``text``, ``raw`` or ``number``.

    An empty payload is a message without arguments, except in ``raw``. ``types`` are the wanted
    type tags. A member of a document that cannot be converted is an error among the others.
    Raises :class:`oscbridge.DecodeError` if that is the whole document.
    """
    match form:
        case "auto" | "json":
            try:
                document = orjson.loads(payload)
            except orjson.JSONDecodeError as error:
                try:
                    document = _load_lenient(payload, error)
                except DecodeError:
                    if form == "json":
                        raise
                    return (_decode_text(payload, types, or_blob=True),)
            if type(document) in _SCALAR_TYPES:  # by far the most common case
                return (_typed("", [document], types),)
            return list(_decode_document(document, types))
        case "raw":
            return (DecodedValues("", "b", (payload,)),)
        case "number":
            return (_typed("", [read_number(payload)] if payload.strip() else [], types),)
    return (_decode_text(payload, types),)


def _load_lenient(payload: bytes, error: orjson.JSONDecodeError) -> object:
    """A JSON document with what ``orjson`` rejects: a byte order mark, NaN and Infinity.

    None if the payload is empty. Raises :class:`oscbridge.DecodeError`.
    """
    bare = payload.removeprefix(BOM).strip()
    if not bare:
        return None
    try:
        if bare is not payload and bare != payload:
            return cast(object, orjson.loads(bare))
    except orjson.JSONDecodeError:
        pass
    is_container = bare[:1] in (b"{", b"[")
    try:
        if is_container:
            return cast(object, json.loads(bare))
    except (ValueError, RecursionError):
        pass
    hint = ""
    if len(payload) < 256 and not is_container and bare[:1] != b'"':
        hint = '; for plain text set payload = "auto" or "text"'
    raise DecodeError("json", f"not JSON: {error}{hint}") from None


def _decode_document(document: object, types: str | None) -> Iterator[DecodedValues | DecodeError]:
    members = list(islice(_members("", document, MAX_DEPTH), MAX_MEMBERS + 1))
    if len(members) > MAX_MEMBERS:
        raise LimitError("members", f"JSON with more than {MAX_MEMBERS} values in objects")
    for below, value in members:
        try:
            if isinstance(value, DecodeError):
                raise value
            args = [] if value is None else value if isinstance(value, list) else [value]
            yield _typed(below, args, types)
        except DecodeError as error:
            if len(members) == 1:
                raise
            yield type(error)(error.reason, f"{below[1:SHOWN]}: {error}")


def _members(below: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The values of a document other than objects, with their paths.

    Arrays that contain objects are taken apart: ``/scenes/0/id``.
    """
    if isinstance(value, dict):
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list) and _has_object(value, MAX_DEPTH):
        items = enumerate(value)
    else:
        yield below, value
        return
    if not depth:
        yield below, LimitError("depth", "objects are nested too deeply")
        return
    for key, member in items:
        yield from _members(f"{below}/{key}", member, depth - 1)


def _has_object(values: list[object], depth: int) -> bool:
    return any(
        isinstance(value, dict)
        or (isinstance(value, list) and depth > 0 and _has_object(value, depth - 1))
        for value in values
    )


def _typed(below: str, values: list[object], types: str | None) -> DecodedValues:
    if types is None:
        return DecodedValues(below, *plain_arguments(values))
    if len(values) != len(types):
        raise DecodeError(
            "types", f"expected {len(types)} values for types = {types!r}, got {len(values)}"
        )
    made = [convert(tag, value) for tag, value in zip(types, values, strict=True)]
    return DecodedValues(
        below, "".join([tag for tag, _ in made]), tuple([value for _, value in made])
    )


def _decode_text(payload: bytes, types: str | None, *, or_blob: bool = False) -> DecodedValues:
    """``or_blob``: bytes that are not text become a blob, unless types say otherwise."""
    if types == "b":
        return DecodedValues("", "b", (payload,))
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        if or_blob and types is None:
            return DecodedValues("", "b", (payload,))
        raise DecodeError("utf8", f"not UTF-8: {error}") from None
    if types is None:
        if or_blob and "\0" in text:
            return DecodedValues("", "b", (payload,))
        return _typed("", [guess_value(text)] if text else [], None)
    parts: list[object] = []
    if types:
        parts += [text] if len(types) == 1 else text.split(None, len(types) - 1)
    return _typed("", parts, types)

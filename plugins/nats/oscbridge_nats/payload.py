"""Encodes OSC messages as payloads, and decodes payloads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_nats.options import FORMATS, Format

__all__ = ["MAX_DEPTH", "MAX_MEMBERS", "DecodedValues", "decode", "encoder"]

MAX_DEPTH: Final = 16
"""Most nested arrays and objects of a JSON document."""

MAX_MEMBERS: Final = 256
"""Most messages from the members of one JSON document."""

LARGEST_FLOAT: Final = 3.4028234663852886e38
"""The largest finite float of 32 bits."""


class DecodedValues(NamedTuple):
    """A decoded message without its address."""

    below: str
    """Appended to the address: ``/brightness`` for a member of an object."""
    types: str
    args: tuple[oscbridge.Argument, ...]


def encoder(form: str) -> oscbridge.EncodeRouted:
    """The encoder of a format or a template. It may raise ``ValueError`` and ``LookupError``."""
    return _ENCODERS[form] if form in FORMATS else oscbridge.template_encoder(form)


def _encode_osc(message: oscbridge.Message, _captures: Mapping[str, str]) -> bytes:
    packet = oscbridge.encode_message(message, utf8=True)
    if message.timetag is None:
        return packet
    return oscbridge.encode_bundle([packet], oscbridge.TimeTag(message.timetag))


def _encode_json(message: oscbridge.Message, _captures: Mapping[str, str]) -> bytes:
    values = oscbridge.plain_values(message)
    # A single array would be decoded as several arguments.
    lonely = len(values) == 1 and not isinstance(values[0], list)
    return orjson.dumps(values[0] if lonely else values or None)


def _encode_text(message: oscbridge.Message, _captures: Mapping[str, str]) -> bytes:
    args = message.args
    if len(args) == 1 and isinstance(args[0], bytes):
        return args[0]
    tags = message.types or ""
    if len(tags) != len(args):
        tags = " " * len(args)
    texts = [oscbridge.plain_text(arg, tag) for arg, tag in zip(args, tags, strict=True)]
    return " ".join(texts).encode()


_ENCODERS: Final[Mapping[str, oscbridge.EncodeRouted]] = {
    "osc": _encode_osc,
    "json": _encode_json,
    "text": _encode_text,
}


def decode(payload: bytes, form: Format) -> Sequence[DecodedValues]:
    """Decode a payload in ``json`` or ``text``; an empty one has no arguments.

    Raises :class:`oscbridge.DecodeError`.
    """
    if not payload:
        return (DecodedValues("", "", ()),)
    if form == "text":
        return (_decode_text(payload),)
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise oscbridge.DecodeError(
            "json", f'not JSON: {error}; for plain text set payload = "text"'
        ) from None
    found: list[DecodedValues] = []
    for below, value in _members("", document, MAX_DEPTH):
        if len(found) == MAX_MEMBERS:
            raise oscbridge.LimitError("members", f"more than {MAX_MEMBERS} values in objects")
        args = [] if value is None else value if isinstance(value, list) else [value]
        found.append(_typed(below, args))
    return found


def _members(below: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The values of a document other than objects, with their paths."""
    if not isinstance(value, dict):
        yield below, value
    elif not depth:
        raise oscbridge.LimitError("depth", "objects are nested too deeply")
    else:
        for key, member in value.items():
            yield from _members(f"{below}/{key}", member, depth - 1)


def _decode_text(payload: bytes) -> DecodedValues:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return DecodedValues("", "b", (payload,))
    return _typed("", [_guess(text)])


def _guess(text: str) -> object:
    """A truth value, a number, or text."""
    bare = text.strip()
    if bare in ("true", "false"):
        return bare == "true"
    if not oscbridge.is_number(bare):
        return text
    digits = bare.lstrip("+-")
    if digits.isdecimal() and len(digits) <= 20:
        return int(bare)
    number = float(bare)
    return number if math.isfinite(number) else text


def _typed(below: str, values: list[object]) -> DecodedValues:
    _check_depth(values, MAX_DEPTH)
    try:
        values = [_within_64_bits(value) for value in values]
        tags = oscbridge.infer(values)
    except (oscbridge.EncodeError, OverflowError) as error:
        raise oscbridge.DecodeError("value", f"{below[1:100]}: {error}".lstrip(": ")) from None
    if "f" in tags and any(map(_is_large, values)):
        tags = tags.replace("f", "d")
    return DecodedValues(below, tags, tuple(values))  # type: ignore[arg-type]


def _within_64_bits(value: object) -> object:
    """A larger whole number becomes a float, as its neighbours do in JSON."""
    if isinstance(value, list):
        return [_within_64_bits(each) for each in value]
    return float(value) if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 else value


def _is_large(value: object) -> bool:
    """Whether a value has a number that does not fit into a float of 32 bits."""
    if isinstance(value, float):
        return not -LARGEST_FLOAT <= value <= LARGEST_FLOAT and math.isfinite(value)
    return isinstance(value, list) and any(map(_is_large, value))


def _check_depth(values: list[object], depth: int) -> None:
    for value in values:
        if isinstance(value, list):
            if not depth:
                raise oscbridge.LimitError("depth", "arrays are nested too deeply")
            _check_depth(value, depth - 1)

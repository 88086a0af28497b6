"""Encodes OSC messages as payloads, and decodes payloads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

import oscbridge
from oscbridge_nats.options import FORMATS, Format

__all__ = ["MAX_DEPTH", "MAX_MEMBERS", "NATSDecodedValues", "decode", "encoder"]

MAX_DEPTH: Final = 16
"""Most nested arrays and objects of a JSON document."""

MAX_MEMBERS: Final = 256
"""Most messages from the members of one JSON document."""


class NATSDecodedValues(NamedTuple):
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


_ENCODERS: Final[Mapping[str, oscbridge.EncodeRouted]] = {
    "osc": _encode_osc,
    "json": lambda message, _captures: oscbridge.encode_plain_json(message),
    "text": lambda message, _captures: oscbridge.encode_plain_text(message),
}


def decode(payload: bytes, form: Format) -> Sequence[NATSDecodedValues]:
    """Decode a payload in ``json`` or ``text``; an empty one has no arguments.

    Raises :class:`oscbridge.DecodeError`.
    """
    if not payload:
        return (NATSDecodedValues("", "", ()),)
    if form == "text":
        return (_decode_text(payload),)
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise oscbridge.DecodeError(
            "json", f'not JSON: {error}; for plain text set payload = "text"'
        ) from None
    found: list[NATSDecodedValues] = []
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


def _decode_text(payload: bytes) -> NATSDecodedValues:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return NATSDecodedValues("", "b", (payload,))
    return _typed("", [_guess(text)])


def _guess(text: str) -> object:
    """A truth value, a finite number, or text."""
    value = oscbridge.guess_value(text)
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _typed(below: str, values: list[object]) -> NATSDecodedValues:
    try:
        return NATSDecodedValues(below, *oscbridge.plain_arguments(values))
    except oscbridge.LimitError:
        raise
    except oscbridge.DecodeError as error:
        raise oscbridge.DecodeError("value", f"{below[1:100]}: {error}".lstrip(": ")) from None

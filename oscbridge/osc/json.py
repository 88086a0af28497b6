"""Packets as JSON: ``osc.json`` over WebSocket, ``payload = "typed"`` over MQTT.

The format is that of osc.js with ``metadata: true``: ``{"address": …, "args": [{"type": …,
"value": …}]}`` and ``{"timeTag": …, "packets": […]}``. Values that JSON does not have are
written as in the JSON mapping of Protocol Buffers: integers above 2^53, NaN and the
infinities as strings, bytes as base64.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc import (
    IMMEDIATELY,
    MIDI,
    Argument,
    Bundle,
    Color,
    Message,
    Packet,
    TimeTag,
    encode_message,
    infer,
)
from oscbridge.osc.lenient import is_bare_address
from oscbridge.osc.type_tags import TYPE_TAGS, TypeTag

__all__ = ["MAX_DEPTH", "decode_json", "encode_json"]

MAX_DEPTH: Final = 16
"""Levels of bundles within bundles, and of arrays within arrays, that are read."""

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"

T = TypeVar("T")

_COLOR: Final = re.compile("#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
_SAFE: Final = (1 << 53) - 1  # Number.MAX_SAFE_INTEGER


def encode_json(message: Message) -> bytes:
    """One message as JSON in UTF-8. Raises :class:`EncodeError`."""
    types = message.types
    if types is None:  # the rest of an untagged packet is one blob
        types = "b" * len(message.args)
    try:
        tags = iter(types)
        args = _write_all(tags, message.args)
        if next(tags, None) is not None:
            raise ValueError("more type tags than arguments")
        return orjson.dumps({"address": message.address, "args": args})
    except (TypeError, ValueError, OverflowError, KeyError, StopIteration) as error:
        # Only messages made by plugins: decoded ones are consistent.
        raise EncodeError(f"{message.address} ,{message.types}: {error!r}") from None


def _write_all(tags: Iterator[str], args: Iterable[Argument]) -> list[object]:
    """Arguments as JSON. Consumes their type tags from ``tags``."""
    out: list[object] = []
    for value in args:
        tag = next(tags)
        if tag == "[":
            if not isinstance(value, list | tuple):
                raise TypeError(f"{value!r} is not an array")
            out.append(_write_all(tags, value))
            if next(tags) != "]":
                raise ValueError("more type tags than values in an array")
        else:
            out.append({"type": tag, "value": _WRITERS[tag](value)})
    return out


def _write_int(value: Any) -> object:
    return value if -_SAFE <= value <= _SAFE else str(value)


def _write_float(value: Any) -> object:
    value = float(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_timetag(value: Any) -> object:
    tag = TimeTag(value)
    raw = {"raw": [tag.seconds, tag.fraction]}
    # "Immediately" is not a time on a clock, though osc.js reads it as one.
    return raw if tag.immediate else {**raw, "native": tag.unix_ns() / 1e6}


_WRITERS_BY_TYPE: Final[Mapping[type, Callable[[Any], object]]] = {
    int: _write_int,
    float: _write_float,
    str: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    Color: lambda value: f"#{value:08X}",
    MIDI: list,
    TimeTag: _write_timetag,
}


def _writer(row: TypeTag) -> Callable[[Any], object]:
    if row.constant is None:
        return _WRITERS_BY_TYPE[row.python]
    (value,) = row.constant
    written = value if isinstance(value, bool) else None  # JSON has no impulse
    return lambda _: written


_WRITERS: Final = {tag: _writer(row) for tag, row in TYPE_TAGS.items()}


def decode_json(data: str | bytes) -> Packet:
    """A packet from JSON; bytes are UTF-8. Each message in it can be encoded as OSC.

    The type of an argument without ``type`` is inferred. As in OSC, an address without its
    leading slash is kept as it is.
    Raises only :class:`DecodeError`.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DecodeError("json", f"not JSON: {error}") from None
    return _packet(document, MAX_DEPTH)


def _packet(document: JSON, depth: int) -> Packet:
    if not isinstance(document, Mapping):
        raise DecodeError("json", f"expected an object with an address, got {_short(document)}")
    if "packets" in document:
        if not depth:
            raise LimitError("max_depth", "bundles are nested too deeply")
        packets = document["packets"]
        if not isinstance(packets, list):
            raise DecodeError("json", f"packets: expected an array, got {_short(packets)}")
        timetag = document.get("timeTag")
        return Bundle(
            IMMEDIATELY if timetag is None else _read_value("t", _read_timetag, timetag),
            tuple(_packet(packet, depth - 1) for packet in packets),
        )
    address = document.get("address")
    if not isinstance(address, str) or not (address.startswith("/") or is_bare_address(address)):
        raise DecodeError("address", f"address must start with '/', got {_short(address)}")
    args = document.get("args", [])
    try:
        types, values = _read_all(args if isinstance(args, list) else [args], MAX_DEPTH)
        message = Message(address, types, tuple(values))
        encode_message(message)  # validate it while the sender is known
    except EncodeError as error:
        raise DecodeError("json", str(error)) from None
    return message


def _read_all(items: Sequence[JSON], depth: int) -> tuple[str, list[Argument]]:
    types, values = "", []
    for item in items:
        tag, value = _read(item, depth)
        types += tag
        values.append(value)
    return types, values


def _read(item: JSON, depth: int) -> tuple[str, Argument]:
    """One argument: ``{"type", "value"}``, or a plain value whose type is inferred."""
    if isinstance(item, list):
        if not depth:
            raise LimitError("max_depth", "arrays are nested too deeply")
        types, values = _read_all(item, depth - 1)
        return f"[{types}]", values
    if not isinstance(item, Mapping):
        return infer([item]), item  # type: ignore[return-value]  # a scalar
    value = item.get("value")
    tag = item.get("type")
    if tag is None:
        return _read(value, depth) if not isinstance(value, Mapping) else _bad("value", value)
    reader = _READERS.get(tag) if isinstance(tag, str) else None
    if reader is None:
        raise DecodeError("type", f"unknown type {_short(tag)}")
    return str(tag), _read_value(str(tag), reader, value)


def _read_value(tag: str, reader: Callable[[JSON], T], value: JSON) -> T:
    try:
        return reader(value)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise DecodeError("json", f"{_short(value)} does not fit type {tag!r}") from None


def _bad(what: str, value: JSON) -> tuple[str, Argument]:
    raise DecodeError("json", f"{what}: {_short(value)} lacks a type")


def _read_int(value: JSON) -> int:
    match value:
        case bool():
            raise TypeError
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str():
            return int(value)
        case {"high": int(high), "low": int(low)}:  # osc.js: a Long
            number = (high & 0xFFFFFFFF) << 32 | low & 0xFFFFFFFF
            return number - (1 << 64) if number >> 63 else number
    raise TypeError


def _read_float(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    return float(value)


def _read_text(value: JSON) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_bytes(value: JSON) -> bytes:
    match value:
        case str():
            return base64.b64decode(value, validate=True)
        case list():
            return bytes([_read_int(item) for item in value])
        case Mapping():  # JSON.stringify writes a Uint8Array like this
            return bytes([_read_int(value[str(index)]) for index in range(len(value))])
    raise TypeError


def _read_color(value: JSON) -> Color:
    match value:
        case str() if _COLOR.fullmatch(value):  # without alpha, as browsers write it: opaque
            return Color(int(value[1:].ljust(8, "F"), 16))
        case {"r": int(red), "g": int(green), "b": int(blue), "a": int() | float() as alpha}:
            return Color(int.from_bytes(bytes([red, green, blue, round(alpha * 255)])))
    return Color(_read_int(value))


def _read_midi(value: JSON) -> MIDI:
    port, status, data1, data2 = _read_bytes(value)
    return MIDI(port, status, data1, data2)


def _read_timetag(value: JSON) -> TimeTag:
    match value:
        case {"raw": [seconds, fraction]}:
            seconds, fraction = _read_int(seconds), _read_int(fraction)
            if 0 <= seconds < 1 << 32 and 0 <= fraction < 1 << 32:
                return TimeTag(seconds << 32 | fraction)
        case {"native": int() | float() as milliseconds} if abs(milliseconds) < 1e15:
            return TimeTag.from_unix_ns(round(milliseconds * 1e6))
    raise TypeError


_READERS_BY_TYPE: Final[Mapping[type, Callable[[JSON], Argument]]] = {
    int: _read_int,
    float: _read_float,
    str: _read_text,
    bytes: _read_bytes,
    Color: _read_color,
    MIDI: _read_midi,
    TimeTag: _read_timetag,
}


def _reader(row: TypeTag) -> Callable[[JSON], Argument]:
    if row.constant is None:
        return _READERS_BY_TYPE[row.python]
    (value,) = row.constant
    return lambda _: value


_READERS: Final = {tag: _reader(row) for tag, row in TYPE_TAGS.items()}


def _short(value: object) -> str:
    if isinstance(value, list | Mapping):  # may be nested too deeply for repr()
        return "an array" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""OSC arguments as people write and read them in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from oscbridge.errors import EncodeError
from oscbridge.osc import IMPULSE, MIDI, Argument, Color, Message, TimeTag, infer

__all__ = ["format_message", "parse_arguments"]


def parse_arguments(texts: Sequence[str], types: str | None = None) -> tuple[str, list[Argument]]:
    """The type tags and the values of arguments given as text.

    Without ``types``: ``true`` and ``false`` are T and F, ``nil`` N, whole numbers i (or h),
    other numbers f, everything else s. With them each text is read as its tag says; T F N I
    and brackets take none. Raises :class:`EncodeError` that names the argument.
    """
    if types is None:
        values = [_guess(text) for text in texts]
        return infer(values), values
    remaining = iter(texts)
    values = _read_all(iter(types), remaining, types, closing=False)
    left = list(remaining)
    if left:
        raise EncodeError(f"no type tag in ,{types} for the argument {left[0]!r}")
    return types, values


def _guess(text: str) -> Argument:
    constants: Mapping[str, Argument] = {"true": True, "false": False, "nil": None}
    if text in constants:
        return constants[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _read_all(
    tags: Iterator[str], texts: Iterator[str], types: str, *, closing: bool
) -> list[Argument]:
    values: list[Argument] = []
    for tag in tags:
        if tag == "]" and closing:
            return values
        if tag == "[":
            values.append(_read_all(tags, texts, types, closing=True))
        elif tag in _CONSTANTS:
            values.append(_CONSTANTS[tag])
        elif tag in _READERS:
            text = next(texts, None)
            if text is None:
                raise EncodeError(f"an argument is missing for type tag {tag!r} of ,{types}")
            try:
                values.append(_READERS[tag](text))
            except ValueError:
                raise EncodeError(f"{text!r} does not fit type tag {tag!r}") from None
        else:
            raise EncodeError(f"unknown type tag {tag!r} in ,{types}")
    if closing:
        raise EncodeError(f"an array in ,{types} has no end")
    return values


def _midi(text: str) -> MIDI:
    port, status, data1, data2 = bytes.fromhex(text)
    return MIDI(port, status, data1, data2)


def _whole(text: str) -> int:
    return int(text, 0)


_BYTES_SHOWN: Final = 32

_READERS: Final[Mapping[str, Callable[[str], Argument]]] = {
    "i": _whole,
    "h": _whole,
    "f": float,
    "d": float,
    "s": str,
    "S": str,
    "c": str,
    "b": bytes.fromhex,
    "r": lambda text: Color(int(text.removeprefix("#"), 16)),
    "m": _midi,
    "t": lambda text: TimeTag(int(text, 0)),
}
_CONSTANTS: Final[Mapping[str, Argument]] = {"T": True, "F": False, "N": None, "I": IMPULSE}


def format_message(message: Message) -> str:
    """One line: address, type tags and values, as ``/mixer/1 ,fs 0.5 "on"``."""
    tags = "" if message.types is None else f" ,{message.types}"
    values = "".join(f" {_format(value)}" for value in message.args)
    return f"{_visible(message.address)}{tags}{values}"


def _format(value: Argument) -> str:
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "nil"}[value]
        case TimeTag():
            return "immediately" if value.immediate else value.datetime().isoformat()
        case Color():
            return f"#{value:08X}"
        case float():
            text = f"{value:.7g}"
            return f"{text}.0" if text.lstrip("-").isdigit() else text
        case str():
            return '"' + _visible(value).replace('"', '\\"') + '"'
        case bytes():
            more = f"… ({len(value)} bytes)" if len(value) > _BYTES_SHOWN else ""
            return f"0x{value[:_BYTES_SHOWN].hex()}{more}"
        case MIDI():
            return f"MIDI[{bytes(value).hex(' ')}]"
        case list():
            return "[" + " ".join(_format(item) for item in value) + "]"
        case int():
            return str(value)
    return "impulse"


def _visible(text: str) -> str:
    """Without control characters: a stranger's text must not drive the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)

"""Between messages and bytes on the wire: packets of OSC in SLIP, or lines of text. Pure."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import oscbridge

__all__ = ["Codec", "LineCodec", "SlipCodec", "line_template"]

MAX_LINES: Final = 256
"""Most parsed templates that are cached."""

_AS_TEXT: Final = oscbridge.Placeholder("0", "s")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")


class Codec(ABC):
    """How messages are written to a device, and read from it."""

    end: bytes
    """The byte after each frame."""

    def __init__(self, max_packet_size: int) -> None:
        self.max_packet_size = max_packet_size

    @abstractmethod
    def encode(
        self, message: oscbridge.Message, line: str | None, captures: Mapping[str, str]
    ) -> bytes:
        """The bytes of a message.

        ``line`` is the template of its route, if there is one. Raises
        :class:`oscbridge.BadMessage`.
        """

    @abstractmethod
    def decode(self, frame: bytes) -> oscbridge.Message | bytes | None:
        """A frame, without its end, as a message or a packet of OSC; None for an empty one.

        Raises :class:`oscbridge.DecodeError`.
        """


class SlipCodec(Codec):
    """OSC 1.1: packets in SLIP, as ``SLIPEncodedSerial`` of Arduino's OSC library has it."""

    end = b"\xc0"

    def encode(
        self, message: oscbridge.Message, line: str | None, captures: Mapping[str, str]
    ) -> bytes:
        if line is not None:
            raise oscbridge.BadMessage('a line is for protocol = "text" only')
        packet = oscbridge.encode_message(message)
        if len(packet) > self.max_packet_size:
            text = f"{len(packet)} bytes exceed max_packet_size = {self.max_packet_size}"
            raise oscbridge.BadMessage(f"{message.address}: {text}")
        return oscbridge.stream_decoder("1.1", self.max_packet_size).encode(packet)

    def decode(self, frame: bytes) -> oscbridge.Message | bytes | None:
        # A decoder per frame: rubbish ends with its frame.
        decoder = oscbridge.stream_decoder("1.1", self.max_packet_size)
        packets = decoder.feed(frame + self.end)
        if decoder.error is not None:
            raise decoder.error
        return packets[0] if packets else None


class LineCodec(Codec):
    """Lines of text.

    ``line`` is the template of a line, ``message`` that of the message which a received line
    becomes, with the words of the line as its arguments.
    """

    def __init__(self, max_packet_size: int, line: str, line_end: str, message: str) -> None:
        super().__init__(max_packet_size)
        self.end = b"\r" if line_end == "\r" else b"\n"
        self._line_end = line_end
        self._line = line
        self._message = oscbridge.MessageTemplate(message)

    def encode(
        self, message: oscbridge.Message, line: str | None, captures: Mapping[str, str]
    ) -> bytes:
        template = line_template(self._line if line is None else line)
        try:
            text = template.fill(lambda placeholder: _text(placeholder, message, captures))
        except oscbridge.MessageDropped as error:
            raise oscbridge.BadMessage(f"{message.address}: {error}") from None
        if "\n" in text or "\r" in text:
            raise oscbridge.BadMessage(f"{message.address}: a line must not contain a line end")
        data = (text + self._line_end).encode("utf-8", "replace")
        if len(data) > self.max_packet_size:
            limit = f"exceed max_packet_size = {self.max_packet_size}"
            raise oscbridge.BadMessage(f"{message.address}: {len(data)} bytes {limit}")
        return data

    def decode(self, frame: bytes) -> oscbridge.Message | bytes | None:
        if len(frame) > self.max_packet_size:
            text = f"a line of {len(frame)} bytes exceeds max_packet_size = {self.max_packet_size}"
            raise oscbridge.LimitError("max_packet_size", text)
        try:
            text = frame.decode().replace("\t", " ").strip("\r\n ")
        except UnicodeDecodeError as error:
            raise oscbridge.DecodeError("encoding", f"a line is not UTF-8: {error}") from None
        if not text.isprintable():
            raise oscbridge.DecodeError("control", f"a line has control characters: {text[:40]!r}")
        words = text.split()
        if not words:
            return None
        if text.startswith("/"):
            return oscbridge.Message.of(words[0], *map(_value, words[1:]))
        try:
            return self._message.fill(oscbridge.Message.of("/", *map(_value, words)))
        except oscbridge.MessageDropped as error:
            raise oscbridge.DecodeError(error.reason, f"line {text[:40]!r}: {error}") from None


@lru_cache(maxsize=MAX_LINES)
def line_template(text: str) -> oscbridge.Template:
    """The template of a line. Raises ``ValueError``."""
    return oscbridge.Template.parse(text, expressions=True)


@lru_cache(maxsize=MAX_LINES)
def _expression(placeholder: oscbridge.Placeholder) -> oscbridge.TemplateExpression:
    return oscbridge.TemplateExpression(placeholder)


def _text(
    placeholder: oscbridge.Placeholder, message: oscbridge.Message, captures: Mapping[str, str]
) -> str:
    """The text of a placeholder.

    Raises :class:`oscbridge.MessageDropped` or :class:`oscbridge.ExpressionFailed`.
    """
    return " ".join(map(_as_text, _values(placeholder, message, captures)))


def _values(
    placeholder: oscbridge.Placeholder, message: oscbridge.Message, captures: Mapping[str, str]
) -> Iterator[oscbridge.Argument]:
    if placeholder.expression:
        yield _expression(placeholder).value(message, captures)
    elif placeholder.name == "*":
        yield from map(placeholder.convert, message.args)
    elif placeholder.is_argument:
        yield placeholder.argument(message.args)
    elif placeholder.name in captures:
        yield placeholder.convert(captures[placeholder.name])
    elif placeholder.name == "address":
        yield message.address
    else:
        raise oscbridge.MessageDropped("captures", f"the address has no capture {placeholder}")


def _as_text(value: oscbridge.Argument) -> str:
    return str(_AS_TEXT.convert(value))


def _value(word: str) -> oscbridge.Argument:
    """A word of a line: a whole number, another number, or text."""
    if _WHOLE.fullmatch(word):
        return int(word)
    return float(word) if oscbridge.is_number(word) else word

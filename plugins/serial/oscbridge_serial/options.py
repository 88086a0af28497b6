"""The keys of an endpoint with ``type = "serial"``, and of ``serial = {...}`` in a route."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

import oscbridge
from oscbridge_serial.codec import Codec, LineCodec, SlipCodec, line_template

__all__ = ["SerialOptions", "SerialRoute"]


def _device(text: str) -> str:
    oscbridge.check_placeholder(text)
    if not text.strip():
        raise ValueError('set a port, e.g. "/dev/ttyACM0", "2341:0043" or "Arduino"')
    if "://" in text:
        raise ValueError("must be a port of this machine, not a URL")
    return text


def _line(text: str, info: ValidationInfo) -> str:
    template = line_template(text)
    oscbridge.check_template(template, info)
    if "\n" in text or "\r" in text:
        raise ValueError("must be one line; its end is added")
    return text


def _message(text: str) -> str:
    template = oscbridge.MessageTemplate(text)
    if any(each.name == "address" for each in template.placeholders):
        raise ValueError("placeholder {address} is not available here: a line has none")
    return text


class SerialOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "serial"``."""

    device_keys: ClassVar[Collection[str]] = ("device",)

    device: Annotated[str, AfterValidator(_device)]
    """The port: a path, ``/dev/ttyACM0`` or ``COM3``; an identifier of USB, ``2341:0043``; or a
    part of the name of the USB device, ``Arduino``."""
    baud_rate: Annotated[int, Field(ge=50, le=4_000_000)] = 115_200
    """The speed in bits per second, as in the program of the device."""
    protocol: Literal["osc", "text"] = "osc"
    """The format on the wire: ``osc`` is packets of OSC in SLIP, ``text`` is lines."""
    line: Annotated[str, AfterValidator(_line)] = "{address} {*}"
    """With ``text``, the line that a message becomes; placeholders as in ``send``."""
    line_end: Literal["\n", "\r\n", "\r"] = "\n"
    """With ``text``, the end of a line that is sent."""
    message: Annotated[str, AfterValidator(_message)] = "/serial {*}"
    """With ``text``, the message that a received line becomes; its words are the arguments. A line
    that begins with ``/`` is a message itself."""
    start_delay: Annotated[float, Field(ge=0, le=8)] = 0.0
    """Seconds to wait after the port is opened: many Arduinos restart then, and need 2."""
    max_packet_size: Annotated[int, Field(ge=16, le=65_535)] = 4_096
    """The most bytes of a packet or a line, both ways."""

    @property
    def codec(self) -> Codec:
        """How messages are written and read."""
        if self.protocol == "osc":
            return SlipCodec(self.max_packet_size)
        return LineCodec(self.max_packet_size, self.line, self.line_end, self.message)

    @field_validator("line", "line_end", "message")
    @classmethod
    def _text_only(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("protocol") == "osc":
            raise ValueError('has no effect; add protocol = "text"')
        return value


class SerialRoute(oscbridge.Options):
    """``serial = {...}`` in a route."""

    line: Annotated[str, AfterValidator(_line)]
    """The line that a message becomes, e.g. ``"S{n} {= int(x * 180)}"``."""

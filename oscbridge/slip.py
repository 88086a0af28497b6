"""SLIP packets one by one, under the names of python-osc.

For streams use :mod:`oscbridge.osc.framing`.
"""

from __future__ import annotations

from typing import Final

from oscbridge.errors import OSCError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc.framing import SLIPDecoder, encode_slip
from oscbridge.osc_message import bytes_of

__all__ = [
    "END",
    "END_END",
    "ESC",
    "ESC_END",
    "ESC_ESC",
    "ProtocolError",
    "decode",
    "encode",
    "is_valid",
]

# RFC 1055, "PROTOCOL".
END: Final = b"\xc0"
ESC: Final = b"\xdb"
ESC_END: Final = b"\xdc"
ESC_ESC: Final = b"\xdd"
END_END: Final = END + END


class ProtocolError(OSCError, ValueError):
    """Not one SLIP packet. The bytes are ``args[0]``."""


def encode(msg: bytes) -> bytes:
    """One packet as SLIP, with an END at both ends."""
    return encode_slip(bytes(msg))


def decode(packet: bytes) -> bytes:
    """The content of one SLIP packet; an END at either end is optional.

    Raises :class:`ProtocolError` for an invalid escape and for more than one packet.
    """
    packet = bytes_of(packet)
    decoder = SLIPDecoder(len(packet) or 1)
    found = decoder.feed(packet.strip(END) + END)
    if decoder.error is not None or len(found) > 1:
        raise ProtocolError(packet)
    return found[0] if found else b""


def is_valid(packet: bytes) -> bool:
    """Whether :func:`decode` accepts these bytes."""
    try:
        decode(packet)
    except ProtocolError:
        return False
    return True


__getattr__ = lazy_names(__name__, "re")

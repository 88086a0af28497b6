"""Recognises the other framing in the first bytes of a stream, and says what to change."""

from __future__ import annotations

from typing import Final

from oscbridge.errors import DecodeError, LimitError

__all__ = [
    "RECOGNISED",
    "SLIP_STARTS",
    "is_length_prefix",
    "length_prefix_instead",
    "slip_instead",
]

SLIP_STARTS: Final = b"\xc0/#"
"""SLIP begins with END or, from a peer that writes END only after a packet, with an address or
"#bundle". No limit is as large as a size whose first byte is one of these."""

RECOGNISED: Final = 8
"""Bytes from which a length prefix is recognised."""

_SHORTEST: Final = 8
"""Bytes of the shortest packet that is recognised after a length prefix."""


def is_length_prefix(first: bytes, max_packet_size: int) -> bool:
    """Whether a stream begins with a size within the limit, and then an address or a bundle.

    Sizes are multiples of four. No SLIP packet begins with a NUL.
    """
    size, start = int.from_bytes(first[:4]), first[4:]
    return (
        first.startswith(b"\0")
        and _SHORTEST <= size <= max_packet_size
        and size % 4 == 0
        and (start == b"#bun" or (start[:1] == b"/" and start[1:].isascii() and start[1] > 0x20))
    )


def length_prefix_instead() -> DecodeError:
    """The error of a SLIP stream that begins with a length prefix."""
    return DecodeError(
        "wrong_framing",
        "the peer sends OSC 1.0 (length prefixes), but OSC 1.1 (SLIP, tcp://) is expected here; "
        "use tcp+1.0:// or tcp+auto:// here, or OSC 1.1 in the peer",
    )


def slip_instead(first: int) -> DecodeError:
    """The error of a stream of length prefixes whose first byte is that of SLIP."""
    text = (
        "the peer sends OSC 1.1 (SLIP), but OSC 1.0 (length prefixes, tcp+1.0://) is expected "
        "here; use tcp:// or tcp+auto:// here, or OSC 1.0 in the peer"
    )
    if first & 0x80:
        return DecodeError("negative_length", text)
    return LimitError("max_packet_size", text)

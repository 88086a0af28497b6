"""Frames of a WebSocket server, serialized once for all clients (RFC 6455, section 5.2). Pure."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["binary_frame", "close_frame", "text_frame"]

_TEXT: Final = 0x81
_BINARY: Final = 0x82
_CLOSE: Final = 0x88
_MAX_REASON: Final = 123
_MEDIUM: Final = struct.Struct("!BBH")
_LARGE: Final = struct.Struct("!BBQ")


def binary_frame(data: bytes) -> bytes:
    """A frame with one OSC packet."""
    return _frame(_BINARY, data)


def text_frame(text: str) -> bytes:
    """A frame with one command."""
    return _frame(_TEXT, text.encode())


def close_frame(code: int, reason: str) -> bytes:
    """The frame that begins the closing handshake."""
    text = reason.encode()[:_MAX_REASON].decode(errors="ignore")
    return _frame(_CLOSE, code.to_bytes(2) + text.encode())


def _frame(kind: int, data: bytes) -> bytes:
    length = len(data)
    if length < 126:
        return bytes((kind, length)) + data
    if length < 65_536:
        return _MEDIUM.pack(kind, 126, length) + data
    return _LARGE.pack(kind, 127, length) + data

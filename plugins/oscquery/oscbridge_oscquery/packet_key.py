"""Keys of packets where many are remembered. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["MAX_KEY", "packet_key"]

MAX_KEY: Final = 128
"""Bytes of a packet that is its own key."""

_DIGEST: Final = 32


def packet_key(packet: bytes) -> bytes:
    """The packet, or the digest of a large one: those of 4,096 packets fit into a megabyte."""
    if len(packet) <= MAX_KEY:
        return packet
    return hashlib.blake2b(packet, digest_size=_DIGEST).digest()

"""The limits that every decoder enforces, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

__all__ = ["DEFAULT_LIMITS", "MAX_PACKET_SIZE", "Limits"]

MAX_PACKET_SIZE: Final = 1_048_576
"""Default limit of a packet, in bytes: 16 times the largest datagram, and little enough that
a hundred peers which never finish a packet do no harm."""

# Nested bundles and arrays are decoded by recursion; this stays far below Python's own limit.
_HIGHEST_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of decoding. Exceeding one raises :class:`~oscbridge.errors.LimitError`, whose
    ``reason`` is the name of the limit.

    Raises ``ValueError`` for a limit that is not a whole number above 0.
    """

    max_packet_size: int = MAX_PACKET_SIZE
    """Bytes of a whole packet. UDP itself carries at most 65,535."""
    max_depth: int = 16
    """Levels of bundles within bundles, and of arrays within arrays. At most 100."""
    max_type_tags: int = 16_384
    """Type tags of a message, brackets included."""
    max_arguments: int = 16_384
    """Arguments of a message, those within arrays included."""
    max_address_length: int = 512
    """Bytes of an address."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{field.name} must be a whole number above 0, got {value!r}")
        if self.max_depth > _HIGHEST_DEPTH:
            raise ValueError(f"max_depth must be at most {_HIGHEST_DEPTH}, got {self.max_depth}")


DEFAULT_LIMITS: Final = Limits()

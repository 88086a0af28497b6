"""The limits that every decoder keeps, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LIMITS", "Limits"]

# Nested bundles and arrays are read by recursion; this keeps it far from Python's own bound.
_DEEPEST: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused with a :class:`~oscbridge.errors.LimitError`.

    Raises ``ValueError`` for a limit that makes no sense.
    """

    datagram: int = 1_048_576
    """Bytes of a whole packet. A stream may carry as many; UDP itself stops at 65,535."""
    depth: int = 16
    """Bundles within bundles, and arrays within arrays."""
    tags: int = 16_384
    """Type tags of a message, brackets included."""
    arguments: int = 16_384
    """Arguments of a message, those within arrays included."""
    address: int = 512
    """Bytes of an address."""
    calls: int = 16_384
    """Handlers that the messages of one bundle may call together. A bundle of patterns that
    match everything could ask for millions."""

    def __post_init__(self) -> None:
        for name in ("datagram", "depth", "tags", "arguments", "address", "calls"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"limit {name} must be a whole number above 0, not {value!r}")
        if self.depth > _DEEPEST:
            raise ValueError(f"limit depth must be at most {_DEEPEST}, not {self.depth}")


DEFAULT_LIMITS: Final = Limits()

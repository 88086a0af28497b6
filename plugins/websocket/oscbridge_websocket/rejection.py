"""Why a client is rejected, as a WebSocket close frame: all that a page can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "BAD_REQUEST",
    "FORBIDDEN",
    "MAX_REASON",
    "TOO_MANY_ATTEMPTS",
    "UNAUTHORIZED",
    "Rejection",
    "shorten",
]

BAD_REQUEST: Final = 4400
"""Close code: the URL or the subprotocols ask for something that does not exist."""

UNAUTHORIZED: Final = 4401
"""Close code: the token is missing or wrong."""

FORBIDDEN: Final = 4403
"""Close code: the page or the address may not connect, or the token does not have this right."""

TOO_MANY_ATTEMPTS: Final = 4429
"""Close code: this network sent too many wrong tokens."""

MAX_REASON: Final = 123
"""The length of a close reason, in bytes (RFC 6455, section 5.5)."""


@dataclass(frozen=True)
class Rejection:
    """The close code and the reason."""

    code: int
    reason: str
    delay: float = 0.0
    """Seconds before it is sent."""
    retry_after: int = 0
    """Seconds before another attempt is worthwhile; 0 if waiting does not help."""


def shorten(text: str, limit: int) -> str:
    """Text of a peer, printable and of at most ``limit`` bytes."""
    printable = text.encode("ascii", "replace").decode()
    printable = "".join(c if c.isprintable() else "?" for c in printable)
    return printable if len(printable) <= limit else printable[: limit - 3] + "..."

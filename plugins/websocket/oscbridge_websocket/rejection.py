"""Why a client is rejected, as a WebSocket close frame: all that a page can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from websockets.frames import CloseCode

import oscbridge

__all__ = [
    "BAD_REQUEST",
    "FORBIDDEN",
    "MAX_REASON",
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

HTTP_CODES: Final = 4_000
"""Close codes are HTTP status codes plus this number: 4429 is for too many wrong tokens."""

MAX_REASON: Final = 123
"""The length of a close reason, in bytes (RFC 6455, section 5.5)."""


@dataclass(frozen=True)
class Rejection:
    """The close code and the reason."""

    code: int
    reason: str
    denied: oscbridge.AccessDenied | None = None
    """Why the token gives no access, if that is the reason."""

    @property
    def status(self) -> int:
        """The HTTP status for the same; only of a rejection of a token."""
        return self.code - HTTP_CODES

    @classmethod
    def after_reload(cls, denied: oscbridge.AccessDenied) -> Rejection:
        """The rejection of a connected client, which may be asked to connect again."""
        if denied.retry_after:
            return cls(CloseCode.SERVICE_RESTART, denied.reason, denied)
        return cls.of(denied)

    @classmethod
    def of(cls, denied: oscbridge.AccessDenied) -> Rejection:
        """The rejection of a client without access."""
        return cls(HTTP_CODES + denied.status, denied.reason, denied)


def shorten(text: str, limit: int) -> str:
    """Text of a peer, printable and of at most ``limit`` bytes."""
    printable = text.encode("ascii", "replace").decode()
    printable = "".join(c if c.isprintable() else "?" for c in printable)
    return printable if len(printable) <= limit else printable[: limit - 3] + "..."

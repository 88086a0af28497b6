"""The answer to a client that wants access: what it may do, or why it may not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

from oscbridge.access.rights import DEFAULT_RIGHTS, AccessRights, Right
from oscbridge.access.token import AccessToken

__all__ = ["OPEN_ACCESS", "AccessDenied", "AccessGrant"]


@dataclass(frozen=True)
class AccessDenied:
    """Why a client has no access."""

    status: HTTPStatus
    """400 for a token in the URL, 401 for a missing or a wrong one, 403 for a right that the
    token does not have, 429 after too many wrong ones."""
    reason: str
    """Human-readable, for the client. Contains nothing of the token."""
    delay: float = 0.0
    """Seconds before it is answered: see :meth:`AccessControl.delay`."""
    retry_after: int = 0
    """Seconds before another attempt is worthwhile; 0 if waiting does not help."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of an HTTP response with this status (RFC 6750, RFC 9110)."""
        if self.retry_after:
            return {"Retry-After": str(self.retry_after)}
        if self.status == HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": 'Bearer realm="oscbridge"'}
        return {}


class AccessGrant(NamedTuple):
    """The access that a client has."""

    token: AccessToken | None
    """Its token; None where none is asked for."""
    rights: AccessRights

    def without(self, right: Right) -> AccessDenied | None:
        """The denial of what requires a right; None if the client has it."""
        if right in self.rights.rights:
            return None
        reason = f"this requires the right '{right}', which this token does not have"
        if self.token is None:
            reason = f"this requires a token with the right '{right}'"
        return AccessDenied(HTTPStatus.FORBIDDEN, reason)


OPEN_ACCESS: Final = AccessGrant(None, AccessRights.of(DEFAULT_RIGHTS))
"""The access of every client at a front where no token is valid."""

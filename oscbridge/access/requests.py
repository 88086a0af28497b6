"""Where an HTTP request has its token, and where it must not have it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from oscbridge.access.grant import AccessDenied

__all__ = ["TOKEN_IN_URL", "bearer_token", "has_token_in_query"]

_IN_QUERY: Final = frozenset(
    {"token", "accesstoken", "authtoken", "xtoken", "auth", "authorization", "bearer"}
    | {"secret", "password", "apikey", "xapikey", "jwt"}
)
"""Query parameters that people put tokens into, without what is no letter or digit."""

TOKEN_IN_URL: Final = AccessDenied(
    HTTPStatus.BAD_REQUEST,
    "A token in the URL would end up in logs. Send it in the Authorization header.",
)
"""The answer to a request with a token in its URL: URLs end up in logs and histories."""


def has_token_in_query(names: Iterable[str]) -> bool:
    """Whether one of the names of a query's parameters is that of a token."""
    return any(re.sub(r"[\W_]", "", name).lower() in _IN_QUERY for name in names)


def bearer_token(authorization: Iterable[bytes]) -> str | None:
    """The token in ``Authorization`` headers (RFC 6750, section 2.1); None without one."""
    for value in authorization:
        scheme, _, text = value.strip().partition(b" ")
        if scheme.lower() == b"bearer":
            return text.strip().decode("utf-8", "replace")
    return None

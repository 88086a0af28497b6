"""What a token shows: views, addresses and endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oscbridge import AccessGrant, Right

__all__ = ["LIMITED", "is_limited", "may_reach", "rights_of", "views_of"]

HTTP: Final = frozenset(("http",))
"""The front of the control room. A token for it alone is limited to no endpoint."""

LIMITED: Final = "this token is limited to some addresses or endpoints, and may not do this"

FOR_ALL: Final = ("now", "values", "surface")
FOR_UNLIMITED: Final = ("routes", "learn", "devices", "record", "log")
"""Views that show more than some addresses and endpoints."""


def rights_of(grant: AccessGrant) -> Sequence[Right]:
    """The rights of a client, the least first."""
    order: tuple[Right, ...] = ("listen", "send", "configure")
    return tuple(each for each in order if each in grant.rights.rights)


def is_limited(grant: AccessGrant) -> bool:
    """Whether a client sees only some addresses or endpoints."""
    token = grant.token
    if token is not None and token.fronts is not None and not HTTP.issuperset(token.fronts):
        return True
    return grant.rights.addresses is not None


def views_of(grant: AccessGrant) -> Sequence[str]:
    """The views that a client may open."""
    return FOR_ALL if is_limited(grant) else (*FOR_ALL, *FOR_UNLIMITED)


def may_reach(grant: AccessGrant, name: str) -> bool:
    """Whether an endpoint or a bridge is one of those to which a token is limited."""
    token = grant.token
    if token is None or token.fronts is None or HTTP.issuperset(token.fronts):
        return True
    return name in token.fronts

"""Whether a request comes through a reverse proxy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["is_forwarded"]

_NAMES: Final = frozenset(("forwarded", "via", "x-ingress-path", "x-real-ip"))
_PREFIX: Final = "x-forwarded-"


def is_forwarded(headers: Iterable[str]) -> bool:
    """Whether one of the names of headers is one that proxies add.

    ``Via`` is RFC 9110, section 7.6.3; ``Forwarded`` is RFC 7239.
    """
    names = map(str.lower, headers)
    return any(name in _NAMES or name.startswith(_PREFIX) for name in names)

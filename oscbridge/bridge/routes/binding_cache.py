"""Caches bound routes by address and type tags, where no dispatcher does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from oscbridge.bridge.routes.out import Out
from oscbridge.dispatch.cache import MAX_HEAD, MAX_HEADS

__all__ = ["BindingCache"]

MAX_BINDINGS: Final = MAX_HEADS
"""Bindings in the cache. A full cache is cleared."""


class BindingCache:
    """Binds a route once for each address and type tags. Not thread-safe.

    The captures must follow from the address.
    """

    def __init__(self, bind: Callable[[str, str | None, Mapping[str, str]], Out]) -> None:
        self._bind = bind
        self._bound: dict[tuple[str, str | None], Out] = {}

    def get(self, address: str, types: str | None, captures: Mapping[str, str]) -> Out:
        """What to call with every message that has this address and these type tags."""
        bound = self._bound.get((address, types))
        if bound is None:
            bound = self._bind(address, types, captures)
            if len(address) + len(types or "") <= MAX_HEAD:
                if len(self._bound) >= MAX_BINDINGS:
                    self._bound.clear()
                self._bound[address, types] = bound
        return bound

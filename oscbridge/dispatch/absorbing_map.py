"""The handlers of a bridge with clients: some messages are for the bridge itself."""

from __future__ import annotations

from collections.abc import Collection

from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import Handler

__all__ = ["AbsorbingMap"]


class AbsorbingMap(AddressMap):
    """Maps addresses to handlers, but ``absorbed`` ones only to the handler ``absorb``.

    ``witness`` is called with each message that has handlers, before them.
    """

    def __init__(
        self, absorbed: Collection[str], absorb: Handler, witness: Handler | None = None
    ) -> None:
        super().__init__()
        self._absorbed = frozenset(absorbed)
        self._absorb = absorb
        self._witness = witness

    def match(self, address: str) -> list[tuple[Handler, dict[str, str]]]:
        if address in self._absorbed:
            return [(self._absorb, {})]
        found = super().match(address)
        if found and self._witness is not None:
            return [(self._witness, {}), *found]
        return found

"""What all pages share: the state of the bridge and its values, read once for all of them."""

from __future__ import annotations

import asyncio

from oscbridge import AccessGrant
from oscbridge.monitoring import Operations
from oscbridge_ui.editing.routes_feed import RoutesFeed
from oscbridge_ui.editing.trial import DraftTrial
from oscbridge_ui.recording.deck import RecordingDeck
from oscbridge_ui.scope import PageScope
from oscbridge_ui.status_feed import StatusFeed
from oscbridge_ui.surface.file import surface_file
from oscbridge_ui.surface.store import SurfaceStore
from oscbridge_ui.value_store import ValueStore
from oscbridge_ui.visibility import is_limited

__all__ = ["Feeds"]


class Feeds:
    """Sources of topics. Without pages they do nothing."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self._reloads: set[asyncio.Future[object]] = set()
        self.events = operations.events
        self.values = ValueStore(operations)
        self._limited_values: dict[object, ValueStore] = {}
        """Those of tokens that show only some addresses or endpoints, by these."""
        self.status = StatusFeed(operations, lambda: len(self.values))
        self.routes = RoutesFeed(operations, self.values)
        self.trial = DraftTrial(self.values)
        self.surface = SurfaceStore(surface_file(operations))
        self.deck = RecordingDeck(operations)

    def values_for(self, grant: AccessGrant) -> ValueStore:
        """The values that a client may see. The caller opens them at once."""
        if not is_limited(grant):
            return self.values
        self._limited_values = {
            key: each for key, each in self._limited_values.items() if each.is_watching
        }
        fronts = None if grant.token is None else grant.token.fronts
        key = (None if fronts is None else frozenset(fronts), grant.rights.addresses)
        return self._limited_values.setdefault(key, ValueStore(self.operations, PageScope(grant)))

    def reload(self) -> asyncio.Future[object]:
        """Read the configuration again. The result is the changes, or :class:`OSCBridgeError`.

        It runs to its end also if the page is gone meanwhile: it may close the page itself.
        """
        running: asyncio.Future[object] = asyncio.ensure_future(self.operations.reload())
        self._reloads.add(running)
        running.add_done_callback(self._reloaded)
        return asyncio.shield(running)

    def _reloaded(self, running: asyncio.Future[object]) -> None:
        self._reloads.discard(running)
        if not running.cancelled():
            running.exception()  # it is logged already

    async def close(self) -> None:
        """Stop."""
        self.routes.close()
        self.status.close()
        for values in (self.values, *self._limited_values.values()):
            values.close()
        await self.deck.close()
        await self.surface.close()

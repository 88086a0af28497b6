"""What a page gets of the surface: pages of its token, and the values of the page on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from oscbridge import AccessGrant
from oscbridge.monitoring import Operations
from oscbridge_ui.protocol_base import MAX_RATE
from oscbridge_ui.scope import PageScope
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.surface.messages import SurfaceState
from oscbridge_ui.surface.models import SurfacePage
from oscbridge_ui.surface.store import SurfaceStore
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_rows import ValueRow
from oscbridge_ui.value_store import ValueStore
from oscbridge_ui.values_feed import value_row
from oscbridge_ui.visibility import is_limited, may_reach

__all__ = ["SurfaceTopic", "may_edit"]

TICK: Final = 1 / MAX_RATE
"""Seconds between two looks at the values."""


def may_edit(grant: AccessGrant) -> bool:
    """Whether a client may edit: it must see all that an edit concerns."""
    return grant.without("configure") is None and not is_limited(grant)


class SurfaceTopic(Topic):
    """The pages, then those that have changed; values at most 30 times per second."""

    def __init__(
        self,
        store: SurfaceStore,
        values: ValueStore,
        operations: Operations,
        grant: AccessGrant,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._values = values
        self._operations = operations
        self._grant = grant
        self._wake = wake
        self._shown = ""
        self._source: object = None
        """The document from which the pages were made."""
        self._pages: Mapping[str, SurfacePage] = {}
        self._sent_pages: Mapping[str, SurfacePage] = {}
        self._sent_rows: dict[str, int] = {}
        self._sent_about: tuple[object, ...] | None = None
        store.watch(self, wake)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self._store.refresh()
        while True:
            self._wake()
            await asyncio.sleep(TICK)

    def show(self, page: str) -> None:
        """Send the values of this page."""
        self._shown = page

    def use(self, values: ValueStore, grant: AccessGrant) -> None:
        """The token of the page has other rights now."""
        self._values, self._grant = values, grant
        self._source = None
        self._sent_rows.clear()

    def close(self) -> None:
        self._task.cancel()
        self._store.unwatch(self)

    def take(self) -> SurfaceState | None:
        store = self._store
        if not store.is_read:
            return None
        if store.document is not self._source:
            self._source = store.document
            found = map(self._visible, store.document.pages)
            self._pages = {page.id: page for page in found if page is not None}
        sent, self._sent_pages = self._sent_pages, self._pages
        changed = tuple(
            page
            for page in self._pages.values()
            if (known := sent.get(page.id)) is not page and known != page
        )
        order = None if list(sent) == list(self._pages) and self._sent_about else tuple(self._pages)
        about: tuple[str, str, tuple[str, ...]] = ("", "", ())
        if may_edit(self._grant):
            about = (store.where, store.problem, tuple(self._operations.token_names))
        rows = self._changed_rows()
        if not changed and order is None and not rows and about == self._sent_about:
            return None
        self._sent_about = about
        return SurfaceState(
            time=steady_time(),
            revision=store.document.revision,
            order=order,
            pages=changed,
            rows=rows,
            file=about[0],
            problem=about[1],
            token_names=about[2],
        )

    def _visible(self, page: SurfacePage) -> SurfacePage | None:
        """As much of a page as the token shows."""
        grant = self._grant
        if may_edit(grant):
            return page
        token = grant.token
        if page.tokens and (token is None or token.name not in page.tokens):
            return None
        shown = tuple(
            each
            for each in page.widgets
            if not each.address
            or (
                (grant.rights.addresses is None or grant.rights.may_listen(each.address))
                and (not each.target or may_reach(grant, each.target))
            )
        )
        return page.model_copy(update={"widgets": shown, "tokens": ()})

    def _changed_rows(self) -> list[ValueRow]:
        page = self._pages.get(self._shown)
        addresses = {each.address for each in page.widgets if each.address} if page else set()
        rows, scope = [], PageScope(self._grant)
        for address in addresses:
            value = self._values.get(address)
            if value is None or self._sent_rows.get(address) == value.changed:
                continue
            self._sent_rows[address] = value.changed
            rows.append(value_row(value, self._values, scope))
        for address in self._sent_rows.keys() - addresses:
            del self._sent_rows[address]
        return rows

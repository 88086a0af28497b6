"""The view Routes of one page, and the edits of all its views: their messages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from oscbridge import AccessGrant, TokenBucket
from oscbridge.monitoring import Operations
from oscbridge_ui.editing.messages import (
    CheckEdit,
    ReadConfiguration,
    ReadSchema,
    SaveEdit,
    UndoEdit,
    WatchRoutes,
)
from oscbridge_ui.editing.routes_feed import RoutesFeed, RoutesTopic
from oscbridge_ui.editing.session import EditingSession, Request
from oscbridge_ui.editing.trial import DraftTrial
from oscbridge_ui.page_view import PageHandle, PageView

__all__ = ["EditingView"]

RATE: Final = 30.0
"""Messages per second, on average over a second; a page that sends more waits."""

TOPIC: Final = "routes"

_log: Final = logging.getLogger(__name__)


class EditingView(PageView):
    """Answers edits in order, and watches the last messages of routes."""

    def __init__(self, page: PageHandle, routes: RoutesFeed, operations: Operations) -> None:
        self._page = page
        self._routes = routes
        self._bucket = TokenBucket(RATE, RATE, time.monotonic)
        trial = DraftTrial(routes.values)
        self._session = EditingSession(operations, page.grant, page.answer, trial, _log)

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (ReadConfiguration, ReadSchema, CheckEdit, SaveEdit, UndoEdit, WatchRoutes)

    async def take(self, message: BaseModel) -> None:
        if wait := self._bucket.take(1):
            await asyncio.sleep(wait)
        if isinstance(message, Request):
            self._session.add(message)
        elif (grant := self._page.grant()) is not None:
            self._watch(grant)

    def access_changed(self, grant: AccessGrant) -> None:
        if self._page.topic(TOPIC) is not None:
            self._watch(grant)

    def close(self) -> None:
        self._session.close()

    def _watch(self, grant: AccessGrant) -> None:
        topic = RoutesTopic(self._routes, self._page.wake, grant.rights.may_listen)
        self._page.watch(TOPIC, topic)

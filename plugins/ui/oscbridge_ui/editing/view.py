"""The view Routes of one page, and all its edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from pydantic import BaseModel

from oscbridge import AccessGrant
from oscbridge_ui.editing.messages import WatchRoutes
from oscbridge_ui.editing.routes_feed import RoutesTopic
from oscbridge_ui.editing.session import EditingSession, Request
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.server_messages import Refused
from oscbridge_ui.visibility import LIMITED, is_limited
from oscbridge_ui.watching import WATCHES

__all__ = ["EditingView"]


class EditingView(PacedView):
    """Answers requests about the configuration, and shows the last messages of routes."""

    def __init__(self, page: PageHandle, feeds: Feeds) -> None:
        super().__init__(page, WATCHES)
        self._feeds = feeds
        self._session = EditingSession(feeds.operations, page.grant, page.answer, feeds.trial)

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (*get_args(Request), WatchRoutes)

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        if isinstance(message, WatchRoutes):
            self._watch(grant)
        elif isinstance(message, Request):
            self._session.add(message)

    def _watch(self, grant: AccessGrant) -> None:
        if is_limited(grant):  # the messages of a route, and what it makes of them, show more
            self._page.end("routes")
            self._page.answer(Refused(topic="routes", reason=LIMITED))
            return
        self._page.watch("routes", RoutesTopic(self._feeds.routes, self._page.wake))

    def access_changed(self, grant: AccessGrant) -> None:
        if self._page.topic("routes") is not None:
            self._watch(grant)

    def close(self) -> None:
        self._session.close()

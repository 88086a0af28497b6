"""All views of a page, and which of them serves a message."""

from __future__ import annotations

from pydantic import BaseModel

from oscbridge import AccessGrant
from oscbridge_ui.devices.view import DevicesView
from oscbridge_ui.editing.view import EditingView
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.learning.view import LearningView
from oscbridge_ui.page_view import PageHandle, PageView
from oscbridge_ui.recording.view import RecordView
from oscbridge_ui.surface.view import SurfaceView
from oscbridge_ui.watching import WatchingView

__all__ = ["PageViews"]


class PageViews:
    """The views of one page."""

    def __init__(self, page: PageHandle, feeds: Feeds) -> None:
        self._all: tuple[PageView, ...] = (
            WatchingView(page, feeds),
            SurfaceView(page, feeds.surface, feeds.operations),
            EditingView(page, feeds),
            LearningView(page, feeds.operations),
            DevicesView(page, feeds.operations),
            RecordView(page, feeds.deck, feeds.operations),
        )
        self._by_type = {kind: view for view in self._all for kind in view.messages}

    async def take(self, message: BaseModel) -> None:
        """Handle a message; further ones of the page wait meanwhile."""
        if (view := self._by_type.get(type(message))) is not None:
            await view.take(message)

    def access_changed(self, grant: AccessGrant) -> None:
        """A reload has changed the access of the page."""
        for view in self._all:
            view.access_changed(grant)

    def close(self) -> None:
        """The page is gone."""
        for view in self._all:
            view.close()

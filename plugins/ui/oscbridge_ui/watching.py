"""The topics that a page watches: the parts, the log, the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from oscbridge import AccessGrant
from oscbridge_ui.client_messages import Unwatch, WatchLog, WatchNow, WatchValues
from oscbridge_ui.feeds import Feeds
from oscbridge_ui.log_feed import LogTopic
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.scope import PageScope
from oscbridge_ui.server_messages import Refused
from oscbridge_ui.status_feed import NowTopic, PulseTopic
from oscbridge_ui.values_feed import ValuesTopic
from oscbridge_ui.visibility import LIMITED, is_limited

__all__ = ["WATCHES", "WatchingView"]

WATCHES: Final = 60.0
"""Messages per second, on average over a second; a page that sends more waits."""


class WatchingView(PacedView):
    """Begins and ends topics."""

    def __init__(self, page: PageHandle, feeds: Feeds) -> None:
        super().__init__(page, WATCHES)
        self._feeds = feeds

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (WatchNow, WatchLog, WatchValues, Unwatch)

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        page = self._page
        match message:
            case WatchNow():
                now = page.topic("now")
                if not isinstance(now, NowTopic) or not message.part:
                    now = NowTopic(self._feeds.status, PageScope(grant), page.wake)
                    page.watch("now", now)
                now.show(message.part)
            case WatchLog() if not is_limited(grant):
                page.watch("log", LogTopic(self._feeds.events, page.wake, message.after))
            case WatchLog():
                page.answer(Refused(topic="log", reason=LIMITED))
            case WatchValues():
                topic = page.topic("values")
                if not isinstance(topic, ValuesTopic):
                    topic = ValuesTopic(page.values(), PageScope(grant), page.wake)
                    page.watch("values", topic)
                topic.watch(message)
                page.wake()
            case Unwatch():
                page.end(message.topic)

    def access_changed(self, grant: AccessGrant) -> None:
        page, scope = self._page, PageScope(grant)
        page.watch("pulse", PulseTopic(self._feeds.status, scope, page.wake))
        if page.topic("now") is not None:
            page.watch("now", NowTopic(self._feeds.status, scope, page.wake))
        topic = page.topic("values")
        if isinstance(topic, ValuesTopic):
            topic.use(page.values(), scope)
        if scope.is_limited:
            page.end("log")

"""The part of a connection that serves one view of a page."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from oscbridge import AccessGrant, TokenBucket
from oscbridge_ui.topic import Topic
from oscbridge_ui.value_store import ValueStore

__all__ = ["PacedView", "PageHandle", "PageView"]


class PageHandle(NamedTuple):
    """What the views of a page use of its connection."""

    grant: Callable[[], AccessGrant | None]
    """Its access now; None once it has lost it."""
    answer: Callable[[BaseModel], None]
    """Sends a message, after those that wait."""
    watch: Callable[[str, Topic], None]
    """Sends what a topic takes, from now on; it replaces the one with the same name."""
    end: Callable[[str], None]
    """Ends a topic."""
    topic: Callable[[str], Topic | None]
    """The topic with a name."""
    values: Callable[[], ValueStore]
    """The values that its access shows."""
    wake: Callable[[], None]
    """Makes the connection ask its topics."""


class PageView(ABC):
    """Serves the messages of one view. On the event loop, one message after another."""

    @property
    @abstractmethod
    def messages(self) -> Sequence[type[BaseModel]]:
        """The types of its messages."""

    @abstractmethod
    async def take(self, message: BaseModel) -> None:
        """Handle a message. Further ones of the page wait meanwhile, and access may change."""

    def access_changed(self, grant: AccessGrant) -> None:  # noqa: B027
        """The page has got access, or a reload has changed it. Nothing by default."""

    def close(self) -> None:  # noqa: B027
        """The page is gone. Nothing by default."""


class PacedView(PageView):
    """A view of a page that waits above a rate of messages."""

    def __init__(self, page: PageHandle, rate: float) -> None:
        """``rate`` is in messages per second, on average over a second."""
        self._page = page
        self._bucket = TokenBucket(rate, rate, time.monotonic)

    async def take(self, message: BaseModel) -> None:
        if wait := self._bucket.take(1):
            await asyncio.sleep(wait)
        grant = self._page.grant()
        if grant is not None:
            await self.handle(message, grant)

    @abstractmethod
    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        """Handle a message of a page with this access."""

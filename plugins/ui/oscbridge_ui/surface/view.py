"""The messages of the view Surface, of one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from oscbridge import AccessGrant, OSCBridgeError
from oscbridge.monitoring import Operations
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.server_messages import Answer
from oscbridge_ui.surface.edits import read_edits
from oscbridge_ui.surface.messages import EditSurface, WatchSurface
from oscbridge_ui.surface.store import SurfaceStore
from oscbridge_ui.surface.topic import SurfaceTopic
from oscbridge_ui.visibility import is_limited

__all__ = ["SurfaceView"]

EDITS: Final = 30.0
"""Messages per second, on average over a second. A page waits above it."""

LIMITED: Final = "this token is limited to some addresses or endpoints; the surface contains others"


class SurfaceView(PacedView):
    """Shows and edits the surface."""

    def __init__(self, page: PageHandle, store: SurfaceStore, operations: Operations) -> None:
        super().__init__(page, EDITS)
        self._store = store
        self._operations = operations

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (WatchSurface, EditSurface)

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        match message:
            case WatchSurface():
                self._watch(message.page, grant)
            case EditSurface():
                error = ""
                try:
                    await self._edit(message, grant)
                except OSCBridgeError as found:
                    error = str(found)
                self._page.answer(Answer(id=message.id, error=error, text=""))

    def _watch(self, page: str, grant: AccessGrant) -> None:
        topic = self._page.topic("surface")
        if not isinstance(topic, SurfaceTopic):
            topic = SurfaceTopic(
                self._store, self._page.values(), self._operations, grant, self._page.wake
            )
            self._page.watch("surface", topic)
        topic.show(page)
        self._page.wake()

    async def _edit(self, message: EditSurface, grant: AccessGrant) -> None:
        """Raises :class:`OSCBridgeError`."""
        if (denied := grant.without("configure")) is not None:
            raise OSCBridgeError(denied.reason)
        if is_limited(grant):
            raise OSCBridgeError(LIMITED)
        await self._store.edit(read_edits(message.edits))

    def access_changed(self, grant: AccessGrant) -> None:
        topic = self._page.topic("surface")
        if isinstance(topic, SurfaceTopic):
            topic.use(self._page.values(), grant)

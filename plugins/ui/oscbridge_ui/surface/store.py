"""The surface of a process: edits in order, kept in its file, shown to all pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from oscbridge import OSCBridgeError
from oscbridge_ui.surface.edits import SurfaceEdit, edited
from oscbridge_ui.surface.file import SurfaceFile
from oscbridge_ui.surface.models import SurfaceDocument

__all__ = ["SurfaceStore"]


class SurfaceStore:
    """On the event loop; the file is read when a page shows the surface."""

    def __init__(self, file: SurfaceFile) -> None:
        self._file = file
        self._watchers: dict[object, Callable[[], None]] = {}
        self._lock = asyncio.Lock()
        self._saving: asyncio.Task[None] | None = None
        self._edits = self._kept = 0
        """Edits that were made, and how many of them the file has, unless it cannot be written."""
        self.document = SurfaceDocument()
        self.is_read = False
        self.problem = ""
        """Why it is not kept; empty if it is."""

    @property
    def where(self) -> str:
        """The name of its file."""
        return str(self._file.path)

    def watch(self, watcher: object, changed: Callable[[], None]) -> None:
        """Call a function after each change."""
        self._watchers[watcher] = changed

    def unwatch(self, watcher: object) -> None:
        """End that."""
        self._watchers.pop(watcher, None)

    async def refresh(self) -> None:
        """Read the file, if it is new or another program has written it."""
        async with self._lock:
            await self._refresh()

    async def edit(self, edits: Sequence[SurfaceEdit]) -> None:
        """Make edits, all or none, show them, and keep them.

        Raises :class:`ConfigurationError` for one that is not possible, and
        :class:`OSCBridgeError` if they cannot be kept; then they are shown all the same.
        """
        async with self._lock:
            await self._refresh()
            self.document = edited(self.document, edits)
            self._edits += 1
            number = self._edits
            self._tell()
        await self._keep(number)

    async def close(self) -> None:
        """Wait until everything is kept."""
        with suppress(OSCBridgeError):  # whoever made the edit knows
            await self._keep(self._edits)

    async def _refresh(self) -> None:
        if self._kept < self._edits:
            return  # the file is older than the pages here
        if self.is_read and not await asyncio.to_thread(self._file.has_changed):
            return
        try:
            self.document = await asyncio.to_thread(self._file.read)
            self.problem = ""
        except OSCBridgeError as error:
            self.problem = str(error)
        self.is_read = True
        self._tell()

    async def _keep(self, edits: int) -> None:
        """Wait until so many edits are in the file.

        Raises :class:`OSCBridgeError` if it cannot be written.
        """
        while self._kept < edits:
            if self._saving is None or self._saving.done():  # it was cancelled
                self._saving = asyncio.create_task(self._write())
            await asyncio.wait([self._saving])
        if self.problem:
            raise OSCBridgeError(f"shown, but not kept: {self.problem}")

    async def _write(self) -> None:
        """Write the file; edits that come meanwhile are written together, afterwards."""
        document, edits, problem = self.document, self._edits, ""
        try:
            await asyncio.to_thread(self._file.write, document)
        except Exception as error:
            problem = str(error) or type(error).__name__
        self._kept = edits
        self._saving = asyncio.create_task(self._write()) if edits < self._edits else None
        if problem != self.problem:
            self.problem = problem
            self._tell()

    def _tell(self) -> None:
        for changed in tuple(self._watchers.values()):
            changed()

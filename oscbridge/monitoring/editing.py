"""Edits the configuration of a running process: checks, saves and reloads it, and undoes that."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from oscbridge.bridge.app import App
from oscbridge.bridge.config.configuration_source import ConfigurationSource
from oscbridge.bridge.config.editing.draft import ConfigurationDraft, difference
from oscbridge.bridge.config.editing.edits import Edit, EditingClient, EditRefused
from oscbridge.bridge.config.editing.form_schema import JSONDocument, editing_schema
from oscbridge.bridge.config.editing.history import SavedVersion
from oscbridge.bridge.config.editing.store import ConfigurationStore
from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.bridge.reload import Changes
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.monitoring.editing_views import (
    CheckedEdit,
    ConfigurationView,
    SavedEdit,
    VersionView,
    view_of,
)

__all__ = ["ConfigurationEditor"]

MAX_WAITING: Final = 8
"""Checks and saves that wait for the one that runs."""

SAVE_INTERVAL: Final = 0.5
"""Seconds between two saves: each is a reload."""

MAX_PAUSE: Final = 1.0
"""Seconds between two checks, at most; otherwise as many as the first one took."""

TIMEOUT: Final = 20.0
"""Seconds for the disk, which may be a network drive."""

MAX_SUMMARY: Final = 200
"""Characters of the summary of an edit."""

MAX_DIFF: Final = 16_384
"""Characters of the difference of a version that is shown."""

_T = TypeVar("_T")


class ConfigurationEditor:
    """The one writer of the configuration of this process. On the event loop.

    Who may use it is for the caller to decide (:func:`why_not_edit`); what may be edited is
    decided here, by the configuration before and after.
    """

    def __init__(
        self,
        app: App,
        source: ConfigurationSource,
        reload: Callable[[], Awaitable[Changes]],
        file_created: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.source = source
        self._file_created = file_created
        self._app = app
        self._reload = reload
        self._store = ConfigurationStore(source, lambda kind, key: self.devices(kind, key))
        self.devices: Callable[[str, str], Collection[str]] = lambda _type, _key: ()
        """Names the devices that a key of an endpoint type may name from a browser."""
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._schemas: dict[bool, JSONDocument] = {}
        self._next_save = self._next_check = 0.0
        self._tasks: set[asyncio.Future[Any]] = set()

    @property
    def allow_code(self) -> bool:
        """Whether a browser may edit everything."""
        http = self._app.configuration.http
        return http is not None and http.allow_code

    async def schema(self) -> JSONDocument:
        """The JSON Schema of the configuration; ``readOnly`` marks what only the file may set."""
        async with self._turn():
            allow = self.allow_code
            if allow not in self._schemas:
                make = partial(editing_schema, self.source.types, allow_code=allow)
                self._schemas[allow] = await _in_thread(make)
            return self._schemas[allow]

    async def read(self) -> ConfigurationView:
        """The configuration on disk. Raises :class:`OSCBridgeError`."""
        async with self._turn():
            return await _in_thread(self._view)

    async def check(
        self, edits: Sequence[Edit], base: str, client: EditingClient | None = None
    ) -> CheckedEdit:
        """Check edits of a version of the files; nothing is changed. Raises OSCBridgeError.

        Later edits of ``client`` may contain what stands for the secrets of its last check.
        """
        async with self._turn():
            loop = asyncio.get_running_loop()
            await asyncio.sleep(max(0.0, self._next_check - loop.time()))
            began = loop.time()
            try:
                return await _in_thread(partial(self._check, edits, base, client))
            finally:  # the messages have at least half of the time
                self._next_check = loop.time() + min(loop.time() - began, MAX_PAUSE)

    async def save(
        self,
        edits: Sequence[Edit],
        base: str,
        summary: str,
        client: EditingClient | None = None,
    ) -> SavedEdit:
        """Make edits, and reload. If that fails, the files are restored.

        Raises :class:`EditRefused`, :class:`EditConflict`, :class:`NotWritable`,
        :class:`ConfigurationError` or another :class:`OSCBridgeError`. It runs to its end also
        if the caller is cancelled.
        """
        return await self._to_the_end(self._save(edits, base, summary[:MAX_SUMMARY], client))

    async def undo(self, number: int | None = None, *, and_later: bool = False) -> SavedEdit:
        """Undo a saved edit, by default the last one; with ``and_later`` those after it too.

        Raises as :meth:`save` does.
        """
        store, allow = self._store, self.allow_code
        make = partial(store.undone, number, and_later=and_later, allow_code=allow)
        return await self._to_the_end(self._step(make, undone=True))

    async def redo(self, number: int | None = None) -> SavedEdit:
        """Make an edit again that was undone, by default the one that was undone last.

        Raises as :meth:`save` does.
        """
        make = partial(self._store.redone, number, allow_code=self.allow_code)
        return await self._to_the_end(self._step(make, undone=False))

    async def history(self) -> Sequence[VersionView]:
        """The saved edits, the newest first. Raises :class:`OSCBridgeError`."""
        async with self._turn():
            return await _in_thread(self._versions)

    # --- one at a time ------------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise OSCBridgeError("too many edits at once; try again in a moment")
        self._waiting += 1
        try:
            async with self._lock:
                yield
        finally:
            self._waiting -= 1

    async def _to_the_end(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, in case nobody waits for it

    async def _save(
        self, edits: Sequence[Edit], base: str, summary: str, client: EditingClient | None
    ) -> SavedEdit:
        async with self._turn():
            allow = self.allow_code
            draft, is_merged = await _in_thread(
                partial(self._store.draft, edits, base, allow_code=allow, client=client)
            )
            self._raise_problems(draft)
            if not draft.changed:
                same = draft.after.version
                return SavedEdit("nothing has changed", (), "", same, is_merged, 0)
            is_new = self.source.file is None
            await self._pause()
            version = await _in_thread(partial(self._store.write, draft, summary))
            return await self._apply(draft, version, is_new=is_new, is_merged=is_merged)

    async def _step(
        self,
        make: Callable[[], tuple[ConfigurationDraft, Sequence[SavedVersion]]],
        *,
        undone: bool,
    ) -> SavedEdit:
        """Undo or redo versions."""
        async with self._turn():
            draft, versions = await _in_thread(make)
            self._raise_problems(draft)
            is_new = self.source.file is None
            await self._pause()
            await _in_thread(partial(self._store.write, draft, None))
            saved = await self._apply(draft, None, is_new=is_new, is_merged=False)
            await _in_thread(partial(self._store.mark, versions, undone=undone))
            return saved

    async def _pause(self) -> None:
        """Wait until the next save may be made."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next_save - loop.time()))
        self._next_save = loop.time() + SAVE_INTERVAL

    async def _apply(
        self,
        draft: ConfigurationDraft,
        version: SavedVersion | None,
        *,
        is_new: bool,
        is_merged: bool,
    ) -> SavedEdit:
        """Reload the written files; restore the files if that fails."""
        try:
            changes = await self._reload()
        except BaseException as error:
            problem = ""
            if is_new:
                await _in_thread(partial(self._store.remove_new, draft, version))
            else:
                problem = await _in_thread(partial(self._store.restore, draft, version))
            if not isinstance(error, OSCBridgeError):
                raise
            end = f"the file could not be restored: {problem}" if problem else "nothing is changed"
            raise OSCBridgeError(self._store.masks.hide(f"{error}; {end}")) from None
        if is_new:
            self._file_created(self.source.name)
        hide = self._store.masks.hide
        problems = tuple(map(hide, changes.problems))
        diff = self._difference(draft.before.texts, draft.changed)
        text = hide(str(changes))
        number = 0 if version is None else version.number
        return SavedEdit(text, problems, diff, draft.after.version, is_merged, number)

    def _raise_problems(self, draft: ConfigurationDraft) -> None:
        hide = self._store.masks.hide
        if draft.refused:
            raise EditRefused(hide("\n".join(draft.refused)))
        if draft.problems:
            lines = [f"{each.file}: {each.text}".removeprefix(": ") for each in draft.problems]
            raise ConfigurationError(hide("\n".join(lines)))

    # --- on a thread --------------------------------------------------------------------------

    def _check(self, edits: Sequence[Edit], base: str, client: EditingClient | None) -> CheckedEdit:
        draft, is_merged = self._store.draft(edits, base, allow_code=self.allow_code, client=client)
        masks = self._store.masks
        return CheckedEdit(
            refused=tuple(map(masks.hide, draft.refused)),
            problems=[
                each._replace(text=masks.hide(each.text), brief=masks.hide(each.brief))
                for each in draft.problems
            ],
            warnings=tuple(map(masks.hide, draft.warnings)),
            diff=self._difference(draft.before.texts, draft.changed),
            merged=is_merged,
            texts={name: masks.hide_in_toml(text) for name, text in draft.changed.items()},
            configuration=draft.configuration,
        )

    def _difference(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """The difference of texts by the names of their files, without secrets."""
        hide = self._store.masks.hide_in_toml
        old = {name: hide(before[name]) for name in after if name in before}
        return difference(old, {name: hide(text) for name, text in after.items()})

    def _view(self) -> ConfigurationView:
        is_built_in = self.source.file is None
        document = self._store.read()
        return view_of(
            document,
            self._store.masks,
            self._versions(),
            built_in=is_built_in,
            allow_code=self.allow_code,
        )

    def _versions(self) -> Sequence[VersionView]:
        return [self._version(each) for each in reversed(self._store.history.read())]

    def _version(self, version: SavedVersion) -> VersionView:
        diff = self._difference(version.before, version.after)
        return VersionView(
            version.number, version.time, version.summary, version.undone, diff[:MAX_DIFF]
        )


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run on a thread. Raises :class:`OSCBridgeError` if the disk does not answer in time."""
    try:
        async with asyncio.timeout(TIMEOUT):
            return await in_daemon_thread(work, "edit configuration")
    except TimeoutError:
        raise OSCBridgeError(f"the disk has not answered within {TIMEOUT:g} s") from None

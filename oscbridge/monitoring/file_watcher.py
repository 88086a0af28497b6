"""``[run] watch``: reloads when a file of the configuration changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from oscbridge.bridge.cancellation import is_ending
from oscbridge.bridge.config.used_files import UsedFiles
from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.errors import OSCBridgeError
from oscbridge.failures import failure_text

__all__ = ["FileWatcher"]

QUIET: Final = 0.2
"""Seconds in which nothing changes before a change is complete."""

MISSING_TIMEOUT: Final = 2.0
"""Seconds after which a missing file is gone, and a file that keeps changing is read."""

LOOK_AGAIN: Final = 5.0
"""Seconds between looks at the files themselves: network drives and bind mounts may report no
changes."""

MAX_GROUPED: Final = 1.0
"""Seconds for which changes are collected while others follow, at most."""

RETRY: Final = 5.0
"""Seconds after which watching is tried again, if the system refuses it."""

MAX_SHOWN: Final = 5
"""Changed files that are logged, at most."""

_log: Final = logging.getLogger("oscbridge")


class FileWatcher:
    """Watches the files of a configuration until it is stopped. On the event loop.

    ``look`` reads them, and may block; ``reload`` is called when they have changed. ``known`` are
    the files that the running configuration was read from, so that no change since then is missed.
    """

    def __init__(
        self,
        look: Callable[[], UsedFiles],
        reload: Callable[[], Awaitable[object]],
        known: UsedFiles | None = None,
    ) -> None:
        self._look = partial(in_daemon_thread, look, "look at configuration files")
        self._reload = reload
        self._known = known
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop watching. A reload in progress is cancelled."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Watch, also after a failure: the system may have had no thread left for a moment."""
        while True:
            try:
                await self._watch()
            except BaseException as error:
                if is_ending(error):
                    raise
                text = "watching files failed: %s; it continues in %g s"
                _log.error(text, failure_text(error), RETRY, exc_info=error)
            await asyncio.sleep(RETRY)

    async def _watch(self) -> None:
        if self._known is None:
            self._known = await self._look()
        count = len(self._known.contents)
        _log.info("watching %d %s for changes", count, "file" if count == 1 else "files")
        has_failed = False
        while True:
            try:
                await self._wait_for_change(self._known)
                has_failed = False
            except Exception as error:  # watchfiles raises its own and the system's
                # The files are looked at all the same, so this does not make it unready.
                _log.log(
                    logging.DEBUG if has_failed else logging.WARNING,
                    "cannot watch files: %s; looking at them every %g s", error, RETRY,
                )  # fmt: skip
                has_failed = True
                await asyncio.sleep(RETRY)
            now = await self._settled(self._known)
            changed = now.changed_since(self._known)
            self._known = now
            if changed:
                _log.info("%s; reloading", _text(changed))
                with suppress(OSCBridgeError):  # already logged
                    await self._reload()

    async def _wait_for_change(self, known: UsedFiles) -> None:
        """Wait until a file may have changed."""
        # It logs each event, also that its own log line was written to a file in such a folder.
        logging.getLogger("watchfiles").setLevel(logging.WARNING)
        awatch = (await asyncio.to_thread(import_module, "watchfiles")).awatch  # loads slowly
        events = awatch(
            *known.folders,
            watch_filter=None,
            debounce=int(MAX_GROUPED * 1_000),
            rust_timeout=int(LOOK_AGAIN * 1_000),
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        first = asyncio.ensure_future(anext(events))
        try:
            await asyncio.sleep(0)  # now it watches; what has changed before?
            states = await self._states(known)
            if await self._look() != known:
                return
            await first
            # Most events are about other files in the same folders.
            while await self._states(known) == states:
                await anext(events)
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await events.aclose()

    async def _states(self, known: UsedFiles) -> object:
        return await in_daemon_thread(known.states, "look at configuration files")

    async def _settled(self, known: UsedFiles) -> UsedFiles:
        """The files when nothing changes any more and none is missing, or after a time-out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MISSING_TIMEOUT
        now = await self._look()
        while now != known and loop.time() < deadline:
            await asyncio.sleep(QUIET)
            before, now = now, await self._look()
            if now == before and not now.lacks_any_of(known):
                break
        return now


def _text(changed: list[Path]) -> str:
    names = ", ".join(map(str, changed[:MAX_SHOWN]))
    more = f" and {len(changed) - MAX_SHOWN} more" if len(changed) > MAX_SHOWN else ""
    return f"{names}{more} changed"

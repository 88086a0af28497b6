"""The whole process: the running system, its monitoring, and reloads."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.configuration_source import ConfigurationSource
from oscbridge.bridge.config.error_excerpt import is_excerpt
from oscbridge.bridge.config.used_files import UsedFiles
from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.bridge.reload import Changes, has_port_of
from oscbridge.bridge.variable_store import VariableStore
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.logs.setup import flush_log
from oscbridge.monitoring.control_server import ControlServer
from oscbridge.monitoring.file_watcher import FileWatcher
from oscbridge.monitoring.hidden_tasks import list_task
from oscbridge.monitoring.http_service import HTTPService
from oscbridge.monitoring.loop_watchdog import LoopWatchdog
from oscbridge.monitoring.operations import Operations
from oscbridge.monitoring.site_urls import site_url
from oscbridge.plugins.manager import Plugin
from oscbridge.status.status import Reloads

__all__ = ["Service"]

READ_TIMEOUT: Final = 10.0
"""Seconds to read a configuration, which may be on a network drive."""

MAX_READING: Final = 8
"""Maximum number of threads waiting for the disk, each for a reload that timed out."""

LOOK_INTERVAL: Final = 1.0
"""Seconds between checks of overdue log summaries."""

_log: Final = logging.getLogger(__name__)


class Service:
    """Runs an :class:`App` with its monitoring, and reloads it.

    ``read`` reads the configuration again and raises :class:`ConfigurationError`. ``name`` is
    the human-readable name of the configuration. ``files`` finds its files, to watch them;
    ``known`` are those that the configuration of ``app`` was read from. ``changed_plugins`` names
    the files in a folder of plugins that have changed since they were loaded; it may block.
    ``sites`` are the pages that plugins offer (``oscbridge_sites``); they can edit ``source``;
    ``plugins`` are all plugins, broken ones included.
    """

    def __init__(
        self,
        app: App,
        read: Callable[[], Configuration],
        name: str,
        files: Callable[[], UsedFiles] | None = None,
        known: UsedFiles | None = None,
        *,
        changed_plugins: Callable[[Path | None], list[str]] = lambda _folder: [],
        sites: Mapping[str, str] | None = None,
        source: ConfigurationSource | None = None,
        plugins: Sequence[Plugin] = (),
    ) -> None:
        self.app = app
        self._read = read
        self._files = files
        self._known = known
        self._changed_plugins = changed_plugins
        self.restorers: list[Callable[[], None]] = []
        """Called in turn, one per second: each undoes what plugins have done to the process."""
        self._watcher: FileWatcher | None = None
        self.operations = Operations(app, self.reload, name, source)
        """What can be seen and done in this process."""
        self.operations.devices.plugins = plugins
        self.http = HTTPService(
            self.operations.status,
            lambda: self._reloads,
            app.token_failures,
            self.operations,
            sites,
        )
        """The server of ``[http]``."""
        app.site_link.find = partial(site_url, self.http)
        self._store = VariableStore(app.variables)
        self._control = ControlServer(self.operations)
        self._looking: asyncio.Task[None] | None = None
        self._watchdog: LoopWatchdog | None = None
        self._reading: set[asyncio.Task[Configuration]] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._asked = False
        """Whether :meth:`request_reload` was called since the file was read."""
        self._stopping = False
        self._one_at_a_time = asyncio.Lock()
        self._reporter = RateLimitedLog(_log)
        self._reloads = Reloads()

    @property
    def http_address(self) -> str:
        """URL of health and metrics; empty if they are not served."""
        return self.http.address

    async def start(self) -> None:
        """Start everything. Raises :class:`OSCBridgeError` with everything closed again."""
        async with self._one_at_a_time:  # a reload requested now runs afterwards
            try:
                self.operations.events.attach()
                self._begin_looking()
                self.http.set_tokens(self.app.configuration.tokens)
                await self.http.open(self.app.configuration.http)
                await self._store.open(self.app.configuration.state_file)
                await self.app.start()
                await self._control.start()
                self.operations.started()
                self.http.bridge_started()
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Stop everything: reloads first, monitoring last."""
        self._stopping = True
        await self._watch_files(wanted=False)
        for task in (self._reloading, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._control.stop()
        await self.operations.devices.close()
        await self.app.stop()
        await self._store.close()
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None
        await self.http.close()
        self.app.flush_reports(everything=True)
        self._reporter.flush(everything=True)
        self.operations.events.detach()

    # --- reload -------------------------------------------------------------------------------

    def request_reload(self) -> None:
        """Reload in the background and log the result. On the event loop.

        The current content of the file will be active: a reload in progress is followed by
        another one.
        """
        self._asked = True
        if not self._stopping and (self._reloading is None or self._reloading.done()):
            self._reloading = asyncio.create_task(self._reload_as_asked())

    async def _reload_as_asked(self) -> None:
        while self._asked:
            with suppress(OSCBridgeError):  # already logged
                await self.reload()

    async def reload(self) -> Changes:
        """Read the configuration again and apply the changes.

        Raises :class:`OSCBridgeError` if it is invalid or cannot be applied; the previous
        configuration then stays active.
        """
        async with self._one_at_a_time:
            self._asked = False
            try:
                changes = await self._reload()
            except OSCBridgeError as error:
                self._refused(str(error))
                raise
            except Exception as error:
                self._refused(f"failed with {error!r}", error)
                raise OSCBridgeError(f"the reload failed with {error!r}") from error
            changes = replace(changes, plugin_files=await self._look_at_plugins())
            await self._store.open(self.app.configuration.state_file, load=False)
            self.http.set_tokens(self.app.configuration.tokens)
            self._reloads = self._reloads._replace(applied=self._reloads.applied + 1)
            _log.info("reloaded %s: %s", self.operations.info.configuration, changes)
            for problem in changes.problems:
                _log.error("%s", problem)
            return changes

    def _refused(self, text: str, error: Exception | None = None) -> None:
        self._reloads = self._reloads._replace(refused=self._reloads.refused + 1)
        for line in text.splitlines():
            if is_excerpt(line):
                _log.error("%s", line)
                continue
            _log.error(
                "reload rejected; still running the previous configuration: %s",
                line,
                exc_info=error,
            )

    async def _reload(self) -> Changes:
        if self._stopping:
            raise OSCBridgeError("the bridge is stopping")
        old, new = self.app.configuration, await self._read_again()
        if new.run.watch and not old.run.watch and self._files is not None:
            self._known = await in_daemon_thread(self._files, "look at configuration files")
            new = await self._read_again()  # what changes from here on is noticed
        if (old.bridges or old.endpoints) and not (new.bridges or new.endpoints):
            text = "it contains neither a bridge nor an endpoint; it may be only half written"
            raise ConfigurationError(f"{self.operations.info.configuration}: {text}")
        served = self.http.options
        if self.http.can_update(new.http):
            return await self.http.update(new.http, await self.app.reload(new))
        late = new.http is not None and has_port_of(new.http, old)
        try:
            await self.http.serve(None if late else new.http)
            changes = await self.app.reload(new)
        except OSCBridgeError:
            if self.http.options != served:
                await self.http.try_to_serve(served)
            raise
        if not late:
            return changes
        problems = await self.http.try_to_serve(new.http)
        return replace(changes, problems=(*changes.problems, *problems))

    async def _look_at_plugins(self) -> tuple[str, ...]:
        """The plugin files that have changed since the start, if the disk answers in time."""
        look = partial(self._changed_plugins, self.app.configuration.run.plugins)
        with suppress(TimeoutError, OSCBridgeError):  # the check of the file reports the latter
            async with asyncio.timeout(READ_TIMEOUT):
                return tuple(await in_daemon_thread(look, "look at plugin files"))
        return ()

    async def _read_again(self) -> Configuration:
        """Raises :class:`ConfigurationError`."""
        if len(self._reading) >= MAX_READING:
            text = f"the last {MAX_READING} attempts to read it have not finished"
            raise ConfigurationError(f"{self.operations.info.configuration}: {text}")
        task = asyncio.create_task(in_daemon_thread(self._read, "read configuration"))
        self._reading.add(task)
        task.add_done_callback(self._has_read)
        done, _ = await asyncio.wait([task], timeout=READ_TIMEOUT)
        if not done:
            text = f"{self.operations.info.configuration}: cannot be read within {READ_TIMEOUT:g} s"
            raise ConfigurationError(text)
        return task.result()

    def _has_read(self, task: asyncio.Task[Configuration]) -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, in case nobody waits for it

    # --- once per second ----------------------------------------------------------------------

    async def _retry_http(self) -> None:
        """Try again as it could not be served; not during a start or a reload."""
        if not self._one_at_a_time.locked():
            async with self._one_at_a_time:
                await self.http.retry()

    def _watch_loop(self) -> None:
        """Start the watchdog, again after a reload has changed its time."""
        timeout = self.app.configuration.run.blocked_timeout
        if self._watchdog is not None and self._watchdog.timeout != timeout:
            self._watchdog.stop()
            self._watchdog = None
        if self._watchdog is None:
            self._watchdog = LoopWatchdog(timeout)

    async def _watch_files(self, *, wanted: bool) -> None:
        """Start or stop to watch. Not during a reload, which the watcher may have started."""
        if self._one_at_a_time.locked() and not self._stopping:
            return
        if self._watcher is not None and not wanted:
            watcher, self._watcher = self._watcher, None
            await watcher.stop()
            if not self._stopping:
                _log.info("no longer watching files")
        elif self._watcher is None and wanted and self._files is not None:
            self._watcher = FileWatcher(self._files, self.reload, self._known)
            self._known = None

    def _begin_looking(self) -> None:
        if not self._stopping:
            self._looking = asyncio.create_task(self._look_after())
            list_task(self._looking)
            self._looking.add_done_callback(self._looking_ended)

    def _looking_ended(self, task: asyncio.Task[None]) -> None:
        """Continue after a mistake, or after a plugin has cancelled the task: it can cancel any."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None or self._stopping:
            return
        text = f"the checks once per second ended: {failure_text(error)}; they continue"
        self._reporter.report("looking", text, level=logging.ERROR, error=error)
        asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._begin_looking)

    async def _look_after(self) -> None:
        for turn in itertools.count():
            self._watch_loop()
            is_watched = self.app.configuration.run.watch
            if is_watched != (self._watcher is not None):
                await self._watch_files(wanted=is_watched)
            if self.http.options is not None and not self.http.address:
                await self._retry_http()
            await asyncio.sleep(LOOK_INTERVAL)
            self.operations.events.attach()  # first: to restore is an event as well
            if index := turn % (len(self.restorers) + 1):
                self.restorers[index - 1]()
            else:
                await self._control.look_after()
            self.app.flush_reports()
            self._store.save()
            self.http.flush_reports()
            self._reporter.flush()
            flush_log()

"""The process as a whole: the system, what is served about it, and its reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.process_models import HTTPOptions
from oscbridge.bridge.daemon_thread import in_own_thread
from oscbridge.bridge.reload import Changes, has_port_of
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.logs.setup import flush_log
from oscbridge.monitoring.control_server import ControlServer
from oscbridge.monitoring.status import Reloads, read_status
from oscbridge.net.os_errors import what_failed

if TYPE_CHECKING:
    from oscbridge.monitoring.http_server import HTTPServer

__all__ = ["Service"]

READ_TIMEOUT: Final = 10.0
"""Seconds that reading a configuration may take: its folder may be another machine's."""

MAX_READING: Final = 8
"""Threads that may wait for the disk at once, each for one reload that was given up."""

LOOK_INTERVAL: Final = 1.0
"""Seconds between looks for reports that are overdue, and for the control socket."""

_log: Final = logging.getLogger(__name__)


class Service:
    """Runs an :class:`App`, answers about it, and reloads it.

    ``read`` reads the configuration once more, and raises :class:`ConfigurationError`.
    ``name`` is the configuration's, for people.
    """

    def __init__(self, app: App, read: Callable[[], Configuration], name: str) -> None:
        self.app = app
        self._read = read
        self._name = name
        self._http: HTTPServer | None = None
        self._serving: HTTPOptions | None = None
        """What :attr:`_http` was made from."""
        self._control = ControlServer(app, self.reload, name)
        self._looking: asyncio.Task[None] | None = None
        self._reading: set[asyncio.Task[Configuration]] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._asked = False
        """Whether :meth:`request_reload` was called since the file was read."""
        self._stopping = False
        self._one_at_a_time = asyncio.Lock()
        self._reloads = Reloads()

    @property
    def http_address(self) -> str:
        """Where health and metrics are served; nothing if they are not."""
        return "" if self._http is None else f"http://{self._http.address}"

    async def start(self) -> None:
        """Start everything. Raises :class:`OSCBridgeError` with everything closed again."""
        async with self._one_at_a_time:  # a reload that is asked for now comes after it
            try:
                self._looking = asyncio.create_task(self._look_after())
                await self._serve_http(self.app.configuration.http)
                await self.app.start()
                await self._control.start()
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Stop everything: first what may reload it, last what tells how it is."""
        self._stopping = True
        for task in (self._reloading, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._control.stop()
        await self.app.stop()
        await self._serve_http(None)
        self.app.flush_reports(everything=True)

    # --- reload ------------------------------------------------------------------------------

    def request_reload(self) -> None:
        """Reload in the background; what comes of it is logged. On the loop.

        Whatever the file holds by now will be in force: if one goes on, another comes after it.
        """
        self._asked = True
        if not self._stopping and (self._reloading is None or self._reloading.done()):
            self._reloading = asyncio.create_task(self._reload_as_asked())

    async def _reload_as_asked(self) -> None:
        while self._asked:
            with suppress(OSCBridgeError):  # it is in the log
                await self.reload()

    async def reload(self) -> Changes:
        """Read the configuration again, and change what is another in it.

        Raises :class:`OSCBridgeError` when it is bad or cannot be; then all goes on as it was.
        """
        async with self._one_at_a_time:
            self._asked = False
            try:
                changes = await self._reload()
            except OSCBridgeError as error:
                self._refused(str(error))
                raise
            except Exception as error:
                self._refused(f"it failed with {error!r}", error)
                raise OSCBridgeError(f"the reload failed with {error!r}") from error
            self._reloads = self._reloads._replace(applied=self._reloads.applied + 1)
            _log.info("reloaded %s: %s", self._name, changes)
            for problem in changes.problems:
                _log.error("%s", problem)
            return changes

    def _refused(self, text: str, error: Exception | None = None) -> None:
        self._reloads = self._reloads._replace(refused=self._reloads.refused + 1)
        for line in text.splitlines():
            _log.error("reload refused, all goes on as it was: %s", line, exc_info=error)

    async def _reload(self) -> Changes:
        if self._stopping:
            raise OSCBridgeError("the bridge is being stopped")
        old, new = self.app.configuration, await self._read_again()
        if (old.bridges or old.endpoints) and not (new.bridges or new.endpoints):
            text = "there is neither a bridge nor an endpoint in it; is it only half written?"
            raise ConfigurationError(f"{self._name}: {text}")
        served = self._serving
        if new.http == served:
            return await self.app.reload(new)
        late = new.http is not None and has_port_of(new.http, old)
        try:
            await self._serve_http(None if late else new.http)
            changes = await self.app.reload(new)
        except OSCBridgeError:
            await self._try_to_serve_http(served)
            raise
        if not late:
            return changes
        problems = await self._try_to_serve_http(new.http)
        return replace(changes, problems=(*changes.problems, *problems))

    async def _read_again(self) -> Configuration:
        """Raises :class:`ConfigurationError`."""
        if len(self._reading) >= MAX_READING:
            text = f"{self._name}: the last {MAX_READING} times to read it have not ended yet"
            raise ConfigurationError(text)
        task = asyncio.create_task(in_own_thread(self._read, "read configuration"))
        self._reading.add(task)
        task.add_done_callback(self._has_read)
        done, _ = await asyncio.wait([task], timeout=READ_TIMEOUT)
        if not done:
            text = f"{self._name}: it cannot be read within {READ_TIMEOUT:g} s"
            raise ConfigurationError(text)
        return task.result()

    def _has_read(self, task: asyncio.Task[Configuration]) -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()  # maybe nobody waits for it any more

    # --- what is served about it -------------------------------------------------------------

    async def _serve_http(self, options: HTTPOptions | None) -> None:
        """Serve health and metrics there, or nowhere. Raises :class:`OSCBridgeError`."""
        server, self._http, self._serving = self._http, None, None
        if server is not None:
            await server.stop()
        if options is None:
            return
        # Loaded where it is wanted, and off the loop: it takes a while.
        module = await asyncio.to_thread(import_module, "oscbridge.monitoring.http_server")
        server = cast(
            "HTTPServer",
            module.HTTPServer(
                options.listen,
                lambda: read_status(self.app),
                hosts=options.hosts,
                reloads=lambda: self._reloads,
            ),
        )
        try:
            await server.start()
        except OSError as error:
            raise OSCBridgeError(f"http: {options.listen}: {what_failed(error)}") from error
        self._http, self._serving = server, options

    async def _try_to_serve_http(self, options: HTTPOptions | None) -> tuple[str, ...]:
        """The same where it is too late to refuse anything. What is wrong, if anything."""
        try:
            await self._serve_http(options)
        except OSCBridgeError as error:  # somebody was quicker
            return (str(error),)
        return ()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            self.app.flush_reports()
            if self._http is not None:
                self._http.reporting.flush_reports()
            flush_log()
            await self._control.look_after()

"""The process as a whole: the system, what is served about it, and its reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from oscbridge.bridge.app import App
from oscbridge.bridge.configuration.config import Configuration
from oscbridge.bridge.configuration.process_options import HTTPOptions
from oscbridge.bridge.reload import Changes
from oscbridge.errors import ConfigurationError, OSCBridgeError
from oscbridge.log import flush_log
from oscbridge.ops.control import ControlServer
from oscbridge.ops.status import Reloads, read_status
from oscbridge.os_errors import what_failed

if TYPE_CHECKING:
    from oscbridge.ops.http import HTTPServer

__all__ = ["Service"]

READ_TIMEOUT: Final = 10.0
"""Seconds that reading a configuration may take: its folder may be another machine's."""

FLUSH_INTERVAL: Final = 1.0
"""Seconds between looks for reports that are overdue."""

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
        self._control = ControlServer(app, self.reload, name)
        self._flushing: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._reloads = Reloads()

    @property
    def http_address(self) -> str:
        """Where health and metrics are served; nothing if they are not."""
        return "" if self._http is None else f"http://{self._http.address}"

    async def start(self) -> None:
        """Start everything. Raises :class:`OSCBridgeError` with everything closed again."""
        try:
            self._flushing = asyncio.create_task(self._flush_reports())
            await self._serve_http(self.app.configuration.http)
            await self.app.start()
            await self._control.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, what is served about it last."""
        for task in (self._reloading, self._flushing):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.app.stop()
        await self._control.stop()
        await self._serve_http(None)
        self.app.flush_reports(everything=True)

    # --- reload ------------------------------------------------------------------------------

    def request_reload(self) -> None:
        """Reload in the background; what comes of it is logged. On the loop."""
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload_and_log())

    async def _reload_and_log(self) -> None:
        try:
            await self.reload()
        except OSCBridgeError:
            pass  # it is in the log

    async def reload(self) -> Changes:
        """Read the configuration again, and change what is another in it.

        Raises :class:`OSCBridgeError` when it is bad or cannot be; then all goes on as it was.
        """
        async with self._one_at_a_time:
            try:
                changes = await self._reload()
            except OSCBridgeError as error:
                self._reloads = self._reloads._replace(refused=self._reloads.refused + 1)
                for line in str(error).splitlines():
                    _log.error("reload refused, all goes on as it was: %s", line)
                raise
            self._reloads = self._reloads._replace(applied=self._reloads.applied + 1)
            _log.info("reloaded %s: %s", self._name, changes)
            for problem in changes.problems:
                _log.error("%s", problem)
            return changes

    async def _reload(self) -> Changes:
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                new = await asyncio.to_thread(self._read)
        except TimeoutError:
            text = f"{self._name}: it cannot be read within {READ_TIMEOUT:g} s"
            raise ConfigurationError(text) from None
        before = self.app.configuration.http
        if new.http == before:
            return await self.app.reload(new)
        try:
            await self._serve_http(new.http)
            return await self.app.reload(new)
        except OSCBridgeError:
            try:
                await self._serve_http(before)
            except OSCBridgeError as error:  # somebody was quicker
                _log.error("%s", error)
            raise

    # --- what is served about it -------------------------------------------------------------

    async def _serve_http(self, options: HTTPOptions | None) -> None:
        """Serve health and metrics there, or nowhere. Raises :class:`OSCBridgeError`."""
        server, self._http = self._http, None
        if server is not None:
            await server.stop()
        if options is None:
            return
        # Loaded where it is wanted, and off the loop: it takes a while.
        module = await asyncio.to_thread(import_module, "oscbridge.ops.http")
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
        self._http = server

    async def _flush_reports(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            self.app.flush_reports()
            if self._http is not None:
                self._http.reporting.flush_reports()
            flush_log()

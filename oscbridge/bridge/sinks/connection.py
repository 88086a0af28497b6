"""The connection of one endpoint: opened, lost, and opened again at growing intervals."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from typing import Final

from oscbridge.endpoint import Endpoint
from oscbridge.errors import BackOff, EndpointError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.os_errors import what_failed

__all__ = ["EndpointConnection", "backoff", "is_cancelled"]

CONNECT_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 0.6
"""Seconds that an endpoint is given to connect, and to close."""

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds before the first and between later tries to connect again; doubled each time."""

STEADY: Final = 10.0
"""Seconds after which a connection was a good one: the waits begin anew after it."""


def backoff() -> Iterator[float]:
    """Seconds to wait: growing, and no two endpoints the same."""
    wait = FIRST_WAIT
    while True:
        yield wait * random.uniform(0.8, 1.2)
        wait = min(wait * 2, LONGEST_WAIT)


class EndpointConnection:
    """Opens and closes an endpoint, one ``close`` for each ``connect``."""

    def __init__(
        self, endpoint: Endpoint, reporter: RateLimitedLog, waits: Callable[[], Iterator[float]]
    ) -> None:
        self.is_open = False
        self.problem = ""
        """Why it is not open, for people."""
        self.tried = asyncio.Event()
        """Set when the first try is over, whatever came of it."""
        self.broken = asyncio.Event()
        """Set while it is not open."""
        self.broken.set()
        self.useful = False
        """Set by who delivers: this connection was good for something."""
        self._endpoint = endpoint
        self._reporter = reporter
        self._make_waits = waits
        self._waits = waits()
        self._to_close = False
        self._lost: Exception | None = None
        self._since = 0.0

    async def open(self) -> None:
        """Raises what ``connect`` raises, and :class:`EndpointError` when it takes too long."""
        self._to_close, self._lost = True, None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT) as limit:
                await self._endpoint.connect()
            if self._lost is not None:
                raise self._lost  # again, before it was there
        except TimeoutError as error:
            if not limit.expired():
                raise  # an OSError of the system
            text = f"no connection within {CONNECT_TIMEOUT:g} s"
            raise EndpointError(text) from error
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            raise EndpointError("it cancelled its own connect") from None
        except SystemExit as error:
            raise EndpointError(f"its connect raised {error!r}") from error
        finally:
            self.tried.set()
        self.is_open, self.problem, self.useful = True, "", False
        self.broken.clear()
        self._since = asyncio.get_running_loop().time()

    async def reopen(self) -> None:
        """Try until it is open: the first time at once, later after a wait."""
        if self.useful or asyncio.get_running_loop().time() - self._since > STEADY:
            self._waits = self._make_waits()
        first = not self.tried.is_set()
        wait: float | None = None
        while True:
            await self.close()
            if self.tried.is_set():
                await asyncio.sleep(next(self._waits) if wait is None else wait)
            try:
                await self.open()
            except Exception as error:
                self.failed(error)
                wait = error.seconds if isinstance(error, BackOff) else None
                first = False
                continue
            if not first:
                self._endpoint.log.info("connected again: %s", self._endpoint.describe())
            return

    async def close(self) -> None:
        """Close what was opened, or half opened; never raises."""
        self.is_open = False
        if not self._to_close:
            return
        self._to_close = False
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._endpoint.close()
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            self._endpoint.log.warning("did not close cleanly: %r", error)

    def failed(self, error: Exception) -> None:
        """Note, and report, that it is not open and why."""
        self.is_open = False
        self.broken.set()
        text = what_failed(error) if isinstance(error, OSError) else str(error)
        self.problem = text or repr(error)
        self._reporter.report("connection", f"not connected: {self.problem}", level=logging.ERROR)

    def lost(self, error: Exception) -> bool:
        """The endpoint says that its connection is gone. Whether that is news."""
        if not self.is_open:
            self._lost = error
            return False
        self.failed(error)
        return True


def is_cancelled() -> bool:
    """Whether the running task is cancelled itself, not something that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

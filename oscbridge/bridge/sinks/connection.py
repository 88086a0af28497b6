"""The connection of one endpoint: opened, lost, and opened again at growing intervals."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from oscbridge.bridge.cancellation import is_ending
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.errors import BackOff, EndpointError
from oscbridge.failures import failure_text, is_explained
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.os_errors import what_failed

__all__ = ["CONNECT_TIMEOUT", "EndpointConnection", "backoff", "description_of"]

CONNECT_TIMEOUT: Final = 10.0
CLOSE_TIMEOUT: Final = 1.0
"""Seconds that an endpoint may take to connect, and to close."""

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
"""Seconds before the first reconnection attempt, doubled each time, and their maximum."""

MAX_DESCRIPTION: Final = 1_000
"""Characters of the text that says where an endpoint is."""

IDLE_RECOVERY: Final = 1.0
"""Seconds after which a connection without messages counts as recovered."""

STEADY: Final = 10.0
"""Seconds after which a connection counts as good, which resets the waits."""


def backoff() -> Iterator[float]:
    """Yield growing waits in seconds, randomised so that endpoints do not reconnect in step."""
    wait = FIRST_WAIT
    while True:
        yield wait * random.uniform(0.8, 1.2)
        wait = min(wait * 2, LONGEST_WAIT)


class EndpointConnection:
    """Opens and closes an endpoint, one ``close`` per ``connect``."""

    def __init__(
        self, endpoint: AnyEndpoint, reporter: RateLimitedLog, waits: Callable[[], Iterator[float]]
    ) -> None:
        self.is_open = False
        self.problem = ""
        """Why it is not open, human-readable."""
        self.tried = asyncio.Event()
        """Set when the first attempt is over, successful or not."""
        self.broken = asyncio.Event()
        """Set while it is not open."""
        self.broken.set()
        self.useful = False
        """Set by the sender: a message was delivered over this connection."""
        self.is_recovering = False
        """Whether it is open again, and nothing was sent over it yet."""
        self.is_doubted = False
        """Whether the endpoint reports that the peer cannot be reached, although it is open."""
        self.attempt: object = None
        """A call of ``connect`` or ``close`` in progress; None without one. Each has an object."""
        self._idle: asyncio.TimerHandle | None = None
        self._endpoint = endpoint
        self._reporter = reporter
        self._make_waits = waits
        self._waits = waits()
        self._asked_wait: float | None = None
        """Seconds to wait before the next attempt, if the endpoint asks for them."""
        self.on_close: Callable[[], None] = _nothing
        """Called before the endpoint is closed."""
        self._to_close = False
        self._lost: Exception | None = None
        self._since = 0.0

    async def open(self) -> None:
        """Connect once. Raises what ``connect`` raises, or :class:`EndpointError` on a timeout."""
        self._to_close, self._lost, self.attempt = True, None, object()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT) as limit:
                await self._endpoint.connect()
            if self._lost is not None:
                raise self._lost  # lost while connecting
        except TimeoutError as error:
            if not limit.expired():
                raise  # a time-out of the operating system
            text = f"no connection within {CONNECT_TIMEOUT:g} s"
            raise EndpointError(text) from error
        except Exception:
            raise
        except BaseException as error:
            if is_ending(error):
                raise
            raise EndpointError(failure_text(error)) from error
        finally:
            self.attempt = None
            self.tried.set()
        self.is_open, self.problem, self.useful, self.is_doubted = True, "", False, False
        self.broken.clear()
        self._since = asyncio.get_running_loop().time()

    async def reopen(self) -> None:
        """Connect until it succeeds: the first time at once, then after growing waits."""
        if self.useful or asyncio.get_running_loop().time() - self._since > STEADY:
            self._waits = self._make_waits()
        first = not self.tried.is_set()
        while True:
            await self.close()
            if self.tried.is_set():
                asked = self._asked_wait
                await asyncio.sleep(next(self._waits) if asked is None else asked)
            try:
                await self.open()
            except Exception as error:
                self.failed(error)
                first = False
                continue
            if not first:
                self.is_recovering = True
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(IDLE_RECOVERY, self.recovered)
            return

    def recovered(self) -> None:
        """Something was sent after it was opened again, or it has stayed open without messages."""
        if self.is_recovering and self.is_open:
            self._end_recovery()
            self._log_recovery()

    def _log_recovery(self) -> None:
        self._reporter.forget("connection")  # the next problem is logged at once
        self._endpoint.log.info("connected again: %s", description_of(self._endpoint))

    def _end_recovery(self) -> None:
        self.is_recovering = False
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def unreachable(self, text: str) -> None:
        """Note and log that the peer of an open connection does not get or answer messages."""
        self._end_recovery()
        self.is_doubted, self.problem = True, text
        self._reporter.report("connection", f"not connected: {text}", level=logging.ERROR)

    def reachable(self) -> None:
        """The peer answers, or accepts what it is sent."""
        if self.is_doubted:
            self.is_doubted, self.problem = False, ""
            self._log_recovery()

    async def close(self) -> None:
        """Close the endpoint, also after a failed ``connect``; never raises."""
        self.is_open = False
        self._end_recovery()
        if not self._to_close:
            return
        self._to_close = False
        self.on_close()
        self.attempt = object()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._endpoint.close()
        except BaseException as error:
            if is_ending(error):
                raise
            self._endpoint.log.warning("close failed: %s", _repr_or_failure(error))
        finally:
            self.attempt = None

    def failed(self, error: Exception) -> None:
        """Note and log why it is not open."""
        self.is_open = False
        self._asked_wait = error.seconds if isinstance(error, BackOff) else None
        self._end_recovery()
        self.broken.set()
        self.problem = _reason(error)
        self._reporter.report(
            "connection",
            f"not connected: {self.problem}",
            level=logging.ERROR,
            error=None if is_explained(error) else error,
        )

    def lost(self, error: Exception) -> bool:
        """Note a loss that the endpoint reports. Returns whether the connection was open."""
        if not self.is_open:
            self._lost = error
            if isinstance(error, BackOff):  # after a send that found it closed
                self._asked_wait = error.seconds
            return False
        self.failed(error)
        return True


def _nothing() -> None:
    """Without tasks there is nothing to end."""


def description_of(endpoint: AnyEndpoint) -> str:
    """What an endpoint says where it is; the failure if it fails. Never raises."""
    try:
        return str(endpoint.describe())[:MAX_DESCRIPTION]
    except BaseException as error:  # the call waits for nothing: the endpoint raised it
        return f"describe failed: {failure_text(error)}"


def _repr_or_failure(error: BaseException) -> str:
    """An error as Python shows it, or the mistake in the endpoint."""
    if isinstance(error, EndpointError | OSError):
        with suppress(BaseException):  # its text cannot be shown
            return repr(error)
    return failure_text(error)


def _reason(error: Exception) -> str:
    with suppress(BaseException):  # its text cannot be shown
        if isinstance(error, OSError):
            return str(what_failed(error)) or repr(error)
        if isinstance(error, EndpointError):
            return str(error) or repr(error)
    return failure_text(error)  # a mistake in the endpoint

"""What uses interfaces: an announcement or a browser, which follows their changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from oscbridge.failures import failure_text
from oscbridge.net.os_errors import what_failed

if TYPE_CHECKING:
    from oscbridge.discovery.interfaces import LocalInterface
    from oscbridge.discovery.responder import Responder

__all__ = ["DiscoveryActivity", "ResponderPool"]

CLOSE_TIMEOUT: Final = 1.0
"""Seconds to end everything on all interfaces, goodbyes included."""

NO_INTERFACE: Final = "no network interface"


class ResponderPool(Protocol):
    """Lends one responder per interface to all that use it."""

    @property
    def hosts(self) -> Sequence[str]:
        """The host names of this program."""

    async def acquire(self, interface: LocalInterface) -> Responder:
        """Open a responder, or use the open one. Raises ``OSError``."""

    async def release(self, responder: Responder) -> None:
        """Close a responder that nobody else uses."""

    def remove(self, activity: DiscoveryActivity) -> None:
        """Tell it no more about interfaces."""


class DiscoveryActivity(ABC):
    """Joins the interfaces that it wants, leaves those that are gone, and tries again."""

    log = logging.getLogger("oscbridge.discovery")

    def __init__(self, pool: ResponderPool, part: str = "") -> None:
        self._pool = pool
        self._part = f"{part}: " if part else ""
        self._wanted: Sequence[LocalInterface] = ()
        self._responders: dict[LocalInterface, Responder] = {}
        self._failures: dict[LocalInterface, str] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.begun = asyncio.Event()
        """Set when it has joined the interfaces that it wants, or has failed to."""
        self.problem = ""
        """Why it does nothing, human-readable; empty if it works on an interface at least."""

    @abstractmethod
    def choose(self, found: Sequence[LocalInterface]) -> Sequence[LocalInterface]:
        """The interfaces that it wants."""

    @abstractmethod
    async def join(self, responder: Responder) -> None:
        """Begin on an interface. Raises ``OSError``."""

    @abstractmethod
    async def leave(self, responder: Responder) -> None:
        """End on an interface, which may be gone."""

    @abstractmethod
    async def update(self) -> None:
        """Called before interfaces are left and joined."""

    def why_idle(self) -> str:
        """The reason why it wants no interface, if it is a special one."""
        return ""

    @abstractmethod
    def describe_problem(self, problem: str) -> str:
        """The log line about a problem."""

    def look(self, found: Sequence[LocalInterface]) -> None:
        """Follow changes of the interfaces; called every few seconds."""
        self._wanted = tuple(self.choose(found))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
            self._wake.set()
        elif set(self._wanted) != set(self._responders):
            self._wake.set()

    def look_again(self) -> None:
        """Update, and join the interfaces that it has left."""
        self._wake.set()

    async def close(self) -> None:
        """End on all interfaces, within a second."""
        self._pool.remove(self)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.leave_all()

    async def leave_all(self) -> None:
        """End on all interfaces."""
        await asyncio.gather(*map(self._leave, tuple(self._responders)))

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._follow()
            except Exception as error:  # a mistake; the next look tries again
                self.log.error("%sdiscovery failed", self._part, exc_info=error)
                self.fail(failure_text(error))

    async def _follow(self) -> None:
        """Leave and join interfaces, as wanted."""
        await self.update()
        gone = [each for each in self._responders if each not in self._wanted]
        for interface in gone:
            await self._leave(interface)
        for interface in self._wanted:
            if interface not in self._responders:
                await self._join(interface)
        self._failures = {k: v for k, v in self._failures.items() if k in self._wanted}
        self._note_problem()

    async def _join(self, interface: LocalInterface) -> None:
        try:
            responder = await self._pool.acquire(interface)
            try:
                await self.join(responder)
            except BaseException:
                await self._pool.release(responder)
                raise
        except OSError as error:
            self._failures[interface] = f"{interface.address}: {what_failed(error) or error!r}"
            return
        self._failures.pop(interface, None)
        self._responders[interface] = responder

    async def _leave(self, interface: LocalInterface) -> None:
        responder = self._responders.pop(interface)
        try:
            with contextlib.suppress(OSError):
                await self.leave(responder)
        finally:
            await self._pool.release(responder)

    def _note_problem(self) -> None:
        problem = ""
        if not self._responders:
            problem = self.why_idle() or "; ".join(self._failures.values()) or NO_INTERFACE
        self.fail(problem)

    def fail(self, problem: str) -> None:
        """Note and log why it does nothing."""
        if problem and problem != self.problem:
            self.log.warning("%s%s", self._part, self.describe_problem(problem))
        self.problem = problem
        self.begun.set()

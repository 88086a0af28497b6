"""Main and backup: of the bridges that share a lease, the one that holds it delivers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

from oscbridge.bridge.cancellation import is_ending
from oscbridge.bridge.config.process_models import LeaderOptions
from oscbridge.bridge.lease_requests import LeaseRequests, RunningEndpoints
from oscbridge.bridge.sinks.role import LEASE_CLOCK, Role
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.errors import ConfigurationError, EndpointError, OSCBridgeError
from oscbridge.failures import failure_text

__all__ = ["LEASE_MARGIN", "Leadership"]

LEASE_MARGIN: Final = 0.2
"""Share of a lease in which its holder sends nothing any more, before another one may have it.
Half of it is for sends in progress."""

RENEWALS: Final = 5
"""Renewals within the time of a lease."""

LOOKS: Final = 10
"""Looks at the lease of another bridge within its time."""

MIN_WAIT: Final = 0.01
"""Seconds between two requests, at least."""

HAND_OVER_TIMEOUT: Final = 3.0
"""Seconds for another bridge to take over after a hand-over."""

SETTLE_INTERVAL: Final = 0.01
"""Seconds between two looks at sends in progress."""

_log: Final = logging.getLogger("oscbridge.leader")


class Leadership:
    """Holds the lease of this bridge, or waits for it, and tells its sinks.

    The time of a lease is counted from before the request, and its end is checked at the moment
    of sending: see :class:`Role`. Without :attr:`options` all sinks deliver, at no cost.
    """

    def __init__(self, app: RunningEndpoints) -> None:
        self.options: LeaderOptions | None = None
        self.name = f"{socket.gethostname() or 'bridge'}-{os.urandom(3).hex()}"
        """Its name as a holder, different at each start."""
        self.holder = ""
        """The holder of the lease, as far as is known."""
        self.problem = ""
        """Why nothing is known about the lease, human-readable; empty if it is."""
        self.since = 0.0
        """When the role last changed, on :data:`LEASE_CLOCK`."""
        self.takeovers = 0
        """How often this bridge has become the leader."""
        self._granted = 0.0
        """The time of the lease that was granted last, in seconds."""
        self._app = app
        self._leases = LeaseRequests(app)
        self._role: Role | None = None
        self._task: asyncio.Task[None] | None = None
        self._end: asyncio.TimerHandle | None = None
        self._asking = asyncio.Lock()
        """Held during a request, so that none overtakes the release of a lease."""

    @property
    def is_leader(self) -> bool:
        """Whether this bridge delivers."""
        return self._role is None or (self._role.is_leader and self._role.may_send)

    # --- its life ----------------------------------------------------------------------------

    def apply(self, options: LeaderOptions | None) -> None:
        """Follow a configuration, and tell endpoints that are new. On the event loop."""
        if options != self.options:
            if options is None or self.options is None or _where(options) != _where(self.options):
                self._change(options)
            elif self._role is not None:
                self._keep(options, self._role)
        for runner in self._app.endpoints.values():
            runner.follow(self._role)

    def _keep(self, options: LeaderOptions, role: Role) -> None:
        """Keep the lease, whose time is another one from now on."""
        self._cancel()
        self.options = options
        self._begin(options, role)
        if role.is_leader:  # a shorter one may be granted without an answer
            self._granted = min(self._granted, options.ttl)
            role.until = min(role.until, LEASE_CLOCK() + options.ttl * (1 - LEASE_MARGIN))
            self._wait_for_end(role)

    def _change(self, options: LeaderOptions | None) -> None:
        """Release the lease that it holds, and ask for another one, or for none."""
        old, role = self.options, self._role
        if role is None or not role.is_leader:
            old = None
        elif options is not None:
            self._stand_by(role, "the configuration names another lease", logging.INFO)
        self._cancel()
        self.options, self.holder, self.problem = options, "", ""
        self.since = LEASE_CLOCK()
        if options is not None:
            self._role = role = role or Role()
            _log.info("standing by for the lease %r of endpoint.%s", *_where(options))
            self._begin(options, role, old)
            return
        self._role = None
        if old is not None:
            self._task = asyncio.create_task(self._leave(old))

    def _begin(self, options: LeaderOptions, role: Role, old: LeaderOptions | None = None) -> None:
        """Ask for a lease from now on, after releasing another one."""
        self._task = task = asyncio.create_task(self._run(options, role, old))
        task.add_done_callback(partial(self._ended, options, role))

    def _ended(self, options: LeaderOptions, role: Role, task: asyncio.Task[None]) -> None:
        """Ask again, after a while, if a plugin has cancelled the task: it can cancel any."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if task is self._task and error is not None:
            text = "the task that asks for the lease ended: %s; it is started again"
            _log.error(text, failure_text(error))
            loop = asyncio.get_running_loop()
            loop.call_later(options.ttl / LOOKS, self._begin_again, options, role, task)

    def _begin_again(self, options: LeaderOptions, role: Role, task: asyncio.Task[None]) -> None:
        if task is self._task:
            self._begin(options, role)

    def runners_to_close(self) -> tuple[list[EndpointRunner], list[EndpointRunner]]:
        """At a stop: those to be closed first, and the one that keeps the lease meanwhile."""
        kept = None if self.options is None else self.options.endpoint
        found: tuple[list[EndpointRunner], list[EndpointRunner]] = ([], [])
        for name, runner in self._app.endpoints.items():
            found[name == kept].append(runner)
        for runner in found[True]:
            runner.release()
        return found

    async def stop(self, drain: float) -> None:
        """Let another bridge lead at once, when all other endpoints have been closed.

        The endpoint that keeps the lease has ``drain`` seconds for its queued messages.
        """
        options, role = self.options, self._role
        if options is not None and options.endpoint in self._app.endpoints:
            await self._app.endpoints[options.endpoint].drain(drain)
        self._cancel()
        if options is None or role is None or not role.is_leader:
            return
        self._stand_by(role, "the bridge stops", logging.INFO)
        with suppress(Exception):
            await self._leases.release(options, self.name)

    def _cancel(self) -> None:
        for each in (self._task, self._end):
            if each is not None:
                each.cancel()
        self._task = self._end = None

    async def _run(self, options: LeaderOptions, role: Role, old: LeaderOptions | None) -> None:
        if old is not None:
            await self._leave(old)
        while True:
            async with self._asking:
                wait = await self._ask(options, role)
            await asyncio.sleep(max(wait, MIN_WAIT))

    async def _leave(self, options: LeaderOptions) -> None:
        """Release a lease, after the sends in progress."""
        async with self._asking:
            await self._settle()
            with suppress(Exception):
                await self._leases.release(options, self.name)

    async def _ask(self, options: LeaderOptions, role: Role) -> float:
        """Ask for the lease once. Returns the seconds until the next time."""
        ttl = options.ttl
        began = LEASE_CLOCK()
        try:
            lease = await self._leases.acquire(options, self.name)
        except BaseException as error:
            if is_ending(error):
                raise
            self._failed(options, error)
            return ttl / LOOKS
        self.problem = ""
        if lease.holder == self.name:
            self._granted = ttl
            self._hold(role, began + ttl * (1 - LEASE_MARGIN))
            return ttl / RENEWALS - (LEASE_CLOCK() - began)
        if role.is_leader and not lease.holder:  # undecided: the lease lasts until its end
            return ttl / LOOKS
        if role.is_leader:
            self._stand_by(role, f"{lease.holder} has the lease")
        self._note_holder(lease.holder)
        return min(lease.seconds or inf, ttl / LOOKS)

    def _failed(self, options: LeaderOptions, error: BaseException) -> None:
        text = "no answer" if isinstance(error, TimeoutError) else _reason(error)
        self.problem = f"nothing is known about the lease: endpoint.{options.endpoint}: {text}"
        if not self.is_leader:
            self.holder = ""

    # --- its role ----------------------------------------------------------------------------

    def _hold(self, role: Role, until: float) -> None:
        """The lease was granted: send until then."""
        role.until = until
        if not role.may_send:  # the answer came too late
            return
        self._wait_for_end(role)
        if role.is_leader:
            return
        role.is_leader = True
        self.since, self.takeovers = LEASE_CLOCK(), self.takeovers + 1
        _log.info("this bridge delivers now, as %s", self.name)
        self.holder = self.name
        self._tell()

    def _wait_for_end(self, role: Role) -> None:
        if self._end is not None:
            self._end.cancel()
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(max(role.until - LEASE_CLOCK(), 0), self._check_end, role)

    def _check_end(self, role: Role) -> None:
        if role.may_send:
            self._wait_for_end(role)
        elif role.is_leader:
            self._stand_by(role, self.problem or "the lease was not renewed in time")

    def _stand_by(self, role: Role, why: str, level: int = logging.WARNING) -> None:
        """Send nothing any more."""
        role.until, role.is_leader = -inf, False
        self.since, self.holder = LEASE_CLOCK(), ""
        _log.log(level, "this bridge stands by now: %s", why)
        self._tell()
        if self.options is not None and self._task is not None:
            delay = self._granted * LEASE_MARGIN / 2
            asyncio.get_running_loop().call_later(delay, self._end_sends)

    def _tell(self) -> None:
        for runner in self._app.endpoints.values():
            runner.role_changed()

    def _end_sends(self) -> None:
        for runner in self._app.endpoints.values():
            runner.end_send()

    def _note_holder(self, holder: str) -> None:
        if holder and holder != self.holder:
            _log.info("%s delivers; this bridge stands by", holder)
        self.holder = holder

    # --- by hand -----------------------------------------------------------------------------

    async def hand_over(self) -> str:
        """Let another bridge lead. Returns its name.

        Raises :class:`OSCBridgeError` if this bridge does not lead, or if none takes over: then
        it asks for the lease again.
        """
        options, role = self.options, self._role
        if options is None or role is None:
            raise ConfigurationError("this bridge has no backup: set 'leader' in [run]")
        if not role.is_leader:
            leads = f"{self.holder} does; hand over there" if self.holder else "nobody does"
            raise OSCBridgeError(f"this bridge does not lead: {leads}")
        async with self._asking:
            self._stand_by(role, "handed over by hand", logging.INFO)
            with suppress(TimeoutError):
                async with asyncio.timeout(HAND_OVER_TIMEOUT):
                    await self._settle()
                    await self._leases.release(options, self.name)
                    return await self._successor(options)
        text = f"no other bridge took over within {HAND_OVER_TIMEOUT:g} s; this one tries to lead"
        raise OSCBridgeError(f"{text} again; is the other one running, with the same key?")

    async def _settle(self) -> None:
        """Let sends in progress end. Those that do not are ended after half of the margin
        (:meth:`_end_sends`), and have half of the rest to do so."""
        until = LEASE_CLOCK() + self._granted * LEASE_MARGIN * 3 / 4
        while any(each.is_sending for each in self._app.endpoints.values()):
            await asyncio.sleep(SETTLE_INTERVAL)
            if LEASE_CLOCK() >= until:
                return

    async def _successor(self, options: LeaderOptions) -> str:
        while True:
            with suppress(EndpointError, OSError):
                lease = await self._leases.find(options)
                if lease.holder and lease.holder != self.name:
                    self._note_holder(lease.holder)
                    return lease.holder
            await asyncio.sleep(options.ttl / LOOKS)


def _where(options: LeaderOptions) -> tuple[str, str]:
    return options.key, options.endpoint


def _reason(error: BaseException) -> str:
    if isinstance(error, EndpointError | OSError):
        return str(error) or repr(error)
    return failure_text(error)  # a mistake in the endpoint

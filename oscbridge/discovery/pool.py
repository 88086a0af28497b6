"""One responder per interface, shared by all that uses it; and who follows the interfaces."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

from oscbridge.discovery.activity import DiscoveryActivity
from oscbridge.failures import failure_text
from oscbridge.net.os_errors import what_failed

if TYPE_CHECKING:
    from oscbridge.discovery.interfaces import LocalInterface
    from oscbridge.discovery.responder import Responder

__all__ = ["InterfacePool"]

LOOK_INTERVAL: Final = 5.0
"""Seconds between looks at the interfaces of this machine."""

_log: Final = logging.getLogger(__name__)

MAX_HOST: Final = 40
"""Characters of the machine's name in the names of hosts."""


class InterfacePool:
    """Opens responders when they are needed, and tells activities about interfaces.

    With ``only``, on these addresses of this machine.
    """

    def __init__(self, only: Collection[str] = ()) -> None:
        self._only = frozenset(only)
        self.activities: set[DiscoveryActivity] = set()
        self._watch: asyncio.Task[None] | None = None
        self._users: dict[LocalInterface, int] = {}
        self._responders: dict[LocalInterface, Responder] = {}
        self._opening = asyncio.Lock()

    def add(self, activity: DiscoveryActivity) -> None:
        """Tell an activity about interfaces from now on."""
        self.activities.add(activity)
        if self._watch is None:
            self._watch = asyncio.create_task(self._follow_interfaces())
            self._watch.add_done_callback(self._watched)

    def remove(self, activity: DiscoveryActivity) -> None:
        """Tell an activity no more about interfaces."""
        self.activities.discard(activity)
        if not self.activities and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _follow_interfaces(self) -> None:
        from oscbridge.discovery.interfaces import list_interfaces

        await asyncio.to_thread(_import_responder)  # 0.1 s, in which messages are to flow
        while True:
            try:
                found = list_interfaces()
            except OSError as error:
                _log.warning("interfaces are unknown: %s", what_failed(error))
                found = []
            if self._only:
                found = [each for each in found if each.address in self._only]
            for activity in tuple(self.activities):
                activity.look(found)
            await asyncio.sleep(LOOK_INTERVAL)

    def _watched(self, task: asyncio.Task[None]) -> None:
        """The package cannot be imported: say so, and where."""
        if self._watch is task:
            self._watch = None  # the next activity tries again
        if not task.cancelled() and (error := task.exception()) is not None:
            for activity in tuple(self.activities):
                activity.fail(f"zeroconf does not work here: {failure_text(error)}")

    @property
    def hosts(self) -> Sequence[str]:
        """The host names of this program, in lower case."""
        return [each.server for each in self._responders.values()]

    async def acquire(self, interface: LocalInterface) -> Responder:
        """Open a responder, or use the open one. Raises ``OSError``."""
        from oscbridge.discovery.responder import Responder

        async with self._opening:
            if interface not in self._responders:
                responder = Responder(interface, _host_label())
                await responder.open()
                self._responders[interface] = responder
            self._users[interface] = self._users.get(interface, 0) + 1
            return self._responders[interface]

    async def release(self, responder: Responder) -> None:
        """Close a responder that nobody else uses."""
        interface = responder.interface
        self._users[interface] -= 1
        if not self._users[interface]:
            del self._users[interface], self._responders[interface]
            await responder.close()


def _import_responder() -> None:
    """Import the package that does the work."""
    import oscbridge.discovery.responder  # noqa: F401


def _host_label() -> str:
    """A label for a host name that no other program has: each states other addresses."""
    host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().partition(".")[0].lower())
    return f"{host[:MAX_HOST].strip('-') or 'oscbridge'}-{secrets.token_hex(3)}"

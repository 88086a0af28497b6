"""The name of a target, which is looked up again: the device may have got another address.

Over UDP nothing shows that a device has moved, so its name is looked up regularly. Over TCP mostly
a lost connection shows it, and the name is looked up for the next one. A connection that works is
only replaced if a reload, or a device that does not reply, asks for another look-up: the answers
for a device with two addresses may alternate.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from oscbridge.net.os_errors import what_failed
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL, HostPort

__all__ = ["TargetName"]

LOOKUP_INTERVAL: Final = 30.0
"""Seconds between look-ups."""

ERROR_INTERVAL: Final = 1.0
"""Shortest time in seconds between look-ups because of errors."""

_Addresses: TypeAlias = Sequence[ClientAddress]


class TargetName:
    """Looks up the name of a target again: every 30 s and when asked to, in a thread, one look-up
    at a time.

    The endpoint says with :meth:`use` which address it sends to, and runs :meth:`watch` with
    ``start_task``. ``on_change`` is called with the new address when the current one is not among
    the answers.
    """

    @classmethod
    def of(
        cls,
        to: OSCURL | HostPort,
        log: logging.Logger,
        on_change: Callable[[ClientAddress], None],
    ) -> TargetName | None:
        """The name of a target; None for an address and for this machine, which do not change."""
        if to.host == "localhost":
            return None
        try:
            ipaddress.ip_address(to.host.partition("%")[0])
        except ValueError:
            return cls(to, log, on_change)
        return None

    def __init__(
        self,
        to: OSCURL | HostPort,
        log: logging.Logger,
        on_change: Callable[[ClientAddress], None],
    ) -> None:
        self._to = to
        self._log = log
        self._on_change = on_change
        self._current: ClientAddress | None = None
        self._asked = asyncio.Event()
        self._is_failing = False
        self._lookup: asyncio.Future[_Addresses] | None = None

    def use(self, address: ClientAddress) -> None:
        """Note the address that is used from now on. A change is logged."""
        if self._current is not None and self._current[0] != address[0]:
            self._log.info("%s is now %s (was %s)", self._to.host, address[0], self._current[0])
        self._current = address

    def look_up_soon(self) -> None:
        """Look the name up now, or soon after the last time."""
        self._asked.set()

    async def watch(self, *, is_periodic: bool, is_family_fixed: bool) -> None:
        """Look the name up until cancelled: when asked to, and every 30 s if ``is_periodic``.

        ``is_family_fixed`` says that only addresses of the current family can be used.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOKUP_INTERVAL if is_periodic else None):
                    await self._asked.wait()
            self._asked.clear()
            await self._look_up(is_family_fixed)
            await asyncio.sleep(ERROR_INTERVAL)

    async def _look_up(self, is_family_fixed: bool) -> None:
        current = "" if self._current is None else self._current[0]
        family = socket.AF_INET6 if ":" in current else socket.AF_INET
        if self._lookup is None or self._lookup.done():
            self._lookup = _in_thread(self._to, family if is_family_fixed else 0)
        try:
            found = await asyncio.shield(self._lookup)
        except OSError as error:
            if not self._is_failing:
                text = "%s: %s; still sending to %s"
                self._log.warning(text, self._to.host, what_failed(error), current)
            self._is_failing = True
            return
        self._is_failing = False
        if found and current not in [address[0] for address in found]:
            # Of the same family if possible: another one requires another socket.
            self._on_change(min(found, key=lambda each: (":" in each[0]) != (":" in current)))


def _in_thread(to: OSCURL | HostPort, family: int) -> asyncio.Future[_Addresses]:
    """Look up a host. On a daemon thread: a server that does not answer must not delay the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Addresses] = loop.create_future()
    future.add_done_callback(_retrieve)

    def settle(addresses: _Addresses, error: OSError | None) -> None:
        if error is None:
            future.set_result(addresses)
        else:
            future.set_exception(error)

    def work() -> None:
        addresses: _Addresses = ()
        problem: OSError | None = None
        try:
            found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_DGRAM, family=family)
            addresses = [cast(ClientAddress, info[4]) for info in found]
        except OSError as error:
            problem = error
        except UnicodeError as error:
            problem = OSError(str(error))
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, addresses, problem)

    threading.Thread(target=work, name=f"look up {to.host}", daemon=True).start()
    return future


def _retrieve(future: asyncio.Future[_Addresses]) -> None:
    """Retrieve the exception, in case the endpoint was closed meanwhile."""
    if not future.cancelled():
        future.exception()

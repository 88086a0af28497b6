"""What speaks mDNS on one interface: announces, browses and asks. The only user of ``zeroconf``.

Each interface has its own, so that each network gets the one address that is reached there.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final, TypeAlias

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from oscbridge.discovery.interfaces import LocalInterface
from oscbridge.discovery.names import MAX_NAME_BYTES, printable_text
from oscbridge.discovery.services import MAX_PROPERTIES, DiscoveredService, reachable_host

__all__ = ["OnRecord", "PublishedServices", "Responder"]

START_TIMEOUT: Final = 5.0
"""Seconds for the sockets to open."""

PROBE_TIME: Final = 750
"""Milliseconds in which another program can defend its name (RFC 6762, section 8.1)."""

RESOLVE_TIME: Final = 3_000
"""Milliseconds for the address, port and text of a service."""

_DOMAIN: Final = "local."
_IP_MULTICAST_ALL: Final = 49
"""Socket option of Linux that is missing from the module ``socket``: also groups that other
sockets have joined, on other interfaces."""

OnRecord: TypeAlias = Callable[[str, str, bool], None]
"""Receives the type and the full name of a service that is new, has changed, or is gone (True)."""


class Responder:
    """Speaks mDNS on one interface, between :meth:`open` and :meth:`close`.

    ``host`` is the label of the host name that its address gets; no other program may have it.
    """

    def __init__(self, interface: LocalInterface, host: str) -> None:
        self.interface = interface
        self.server = f"{host}.{_DOMAIN}"
        self._zeroconf: AsyncZeroconf | None = None

    async def open(self) -> None:
        """Open its sockets. Raises ``OSError``."""
        self._zeroconf = opened = AsyncZeroconf(
            interfaces=[self.interface.address], ip_version=IPVersion.V4Only
        )
        try:
            await opened.zeroconf.async_wait_for_start(START_TIMEOUT)
            if not opened.zeroconf.engine.senders:
                raise OSError(f"{self.interface.name} takes no multicast packets")
            for reader in opened.zeroconf.engine.readers:
                _ignore_other_interfaces(reader.sock)
        except ZeroconfError as error:
            await self.close()
            raise OSError(str(error) or "it cannot be opened") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close its sockets; what is announced is withdrawn."""
        opened, self._zeroconf = self._zeroconf, None
        if opened is not None:
            await opened.async_close()

    @property
    def zeroconf(self) -> Zeroconf:
        """The open instance. Raises ``OSError``."""
        if self._zeroconf is None:
            raise OSError("closed")
        return self._zeroconf.zeroconf

    # --- announcing ---------------------------------------------------------------------------

    async def is_taken(self, name: str, types: Sequence[str], own: Container[str]) -> bool:
        """Whether another program has the name for any of these types; ``own`` are host names."""
        for type_name in types:
            info = AsyncServiceInfo(_full_type(type_name), _full_name(name, type_name))
            await info.async_request(self.zeroconf, PROBE_TIME)
            if info.server is not None and info.server.lower() not in own:
                return True
        return False

    async def publish(
        self, name: str, services: Mapping[str, int], address: str, properties: Mapping[str, str]
    ) -> PublishedServices:
        """Announce services with one address, without looking whether the name is taken."""
        infos = [
            AsyncServiceInfo(
                _full_type(type_name),
                _full_name(name, type_name),
                port=port,
                server=self.server,
                parsed_addresses=[address],
                properties=dict(properties),
            )
            for type_name, port in services.items()
        ]
        published = PublishedServices(self.zeroconf, infos)
        await published.announce()
        return published

    # --- finding ------------------------------------------------------------------------------

    def browse(self, types: Sequence[str], on_record: OnRecord) -> AsyncServiceBrowser:
        """Call ``on_record`` for each service of these types, until the browser is cancelled."""

        def changed(
            zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
        ) -> None:
            is_gone = state_change is ServiceStateChange.Removed
            on_record(service_type.removesuffix(f".{_DOMAIN}"), name, is_gone)

        return AsyncServiceBrowser(self.zeroconf, [_full_type(each) for each in types], [changed])

    async def resolve(self, type_name: str, full_name: str) -> DiscoveredService | None:
        """Ask where a service is; None if nobody answers, or it cannot be reached."""
        info = AsyncServiceInfo(_full_type(type_name), full_name)
        if not await info.async_request(self.zeroconf, RESOLVE_TIME):
            return None
        addresses = info.parsed_scoped_addresses(IPVersion.All)
        host = reachable_host(addresses, self.interface)
        if not host or not info.port:  # port 0: its service is not available (RFC 2782)
            return None
        return DiscoveredService(
            type_name,
            instance_name(full_name, type_name),
            host,
            info.port,
            printable_text((info.server or "").removesuffix(".")),
            _properties(info),
            self.interface.address,
        )

    def forget(self, full_name: str) -> None:
        """Forget what is known about a service: the next :meth:`resolve` asks for it."""
        cache = self.zeroconf.cache
        cache.async_remove_records(cache.async_entries_with_name(full_name))

    def forget_name(self, type_name: str, full_name: str) -> None:
        """Forget also that there is a service: its next announcement is that of a new one."""
        self.forget(full_name)
        cache = self.zeroconf.cache
        wanted = full_name.lower()
        cache.async_remove_records(
            [
                each
                for each in cache.async_entries_with_name(_full_type(type_name))
                if str(getattr(each, "alias", "")).lower() == wanted
            ]
        )


class PublishedServices:
    """What one program has announced on one interface."""

    def __init__(self, zeroconf: Zeroconf, infos: Sequence[AsyncServiceInfo]) -> None:
        self._zeroconf = zeroconf
        self._infos = infos

    async def announce(self) -> None:
        """Send the announcements; later ones follow within a second."""
        for info in self._infos:
            await self._zeroconf.async_register_service(info, cooperating_responders=True)

    def rival(self, own: Container[str]) -> str | None:
        """The host name of another program with the same name, if there is one."""
        for info in self._infos:
            for record in self._zeroconf.cache.async_entries_with_name(info.name):
                server = getattr(record, "server", None)  # of an SRV record
                if isinstance(server, str) and server.lower() not in own:
                    return server.lower()
        return None

    async def withdraw(self) -> None:
        """Say goodbye (RFC 6762, section 10.1): nobody keeps them from now on."""
        sending = [
            await self._zeroconf.async_unregister_service(info)
            for info in self._infos
            if not self._zeroconf.done
        ]
        for each in sending:
            await each


def instance_name(full_name: str, type_name: str) -> str:
    """The name of a service as people see it, from ``Stage._osc._udp.local.``"""
    end = f".{_full_type(type_name)}"
    is_whole = full_name.lower().endswith(end.lower())
    name = full_name[: -len(end)] if is_whole else full_name
    return printable_text(name[:MAX_NAME_BYTES])


def _full_type(type_name: str) -> str:
    return f"{type_name}.{_DOMAIN}"


def _full_name(name: str, type_name: str) -> str:
    return f"{name}.{_full_type(type_name)}"


def _properties(info: AsyncServiceInfo) -> dict[str, str]:
    entries = list(info.properties.items())[:MAX_PROPERTIES]
    return {_text(key): "" if value is None else _text(value) for key, value in entries}


def _text(data: bytes) -> str:
    return printable_text(data.decode(errors="replace"))


def _ignore_other_interfaces(sock: socket.socket) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)

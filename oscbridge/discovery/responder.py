"""What speaks mDNS on one interface: announces, browses and asks. The only user of ``zeroconf``.

Each interface has its own, so that each network gets the one address that is reached there.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final, TypeAlias

from zeroconf import (  # type: ignore[attr-defined]
    DNSOutgoing,
    DNSQuestion,
    DNSQuestionType,
    IPVersion,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from oscbridge.discovery.interfaces import LocalInterface
from oscbridge.discovery.names import MAX_NAME_BYTES, printable_text
from oscbridge.discovery.services import MAX_PROPERTIES, DiscoveredService, reachable_host

__all__ = ["OnRecord", "PublishedServices", "Responder"]

START_TIMEOUT: Final = 5.0
"""Seconds for the sockets to open."""

PROBES: Final = 3
PROBE_INTERVAL: Final = 0.25
"""Questions whether a name is taken, and seconds for an answer (RFC 6762, section 8.1)."""

RESOLVE_TIME: Final = 3_000
"""Milliseconds for the address, port and text of a service."""

MAX_DISCARDED: Final = 1_000
"""Packets that are discarded at most while it is opened."""

_DOMAIN: Final = "local."
_QUERY: Final = 0
_ANY: Final = 255
_INTERNET: Final = 1
"""Flags of a question, and its type and class (RFC 1035, sections 3.2 and 4.1.1)."""
_IP_MULTICAST_ALL: Final = 49
_IPV6_MULTICAST_ALL: Final = 29
"""Socket options of Linux that are missing from the module ``socket``: also groups that other
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
        version = IPVersion.V6Only if self.interface.is_ipv6 else IPVersion.V4Only
        try:
            opened = AsyncZeroconf(interfaces=[self.interface.plain_address], ip_version=version)
        except RuntimeError as error:  # the address has just gone
            raise OSError(str(error)) from None
        self._zeroconf = opened
        engine = opened.zeroconf.engine
        _ignore_other_interfaces(getattr(engine, "_listen_socket", None))  # before it is read
        try:
            await opened.zeroconf.async_wait_for_start(START_TIMEOUT)
            if not engine.senders:
                raise OSError(f"{self.interface.name} takes no multicast packets")
        except ZeroconfError as error:
            await self.close()
            raise OSError(str(error) or "it cannot be opened") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close its sockets; announcements are withdrawn."""
        opened, self._zeroconf = self._zeroconf, None
        if opened is None:
            return
        try:
            await opened.async_close()
        except BaseException:  # cancelled: too late for the rest
            engine = opened.zeroconf.engine
            engine.close()
            if (timer := getattr(engine, "_cleanup_timer", None)) is not None:
                timer.cancel()
            raise

    @property
    def zeroconf(self) -> Zeroconf:
        """The open instance. Raises ``OSError``."""
        if self._zeroconf is None:
            raise OSError("closed")
        return self._zeroconf.zeroconf

    # --- announcing ---------------------------------------------------------------------------

    async def is_taken(self, name: str, types: Sequence[str], own: Container[str]) -> bool:
        """Whether the name is in use for any of these types: here, or by another program.

        ``own`` are the host names of this program.
        """
        infos = [self._info(name, each, 0, self.interface.plain_address, {}) for each in types]
        probed = PublishedServices(self.zeroconf, infos)
        if probed.is_registered():
            return True
        for _ in range(PROBES):
            probed.probe()
            await asyncio.sleep(PROBE_INTERVAL)
            if probed.is_registered() or probed.rival(own) is not None:
                return True
        return False

    async def publish(
        self, name: str, services: Mapping[str, int], address: str, properties: Mapping[str, str]
    ) -> PublishedServices:
        """Announce services with one address, if :meth:`is_taken` has just said no."""
        infos = [
            self._info(name, type_name, port, address, properties)
            for type_name, port in services.items()
        ]
        published = PublishedServices(self.zeroconf, infos)
        try:
            await published.announce()
        except BaseException:
            await published.withdraw()
            raise
        return published

    def _info(
        self, name: str, type_name: str, port: int, address: str, properties: Mapping[str, str]
    ) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            _full_type(type_name),
            f"{name}.{_full_type(type_name)}",
            port=port,
            server=self.server,
            parsed_addresses=[address],
            properties=dict(properties),
        )

    # --- finding ------------------------------------------------------------------------------

    def browse(self, types: Sequence[str], on_record: OnRecord) -> AsyncServiceBrowser:
        """Call ``on_record`` for each service of these types, until the browser is cancelled."""

        def changed(
            zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
        ) -> None:
            is_gone = state_change is ServiceStateChange.Removed
            on_record(service_type.removesuffix(f".{_DOMAIN}"), name, is_gone)

        return AsyncServiceBrowser(
            self.zeroconf,
            [_full_type(each) for each in types],
            [changed],
            question_type=DNSQuestionType.QM,  # a direct answer may reach another program here
        )

    async def resolve(self, type_name: str, full_name: str) -> DiscoveredService | None:
        """Ask where a service is; None if nobody answers, or it cannot be reached."""
        try:
            info = AsyncServiceInfo(_full_type(type_name), full_name)
        except ZeroconfError:  # e.g. control characters in its name
            return None
        if not await info.async_request(self.zeroconf, RESOLVE_TIME, DNSQuestionType.QM):
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
        """Forget the facts about a service: the next :meth:`resolve` asks for it."""
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
        self._announcing: dict[str, asyncio.Future[object]] = {}
        """The announcements that are being repeated, by name."""

    def is_registered(self) -> bool:
        """Whether this program announces any of these names already."""
        known = self._zeroconf.registry.async_get_info_name
        return any(known(info.name.lower()) is not None for info in self._infos)

    def probe(self) -> None:
        """Ask whether another program has these names: it would answer at once.

        By multicast, as another program of this machine may have the same port.
        """
        question = DNSOutgoing(_QUERY)
        for info in self._infos:
            question.add_question(DNSQuestion(info.name, _ANY, _INTERNET))
            question.add_authorative_answer(info.dns_pointer())  # which makes it a probe
        self._zeroconf.async_send(question)

    async def announce(self) -> None:
        """Send the announcements; later ones follow within a second."""
        for info in self._infos:
            self._announcing[info.name] = asyncio.ensure_future(
                await self._zeroconf.async_register_service(info, cooperating_responders=True)
            )

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
        for announcing in self._announcing.values():
            announcing.cancel()  # one after the goodbye would bring them back
        sending = [
            await self._zeroconf.async_unregister_service(info)
            for info in self._infos
            if info.name in self._announcing and not self._zeroconf.done
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


def _properties(info: AsyncServiceInfo) -> dict[str, str]:
    entries = list(info.properties.items())[:MAX_PROPERTIES]
    return {_text(key): "" if value is None else _text(value) for key, value in entries}


def _text(data: bytes) -> str:
    return printable_text(data.decode(errors="replace"))


def _ignore_other_interfaces(sock: socket.socket | None) -> None:
    """Drop datagrams from other interfaces, also those received before this call."""
    if sock is not None and sys.platform == "linux":
        with contextlib.suppress(OSError):
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            for _ in range(MAX_DISCARDED):
                sock.recv(1, socket.MSG_DONTWAIT)

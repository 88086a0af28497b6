"""An endpoint as a server: HTTP with the WebSocket, the port for UDP, and changes of the tree."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

import oscbridge
from oscbridge_oscquery.changes import tree_changes
from oscbridge_oscquery.commands import OSCQueryCommand
from oscbridge_oscquery.options import OSCQueryOptions
from oscbridge_oscquery.osc_port import OSCPort
from oscbridge_oscquery.server import OSCQueryServer

__all__ = ["CHANGE_INTERVAL", "ServerRole"]

CHANGE_INTERVAL: Final = 1.0
"""Seconds between reports about changes of the tree: clients may load it again each time."""

FLUSH: Final = 1.0
"""Seconds between summaries of what clients did wrong."""

MAX_TITLE: Final = 58
"""Bytes of the name of the server in the name of a service, before what makes it unique."""

MAX_TRIES: Final = 20
"""Attempts to find a number that is free for TCP and UDP, where the system chooses it."""


class ServerRole:
    """Runs the server of an endpoint."""

    def __init__(
        self,
        name: str,
        options: OSCQueryOptions,
        host: oscbridge.Host,
        access: oscbridge.AccessControl,
        addresses: oscbridge.EndpointAddresses,
        log: logging.Logger,
    ) -> None:
        self._name = name
        self._options = options
        self._host = host
        self._access = access
        self._addresses = addresses
        self._log = log
        self._values = addresses.keep_values()
        self._announced = addresses.visible
        """The tree that clients know."""
        self._is_changed = asyncio.Event()
        self._server: OSCQueryServer | None = None
        self._osc: OSCPort | None = None
        self._announcement: oscbridge.AnnouncedService | None = None

    @property
    def port(self) -> int:
        """The port of the HTTP server; 0 if it does not listen."""
        return 0 if self._server is None else self._server.front.port

    @property
    def client_count(self) -> int:
        """Clients with a WebSocket."""
        return 0 if self._server is None else len(self._server.clients)

    # --- life cycle ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. Raises ``OSError``."""
        listen = self._options.listen
        assert listen is not None
        for _ in range(MAX_TRIES):
            try:
                await self._open(listen)
            except OSError as error:
                await self.stop()
                if listen.port or error.errno != errno.EADDRINUSE:
                    raise
            else:
                self._announce(listen.host)
                return
        raise OSError(errno.EADDRINUSE, "no port is free for both TCP and UDP")

    async def _open(self, listen: oscbridge.HostPort) -> None:
        options = self._options
        number = listen.port if options.osc_port is None else options.osc_port
        if options.osc_port != 0:
            at = oscbridge.HostPort(listen.host, number)
            self._osc = await OSCPort.open(at, self._datagram)
            self._host.count_kernel_drops(self._osc.sock)
            if options.osc_port is None:
                listen = oscbridge.HostPort(listen.host, self._osc.port)
        self._server = OSCQueryServer(
            self._name,
            options,
            self._access,
            self._host,
            self._log,
            lambda: self._addresses.visible,
            self._values.get,
            self._osc_number,
        )
        self._announced = self._addresses.visible
        await self._server.front.start(listen)

    def _announce(self, host: str) -> None:
        """Announce the server in the local network, if that is wanted."""
        options, server = self._options, self._server
        if not options.announce or server is None or self._host.is_dry:
            return
        services = {"_oscjson._tcp": server.front.port}
        if number := self._osc_number():
            services["_osc._udp"] = number
        title = options.announce
        if not isinstance(title, str):
            title = f"{_shortened(server.title)}-{secrets.token_hex(2)}"
        announcement = oscbridge.ServiceAnnouncement(
            title,
            services,
            listen=host,
            advertise=options.advertise or "",
            properties={"txtvers": "1"},
            part=f"endpoint.{self._name}",
        )
        self._announcement = self._host.discovery.announce(announcement)

    async def stop(self) -> None:
        """Close everything that is open."""
        announcement, self._announcement = self._announcement, None
        try:
            if announcement is not None:
                await announcement.close()
        finally:
            await self._stop_server()

    async def _stop_server(self) -> None:
        server, self._server = self._server, None
        osc, self._osc = self._osc, None
        if osc is not None:
            self._host.count_kernel_drops(None)
            osc.close()
        if server is not None:
            await server.stop()

    def update(self, options: OSCQueryOptions) -> None:
        """Use other options with the same ports. Raises ``ValueError``."""
        if self._server is not None:
            self._server.update(options)
        self._options = options

    def renew_access(self) -> None:
        """The tokens have changed."""
        if self._server is not None:
            self._server.clients.renew(self._access)

    # --- UDP ----------------------------------------------------------------------------------

    @property
    def _is_open_to_udp(self) -> bool:
        """Whether OSC over UDP is accepted from somewhere: it cannot carry a token."""
        return not self._access.required or bool(self._options.allow)

    def _osc_number(self) -> int:
        return 0 if self._osc is None or not self._is_open_to_udp else self._osc.port

    def _datagram(self, data: bytes, peer: oscbridge.ClientAddress) -> None:
        if self._server is None:
            return
        allow = self._options.allow
        if (allow and peer[0] not in allow) or not self._is_open_to_udp:
            why = "UDP cannot carry a token; add it to 'allow' to accept it"
            text = "not in 'allow'" if allow else why
            self._host.refused(f"a datagram from {peer[0]}: {text}")
            return
        rights = oscbridge.OPEN_ACCESS.rights
        self._server.incoming.receive(data, peer, rights)

    # --- messages and changes -----------------------------------------------------------------

    def send(self, messages: Sequence[oscbridge.Message]) -> None:
        """Send messages of routes to the clients that listen to them."""
        server = self._server
        if server is None:
            raise oscbridge.NotConnected
        is_shared = server.incoming.is_shared
        server.clients.publish([each for each in messages if not is_shared(each)])

    def addresses_changed(self) -> None:
        """The tree has changed: it is reported to the clients, at a limited rate."""
        self._is_changed.set()

    async def report_changes(self) -> None:
        """Report changes of the tree to the clients, until cancelled."""
        while True:
            await self._is_changed.wait()
            self._is_changed.clear()
            server, old, new = self._server, self._announced, self._addresses.visible
            self._announced = new
            if server is None or old is new:
                continue
            server.encoder.forget()
            changes = partial(_changes, old, new, server.clients.rights)
            server.clients.announce(await asyncio.to_thread(changes))
            await asyncio.sleep(CHANGE_INTERVAL)

    async def flush_reports(self) -> None:
        """Log what clients did wrong, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH)
            if self._server is not None:
                self._server.front.reporting.flush_reports()


def _changes(
    old: oscbridge.AddressBook,
    new: oscbridge.AddressBook,
    clients: Collection[oscbridge.AccessRights],
) -> dict[oscbridge.AccessRights, list[OSCQueryCommand]]:
    """The commands for clients with these rights. On a thread: with many nodes it takes long."""
    return {rights: tree_changes(old.filtered(rights), new.filtered(rights)) for rights in clients}


def _shortened(text: str) -> str:
    return text.encode()[:MAX_TITLE].decode(errors="ignore")

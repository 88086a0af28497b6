"""The OSCQuery endpoint: a server of the address space, or a client of another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import oscbridge
from oscbridge_oscquery.client_role import ClientRole
from oscbridge_oscquery.found_server import FoundServer
from oscbridge_oscquery.mirror import Mirror
from oscbridge_oscquery.options import OSCQueryOptions
from oscbridge_oscquery.server_role import ServerRole

__all__ = ["OSCQueryEndpoint"]


class OSCQueryEndpoint(
    oscbridge.Endpoint[OSCQueryOptions],
    oscbridge.Reconfigurable[OSCQueryOptions],
    oscbridge.RouteAware,
    oscbridge.Serving,
    oscbridge.Guarded,
    oscbridge.UsesAddresses,
    oscbridge.FindsDevices,
):
    """Serves the known addresses over OSCQuery, or mirrors the tree of another server.

    With ``listen`` it serves what the routes make of the known addresses. A node is in the tree if
    a route leads from or to the endpoint with its address. Messages are sent to the clients that
    listen to their addresses, each in its own frame. With ``url`` it mirrors the tree of another
    server, and listens to the nodes that routes read.
    """

    default_routes_include_self = True  # clients are sent each other's messages
    service_types = ("_oscjson._tcp",)
    example_options: ClassVar[oscbridge.TomlTable] = {"listen": "127.0.0.1:9190"}
    example_peer = "oscbridge_oscquery.conformance:ListeningPeer"

    def __init__(self, name: str, options: OSCQueryOptions) -> None:
        super().__init__(name, options)
        self._server: ServerRole | None = None
        self._client: ClientRole | None = None
        self._found: FoundServer | None = None
        self._mirror = Mirror()

    @classmethod
    def device_of(cls, service: oscbridge.DiscoveredService) -> oscbridge.NearbyDevice:
        return oscbridge.NearbyDevice(service.name, {"find": service.name}, service.place)

    @classmethod
    def default_routes_for(cls, options: OSCQueryOptions, /, *, is_source: bool) -> Sequence[str]:
        return ("*",) if options.is_server else ()

    def describe(self) -> str:
        listen = self.options.listen
        if listen is None:
            if self._client is not None:
                return self._client.url
            return self.options.url or f"{self.options.find} (looking for it)"
        port = 0 if self._server is None else self._server.port
        scheme = "http" if self.options.certificate is None else "https"
        return f"{scheme}://{listen._replace(port=port or listen.port)}"

    @property
    def client_count(self) -> int:
        return 0 if self._server is None else self._server.client_count

    # --- life cycle ---------------------------------------------------------------------------

    async def connect(self) -> None:
        if self.options.is_server:
            await self._serve()
        else:
            await self._mirror_server()

    async def _serve(self) -> None:
        options = self.options
        assert options.listen is not None
        if (
            self.access.required
            and options.certificate is None
            and not oscbridge.is_loopback(options.listen.host)
        ):
            self.log.warning(
                "tokens are sent in plain text, and everyone on the network can read them; "
                "set 'certificate' to use TLS"
            )
        await self.addresses.prepare()
        self._server = server = ServerRole(
            self.name, options, self.host, self.access, self.addresses, self.log
        )
        await server.start()
        self.start_task(server.report_changes())
        self.start_task(server.flush_reports())

    async def _mirror_server(self) -> None:
        options = self.options
        url = options.url
        if url is None:
            self._found = found = FoundServer(options.find or "", self.log, self.name)
            url = await found.find(self.host.discovery)
        token = None if options.token is None else options.token.value
        self._client = client = ClientRole(
            self.name,
            url,
            token,
            options.poll,
            self.host,
            self.addresses,
            self._mirror,
            self.log,
        )
        try:
            await client.start()
        except (OSError, oscbridge.NotConnected):
            if self._found is not None:
                self._found.doubt()
            raise
        self.start_task(client.follow_changes())
        if client.has_listen:
            self.start_task(client.read())
            self.start_task(client.check_health())
        else:
            self.start_task(client.poll())
        if self._found is not None:
            self.start_task(self._found.follow(self.host.connection_lost))

    async def close(self) -> None:
        server, self._server = self._server, None
        client, self._client = self._client, None
        found, self._found = self._found, None
        try:
            if server is not None:
                await server.stop()
            if found is not None:
                await found.close()
        finally:
            if client is not None:
                await client.stop()

    def update(self, options: OSCQueryOptions) -> bool:
        old = self.options
        if self._server is None or not options.is_server:
            return options == old
        if (options.listen, options.osc_port) != (old.listen, old.osc_port):
            return False
        if (options.certificate is None) != (old.certificate is None):
            return False
        if options.announcement != old.announcement:
            return False
        try:
            self._server.update(options)
        except ValueError as error:  # the files have changed since the options were validated
            raise oscbridge.ConfigurationError(f"endpoint.{self.name}: {error}") from None
        return True

    # --- what the bridge reports --------------------------------------------------------------

    def on_access_changed(self) -> None:
        if self._server is not None:
            self._server.renew_access()

    def on_routes_changed(self) -> None:
        if self._client is not None:
            self._client.routes_changed()

    def on_addresses_changed(self, change: oscbridge.AddressChange) -> None:
        if self._server is not None:
            self._server.addresses_changed()

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if self._server is not None:
            self._server.send(messages)
        elif self._client is not None:
            await self._client.send(messages)
        else:
            raise oscbridge.NotConnected

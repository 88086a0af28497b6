"""The webhook endpoint: requests made of messages, and messages made of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

import oscbridge
from oscbridge_webhook.client import WebhookClient
from oscbridge_webhook.options import WebhookOptions, client_tls
from oscbridge_webhook.requests import RequestPlanner, WebhookDelivery
from oscbridge_webhook.server import WebhookServer
from oscbridge_webhook.target import TargetURL

__all__ = ["WebhookEndpoint"]

FLUSH: Final = 1.0
"""Seconds between summaries of what clients did wrong."""


class WebhookEndpoint(
    oscbridge.Endpoint[WebhookOptions, WebhookDelivery],
    oscbridge.Reconfigurable[WebhookOptions],
    oscbridge.Serving,
    oscbridge.Guarded,
):
    """Sends each message to ``url``, and accepts requests at ``listen``."""

    default_routes_include_self = True  # messages sent here can be read here
    example_options: ClassVar[oscbridge.TomlTable] = {"listen": "127.0.0.1:8090"}
    example_peer = "oscbridge_webhook.conformance:ReceiverPeer"

    def __init__(self, name: str, options: WebhookOptions) -> None:
        super().__init__(name, options)
        self._planner = RequestPlanner(options)
        self._client: WebhookClient | None = None
        self._server: WebhookServer | None = None

    @classmethod
    def default_routes_for(cls, options: WebhookOptions, /, *, is_source: bool) -> Sequence[str]:
        return ("*",) if options.url is None else ()

    def describe(self) -> str:
        listen = self.options.listen
        if listen is None:
            # Not the path: it is often all that keeps others from sending.
            url = self.options.url
            return "" if url is None else str(TargetURL.parse(url.value).origin)
        port = listen.port if self._server is None else self._server.front.port or listen.port
        scheme = "http" if self.options.certificate is None else "https"
        return f"{scheme}://{listen._replace(port=port)}"

    @property
    def keeps_last_values(self) -> bool:
        return self.options.listen is not None

    @property
    def client_count(self) -> int:
        return 0 if self._server is None else self._server.front.connections

    async def connect(self) -> None:
        options = self.options
        self._client = WebhookClient(self.host, client_tls(options.ca), options.timeout)
        if options.listen is None:
            return
        server = WebhookServer(self.name, options, self.access, self.host, self.log)
        if (
            self.access.required
            and options.certificate is None
            and not oscbridge.is_loopback(options.listen.host)
        ):
            self.log.warning(
                "tokens are sent in plain text, and everyone on the network can read them; "
                "set 'certificate' to use TLS"
            )
        self._server = server
        await server.front.start(options.listen)
        self.start_task(self._flush_reports(server))

    async def _flush_reports(self, server: WebhookServer) -> None:
        while True:
            await asyncio.sleep(FLUSH)
            server.front.reporting.flush_reports()

    async def close(self) -> None:
        client, self._client = self._client, None
        server, self._server = self._server, None
        try:
            if server is not None:
                server.streams.end()
                await server.front.stop()
        finally:
            if client is not None:
                await client.close()

    def update(self, options: WebhookOptions) -> bool:
        if options.listen != self.options.listen:
            return False
        if (options.certificate is None) != (self.options.certificate is None):
            return False
        try:
            tls = client_tls(options.ca)
            if self._server is not None:
                self._server.update(options)
        except ValueError as error:  # the files have changed since the options were validated
            raise oscbridge.ConfigurationError(f"endpoint.{self.name}: {error}") from None
        if self._client is not None:
            self._client.tls, self._client.timeout = tls, options.timeout
        self._planner = RequestPlanner(options)
        return True

    def on_access_changed(self) -> None:
        if self._server is not None:
            self._server.streams.renew(self.access)

    async def send(self, delivery: WebhookDelivery) -> None:
        request = self._planner.request(delivery)
        if request is not None:
            if self._client is None:
                raise oscbridge.NotConnected
            await self._client.deliver(request)
        if self._server is not None:
            self._server.streams.publish(delivery.message)

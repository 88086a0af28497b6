"""Runs the OSC server of one bridge in the configured mode."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from oscbridge.bridge.clients.outgoing import ClientLink
from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.kernel_drops import KernelDrops
from oscbridge.bridge.sources.listener_protocol import Listener
from oscbridge.bridge.sources.local_listener import LocalListener
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.url import OSCURL
from oscbridge.server.udp_asyncio import AsyncIOOSCUDPServer, DispatchingProtocol

__all__ = ["Listener", "listen", "set_limits"]


async def listen(
    name: str, options: BridgeOptions, dispatcher: Dispatcher, routes: Sequence[Route]
) -> Listener:
    """Start the server of one bridge.

    ``routes`` are for mode forking, whose routes run in another process; in the other modes
    they are mapped in the dispatcher. Sets the dispatcher's limits. Raises ``OSError`` if the
    address is not available.
    """
    set_limits(dispatcher, options.limits)
    dispatcher.forwards_tags = options.time_tags == "forward"
    # Most bridges use UDP on the event loop: the others are imported where they are used.
    if options.mode == "forking":
        from oscbridge.bridge.sources.forked.supervisor import ForkingListener

        listener = ForkingListener(name, options, dispatcher, routes)
        await listener.start()
        return listener
    try:
        if options.mode == "asyncio":
            return await _start_on_loop(options, dispatcher)
        from oscbridge.bridge.sources.thread_listener import ThreadListener

        return ThreadListener(name, options, dispatcher)
    except ValueError as error:  # an invalid host or interface
        raise OSError(str(error)) from error


def set_limits(dispatcher: Dispatcher, limits: LimitOptions) -> None:
    """Set the limits of a bridge in its dispatcher and its scheduler."""
    scheduler = dispatcher.scheduler
    scheduler.max_pending = limits.max_pending
    scheduler.horizon = limits.horizon
    scheduler.too_early = limits.too_early
    dispatcher.max_route_calls = limits.max_route_calls
    if dispatcher.limits != limits.packet_limits():
        dispatcher.set_limits(limits.packet_limits())


async def _start_on_loop(options: BridgeOptions, dispatcher: Dispatcher) -> Listener:
    url = options.listen
    if url.scheme == "udp":
        server = AsyncIOOSCUDPServer((url.host, url.port), dispatcher, asyncio.get_running_loop())
        server.multicast_interface = options.interface
        server.allow = options.allow
        transport, protocol = await server.create_serve_endpoint()
        clients = UDPClientLink(
            transport.get_extra_info("socket"), options.allow, cast(DispatchingProtocol, protocol)
        )
        return _AsyncUDPListener(url, transport, dispatcher, clients)
    from oscbridge.bridge.sources.tcp_listener import listen_tcp

    return await listen_tcp(options, dispatcher)


class _AsyncUDPListener(LocalListener):
    def __init__(
        self,
        url: OSCURL,
        transport: asyncio.DatagramTransport,
        dispatcher: Dispatcher,
        clients: ClientLink,
    ) -> None:
        self._transport = transport
        self.clients = clients
        self.drops = KernelDrops(transport.get_extra_info("socket"), dispatcher)
        self.address = url._replace(port=transport.get_extra_info("sockname")[1])

    def pause(self, on: bool) -> None:
        method = getattr(self._transport, "pause_reading" if on else "resume_reading", None)
        if method is not None:  # the transport of Windows' loop has none
            method()

    async def stop(self) -> bool:
        self.stop_sending()
        self._transport.close()
        self.update_counts()  # its socket is closed in the next turn of the loop
        await asyncio.sleep(0)
        return True

"""What the bridge does for an endpoint without its connection: messages in, counters, routes."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from oscbridge.access.control import AccessControl
from oscbridge.access.token import AccessToken
from oscbridge.access.token_failures import TokenFailures
from oscbridge.bridge.config.certificates import certificates_of, new_certificates
from oscbridge.bridge.config.limit_models import LimitOptions
from oscbridge.bridge.hops import MAX_HOPS, TOO_MANY_HOPS, hops_of, origin_after
from oscbridge.bridge.sinks.confirmation import ConfirmingSink, until_settled
from oscbridge.bridge.sinks.connection import description_of
from oscbridge.bridge.sinks.drops import DropCounter, which_reason
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sources.kernel_drops import KernelDrops
from oscbridge.contract.abilities import Guarded, Reconfigurable, RouteAware
from oscbridge.contract.delivery import Deliverable, RouteInfo
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.discovery.discovery import Discovery
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.turn import Turn
from oscbridge.errors import DecodeError, EndpointError
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.certificate import CertificateInfo
from oscbridge.net.site_link import SiteLink
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message

__all__ = ["EndpointHost"]

MAX_REFUSALS: Final = 16
"""Refused peers and reasons that are logged one by one; the others share a line."""


class EndpointHost(ABC):
    """The half of an endpoint's host that needs no connection."""

    def __init__(self, endpoint: AnyEndpoint) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.dispatcher = Dispatcher(
            name=endpoint.name, scheduler=LimitOptions().scheduler(), adds_slash=True
        )
        """The routes that read from this endpoint."""
        self.turn = Turn()
        """The same for all sources and sinks of an application."""
        self.discovery = Discovery()
        """Shared by all endpoints of an application."""
        self.site_link = SiteLink()
        """The same."""
        self.certificates: Mapping[str, CertificateInfo] = {}
        """Its certificates by key."""
        self.refusals = 0
        self.link: tuple[ClientAddress, ClientAddress] | None = None
        """From where to where it sends OSC packets, while that is known."""
        self.on_link_change: Callable[[], None] = _nothing
        self.queue: SendQueue | None = None
        """Messages waiting for delivery, once it is open and if it is a sink."""
        self.targets: Mapping[str, ConfirmingSink] = {}
        """The sinks that routes from this endpoint lead to, by name."""
        self._routes: Sequence[RouteInfo] = ()
        self._log = RateLimitedLog(endpoint.log)
        self._refusal_log = RateLimitedLog(endpoint.log, kinds=MAX_REFUSALS)
        self._drops = DropCounter(self._log)
        self._client_drops = DropCounter(self._log)
        self._kernel_drops: KernelDrops | None = None

    # --- the endpoint ------------------------------------------------------------------------

    def describe(self) -> str:
        """Where it is, human-readable; why that is unknown if the endpoint fails. Never raises."""
        return description_of(self.endpoint)

    @property
    def routed(self) -> bool:
        """Whether a route of the configuration sends messages to it."""
        return bool(self._routes)

    @property
    def routes(self) -> Sequence[RouteInfo]:
        """The routes of the configuration that lead to it."""
        return self._routes

    @routes.setter
    def routes(self, routes: Sequence[RouteInfo]) -> None:
        self._routes = routes
        if isinstance(self.endpoint, RouteAware):
            self.endpoint.routes = routes

    def routes_changed(self) -> None:
        """Notify the endpoint that its routes have changed. Raises what it raises."""
        if isinstance(self.endpoint, RouteAware):
            self.endpoint.on_routes_changed()

    def read_certificates(self, options: Options) -> Sequence[str]:
        """Note its certificates. Returns a line about each that is new since the last call."""
        before, self.certificates = self.certificates, certificates_of(options)
        return new_certificates(f"endpoint.{self.name}", before, self.certificates)

    def update(self, options: Options) -> bool:
        """Whether the endpoint continues with other options. Raises what it raises."""
        if isinstance(self.endpoint, Reconfigurable):
            return bool(self.endpoint.update(options))
        return bool(options == self.endpoint.options)

    @abstractmethod
    def connection_lost(self, error: Exception) -> None:
        """Close the endpoint's connection, and connect again."""

    def control_room_url(self, host: str) -> str:
        """Where the control room is for somebody who reaches this machine as ``host``."""
        return self.site_link.url_for(host)

    # --- its clients -------------------------------------------------------------------------

    def control_access(self, tokens: Sequence[AccessToken], failures: TokenFailures) -> None:
        """Give the endpoint the tokens that are valid for it, before it is connected."""
        if isinstance(self.endpoint, Guarded):
            self.endpoint.access = AccessControl(self.name, failures, self.refused)
            self.endpoint.access.set_tokens(tokens)

    def change_tokens(self, tokens: Sequence[AccessToken], *, is_leaving: bool = False) -> None:
        """Use other tokens, at a reload. An endpoint that is leaving gets no new clients by it."""
        if not isinstance(self.endpoint, Guarded):
            return
        try:
            access = self.endpoint.access
            if access.restrict(tokens) if is_leaving else access.set_tokens(tokens):
                self.endpoint.on_access_changed()
        except BaseException as error:  # its clients may have access that they lost
            self.endpoint.log.error("on_access_changed failed", exc_info=error)
            text = f"on_access_changed failed: {failure_text(error)}"
            self.connection_lost(EndpointError(text))

    # --- messages from it ----------------------------------------------------------------------

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes, unless it has passed through too many endpoints."""
        hops = 0 if message.origin is None else hops_of(message.origin) + 1
        if hops > MAX_HOPS:
            self.dispatcher.statistics.messages += 1
            self.dispatcher.report_dropped("loop", 1, TOO_MANY_HOPS)
            return
        origin = origin_after(self.name, peer, hops)
        message = Message(message.address, message.types, message.args, message.timetag, origin)
        self.dispatcher.dispatch_message(message, peer, _no_reply)

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes."""
        self.dispatcher.dispatch(data, peer, _no_reply)

    async def until_delivered(self) -> None:
        """Wait until the sinks are done with all messages that were received until now."""
        await until_settled(tuple(self.targets.values()))

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        """The identifiers on disk of messages that are being sent; empty for the others."""
        return [""] * len(messages) if self.queue is None else self.queue.record_ids(messages)

    def receiving(self) -> AbstractContextManager[None]:
        """Let sinks deliver the messages received within at its end, unless a task runs."""
        return self.turn.around()

    def takes(self, address: str) -> bool:
        """Whether a route reads messages with this address from the endpoint."""
        return next(iter(self.dispatcher.handlers_for_address(address)), None) is not None

    def peer_disconnected(self, peer: ClientAddress) -> None:
        """The connection of a peer is over."""
        self.dispatcher.client_disconnected(peer)

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and log invalid input from a peer."""
        error.reason = which_reason(self.dispatcher.statistics.bad, error.reason)
        self.dispatcher.report_bad(error, peer)

    def input_dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log received messages that will not reach the routes."""
        if not self._drops.is_valid(reason, count):
            return
        reason = which_reason(self.dispatcher.statistics.dropped, reason)
        self.dispatcher.statistics.messages += count
        self.dispatcher.report_dropped(reason, count, why or reason)

    def count_kernel_drops(self, sock: socket.socket | None) -> None:
        """Count the datagrams that the kernel drops at a UDP socket; None ends that."""
        self.update_counts()
        self._kernel_drops = None if sock is None else KernelDrops(sock, self.dispatcher)

    def sends_packets(self, near: ClientAddress | None, remote: ClientAddress | None) -> None:
        """Note from where to where the endpoint sends; None before it closes its socket."""
        self.link = None if near is None or remote is None else (near, remote)
        self.on_link_change()

    def update_counts(self) -> None:
        """Count what the kernel has dropped until now."""
        if self._kernel_drops is not None:
            self._kernel_drops.update()

    def flush_logs(self, *, everything: bool) -> None:
        """Log the summaries that are due; with ``everything``, all. Counts kernel drops too."""
        self._log.flush(everything=everything)
        self._refusal_log.flush(everything=everything)
        if self._kernel_drops is not None:
            self._kernel_drops.flush_reports(everything=everything)

    def refused(self, text: str) -> None:
        """Count and log a rejected client."""
        self.refusals += 1
        self._refusal_log.report(text, f"refused {text}")

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that will not be delivered. From any thread."""
        self._drops.drop(reason, count, why)

    def client_dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that one client misses. From any thread."""
        self._client_drops.drop(reason, count, why)

    @property
    def client_drops(self) -> Counter[str]:
        """Messages that single clients missed, by reason; for the endpoint they are sent."""
        return self._client_drops.counts

    @property
    def drops(self) -> Counter[str]:
        """Messages that were not delivered, by reason."""
        return self._drops.counts


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """Ignore the result of a route's function: an endpoint takes no replies."""


def _nothing() -> None:
    """Nobody needs to know the addresses yet."""

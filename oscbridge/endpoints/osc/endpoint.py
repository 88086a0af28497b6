"""The OSC endpoint: sends to one OSC peer, and receives from it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

import oscbridge
from oscbridge.endpoints.osc.link import DeviceLink
from oscbridge.endpoints.osc.packets import OutgoingPackets
from oscbridge.endpoints.osc.target_name import TargetName, is_name
from oscbridge.endpoints.osc.tcp import connect_tcp
from oscbridge.endpoints.osc.udp import UDPLink, open_udp

__all__ = ["OSCEndpoint"]

CONFIRM_TIME: Final = 0.5
"""Seconds without another refusal after which a datagram counts as accepted."""

SILENT_INTERVALS: Final = 3
"""Keepalive intervals without a reply after which the peer counts as unreachable."""


def _to(url: oscbridge.OSCURL) -> oscbridge.OSCURL:
    if url.framing == "auto":
        raise ValueError(
            "a client must choose the framing: tcp:// (OSC 1.1, SLIP) or tcp+1.0:// (length)"
        )
    oscbridge.check_host(url.host)
    if not url.port:
        raise ValueError("port must be at least 1")
    return url


def _listen(value: object) -> object:
    """``udp://host:port``, as bridges have it, is accepted as well."""
    if isinstance(value, str) and "://" in value:
        url = oscbridge.OSCURL.parse(value)
        if url.scheme != "udp":
            raise ValueError("available only for udp://; over TCP replies use the connection")
        return str(oscbridge.HostPort(url.host, url.port))
    return value


def _packet(text: str) -> bytes:
    """The packet of a message template without placeholders. Raises ``ValueError``."""
    template = oscbridge.MessageTemplate(text)
    if template.placeholders:
        raise ValueError("placeholders are not available here")
    return oscbridge.encode_message(template.fill(oscbridge.Message("/", "")))


def _message(text: str) -> str:
    _packet(text)
    return text


class Keepalive(oscbridge.Options):
    """``keepalive = {...}``: a message that a device requires regularly to keep sending."""

    send: Annotated[str, AfterValidator(_message)]
    """The message, e.g. ``"/xremote"`` or ``"/subscribe 50"``."""
    every: Annotated[float, Field(ge=0.1, le=3600)]
    """Interval in seconds, 0.1 to 3600."""
    expect: bool = False
    """Whether the device replies. If so, it counts as unreachable after three silent intervals."""


class OSCOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "osc"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"hops": "max_hops"}

    to: Annotated[oscbridge.OSCURL, AfterValidator(_to)]
    """Where to send: ``udp://``, ``tcp://`` (OSC 1.1) or ``tcp+1.0://``, then ``host:port``.
    A multicast group or a broadcast address is fine."""
    listen: Annotated[
        oscbridge.HostPort | None, BeforeValidator(_listen, json_schema_input_type=str)
    ] = None
    """The local UDP address to send from and to receive replies on, ``host:port`` or
    ``udp://host:port``; by default any port. ``[::]`` and ``*`` are IPv6 and IPv4."""
    keepalive: Keepalive | None = None
    """A message that is sent regularly: ``{ send = "/xremote", every = 8 }``. With
    ``expect = true`` the device replies to it, as with
    ``{ send = "/xinfo", every = 8, expect = true }``
    of an X32: silence for three intervals is shown as not connected."""
    max_hops: Annotated[int, Field(ge=0, le=255)] = 1
    """Hop limit (TTL) of multicast packets; 1 keeps them within the local network."""
    interface: Annotated[str, AfterValidator(oscbridge.check_interface)] = ""
    """The interface for outgoing multicast: its address (IPv4) or its name (IPv6)."""

    @field_validator("listen")
    @classmethod
    def _fits(
        cls, listen: oscbridge.HostPort | None, info: ValidationInfo
    ) -> oscbridge.HostPort | None:
        to = info.data.get("to")
        if listen is None or to is None:
            return listen
        if to.scheme != "udp":
            raise ValueError("available only for udp://; over TCP replies use the connection")
        if oscbridge.is_any_host(listen.host):
            return listen
        if (":" in listen.host) != (":" in to.host) and _is_address(to.host):
            raise ValueError("listen and to must both be IPv4, or both be IPv6")
        return listen


class OSCEndpoint(oscbridge.Endpoint[OSCOptions], oscbridge.Reconfigurable[OSCOptions]):
    """Sends OSC to one address, and receives replies on the port that it sends from.

    Each message is sent as its own packet, because few devices accept bundles; those with a
    forwarded time tag (``time_tags = "forward"``) are sent in bundles. Messages
    from the peer, and the endpoint's own returning messages, are not sent to the peer again. The
    name of a UDP target is looked up again while it is connected.
    """

    example_options: ClassVar[oscbridge.TomlTable] = {"to": "udp://192.168.1.40:9000"}
    example_peer = "oscbridge.testing.osc_peers:OSCUDPPeer"
    on_start = "retry"
    keeps_bundles = True

    def __init__(self, name: str, options: OSCOptions) -> None:
        super().__init__(name, options)
        keepalive = self.options.keepalive
        self._keepalive = b"" if keepalive is None else _packet(keepalive.send)
        self._link: DeviceLink | None = None
        self._name: TargetName | None = None
        """The name of the target, if it has one that may get another address."""
        if is_name(options.to.host):
            self._name = TargetName(options.to, self.log, self._moved)
        self._timer: asyncio.TimerHandle | None = None
        self._own: frozenset[object] = frozenset()
        """This endpoint's own address, in all its forms."""
        self._peers: frozenset[object] = frozenset()
        """Origins whose messages are not sent: the peer and this endpoint, in all their forms."""
        self._heard_at = 0.0
        """Time of the last packet or of the connection, in seconds of the loop's clock."""
        self._is_refused = False
        self._is_silent = False
        self._confirm: asyncio.TimerHandle | None = None
        """The timer that ends the refusal, unless another one follows."""

    def describe(self) -> str:
        if self._link is None:
            return str(self.options.to)
        return f"{self.options.to} from :{self._link.near[1]}"

    async def connect(self) -> None:
        to = self.options.to
        if to.scheme == "udp":
            self._link = link = await open_udp(
                to,
                self.options.listen,
                hops=self.options.max_hops,
                interface=self.options.interface,
                on_packet=self._received,
                on_refused=self._refused,
            )
            self.host.count_kernel_drops(link.sock)
        else:
            self._link = await connect_tcp(
                to,
                on_packet=self._received,
                on_bad=self._received_bad,
                on_lost=self.host.connection_lost,
                on_missed=self.host.client_dropped,
            )
        self._own = frozenset(_forms(self._link.near))
        self._peers = self._own.union(_forms(self._link.remote))
        if self._name is not None:
            self._name.use(self._link.remote)
            is_udp, is_fixed = to.scheme == "udp", self.options.listen is not None
            self.start_task(self._name.watch(is_periodic=is_udp, is_family_fixed=is_fixed))
        self._heard_at = asyncio.get_running_loop().time()
        self._keep_alive()

    def update(self, options: OSCOptions) -> bool:
        if options != self.options:
            return False
        self._look_up_name()
        return True

    def _look_up_name(self) -> None:
        if self._name is not None:
            self._name.look_up_soon()

    def _moved(self, remote: oscbridge.ClientAddress) -> None:
        """Send to the new address of the target: from the same port if possible."""
        link, is_fixed = self._link, self.options.listen is not None
        if isinstance(link, UDPLink) and link.redirect(remote, is_fixed=is_fixed):
            self._peers = self._own.union(_forms(remote))
            if self._name is not None:
                self._name.use(remote)
            if self._is_refused:
                self._cancel_confirm()
                self._confirmed()
        else:
            text = f"{self.options.to.host} is now {remote[0]}"
            self.host.connection_lost(oscbridge.NotConnected(text))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._cancel_confirm()
        self._is_refused = self._is_silent = False
        link, self._link = self._link, None
        if link is not None:
            self.host.count_kernel_drops(None)
            await link.close()

    def _keep_alive(self) -> None:
        """Send the keepalive now and at every interval."""
        keepalive, link = self.options.keepalive, self._link
        if keepalive is not None and link is not None and not self.host.is_dry:
            loop = asyncio.get_running_loop()
            silence = loop.time() - self._heard_at
            if keepalive.expect and silence >= SILENT_INTERVALS * keepalive.every:
                self._is_silent = True
                address = keepalive.send.split()[0]
                seconds = SILENT_INTERVALS * keepalive.every
                self._look_up_name()
                self.host.unreachable(f"no reply to {address} for {seconds:.2g} s")
            link.try_to_send(self._keepalive)
            self._has_sent()
            self._timer = loop.call_later(keepalive.every, self._keep_alive)

    # --- sending -------------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if self._link is None:
            raise oscbridge.NotConnected
        batch = OutgoingPackets(messages, self._is_echo)
        try:
            if batch.packets:
                await self._link.send(batch.packets)
                self._has_sent()
        except oscbridge.PartialDelivery as partial:
            raise batch.about_messages(partial) from partial.cause
        if batch.rejected:
            raise oscbridge.PartialDelivery(batch.accepted, batch.rejected)

    def _is_echo(self, origin: oscbridge.Origin | None) -> bool:
        if origin is None:
            return False
        if origin.source == self.name:
            return True
        peer = origin.peer
        return isinstance(peer, tuple) and peer[:2] in self._peers

    # --- reachability of the peer ------------------------------------------------------------

    def _refused(self, reason: str) -> None:
        """An earlier datagram was not accepted."""
        self._is_refused = True
        self._cancel_confirm()
        self._look_up_name()
        self.host.unreachable(f"{reason} by {self.options.to}")

    def _has_sent(self) -> None:
        """After a refusal: start the timer that ends it."""
        if self._is_refused and self._confirm is None:
            loop = asyncio.get_running_loop()
            self._confirm = loop.call_later(CONFIRM_TIME, self._confirmed)

    def _confirmed(self) -> None:
        self._confirm, self._is_refused = None, False
        if not self._is_silent:
            self.host.reachable()

    def _cancel_confirm(self) -> None:
        if self._confirm is not None:
            self._confirm.cancel()
            self._confirm = None

    def _heard(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if self._is_refused or self._is_silent:
            self._is_refused = self._is_silent = False
            self._cancel_confirm()
            self.host.reachable()

    # --- receiving ---------------------------------------------------------------------------

    def _received(self, data: bytes, peer: oscbridge.ClientAddress) -> None:
        if peer[:2] not in self._own:  # sent multicast packets come back
            self._heard()
            self.host.receive_packet(data, peer)

    def _received_bad(self, error: oscbridge.DecodeError, peer: oscbridge.ClientAddress) -> None:
        self.host.bad_input(error, peer)


def _is_address(host: str) -> bool:
    """Whether a host is an address, not a name."""
    return ":" in host or host.replace(".", "").isdigit()


def _forms(address: oscbridge.ClientAddress) -> list[tuple[str, int]]:
    """The forms of an address: IPv6 sockets show IPv4 addresses as IPv4-mapped ones."""
    host, port = address[:2]
    host = host.partition("%")[0]
    return [(host, port)] if ":" in host else [(host, port), (f"::ffff:{host}", port)]


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"osc": OSCEndpoint}

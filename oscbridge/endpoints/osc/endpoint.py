"""The OSC endpoint: sends to one OSC peer, and receives from it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, cast

import oscbridge
from oscbridge.endpoints.osc.found_device import FoundDevice
from oscbridge.endpoints.osc.link import DeviceLink
from oscbridge.endpoints.osc.nearby import FindsOSC
from oscbridge.endpoints.osc.options import OSCOptions
from oscbridge.endpoints.osc.packets import OutgoingPackets
from oscbridge.endpoints.osc.service_url import ServiceURL
from oscbridge.endpoints.osc.tcp import connect_tcp
from oscbridge.endpoints.osc.udp import UDPLink, open_udp
from oscbridge.endpoints.osc.upkeep import Upkeep

__all__ = ["OSCEndpoint"]

CONFIRM_TIME: Final = 0.5
"""Seconds without another refusal after which a datagram counts as accepted."""

HOST_CONFIRM_TIME: Final = 5.0
"""The same after another error than a closed port: the system asks for a device that is off for
three seconds before it reports that there is no route to it (arp(7), RFC 4861, section 10)."""


class OSCEndpoint(
    oscbridge.Endpoint[OSCOptions],
    oscbridge.Reconfigurable[OSCOptions],
    oscbridge.KnowsAddresses[OSCOptions],
    FindsOSC,
):
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
        self._link: DeviceLink | None = None
        self._name: oscbridge.TargetName | None = None
        """The name of the target, if it has one that may get another address."""
        self._device: FoundDevice | None = None
        """The device that is found by the name of its service."""
        if isinstance(options.to, ServiceURL):
            self._device = FoundDevice(options.to, self.log, f"endpoint.{name}")
        else:
            self._name = oscbridge.TargetName.of(options.to, self.log, self._moved)
        self._upkeep = Upkeep(options, self._send_own, self._troubled)
        self._own: frozenset[object] = frozenset()
        """This endpoint's own address, in all its forms."""
        self._peers: frozenset[object] = frozenset()
        """Origins whose messages are not sent: the peer and this endpoint, in all their forms."""
        self._is_refused = False
        self._confirm_time = CONFIRM_TIME
        self._confirm: asyncio.TimerHandle | None = None
        """The timer that ends the refusal, unless another one follows."""

    @classmethod
    def known_addresses(cls, options: OSCOptions) -> Mapping[str, oscbridge.AddressInfo]:
        return {} if options.profile is None else options.profile.spoken

    def describe(self) -> str:
        if self._link is None:
            return str(self.options.to)
        at = self._device and self._device.at
        return f"{self.options.to}{f' at {at}' if at else ''} from :{self._link.near[1]}"

    async def connect(self) -> None:
        to = await self._target()
        if to.scheme == "udp":
            self._link = link = await open_udp(
                to,
                self.options.local,
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
        self.host.sends_packets(self._link.near, self._link.remote)
        self._peers = self._own.union(_forms(self._link.remote))
        if self._name is not None:
            self._name.use(self._link.remote)
            is_udp, is_fixed = to.scheme == "udp", self.options.local is not None
            self.start_task(self._name.watch(is_periodic=is_udp, is_family_fixed=is_fixed))
        if self._device is not None:
            self.start_task(self._follow(self._device))
        if not self.host.is_dry:
            self._upkeep.start()

    async def _target(self) -> oscbridge.OSCURL:
        """Where the device is. Raises :class:`oscbridge.EndpointError` if it is not found."""
        if isinstance(self.options.to, ServiceURL) and self._device is not None:
            return await self._device.find(self.host.discovery)
        return cast(oscbridge.OSCURL, self.options.to)

    async def _follow(self, device: FoundDevice) -> None:
        try:
            await device.follow(self._relocated)
        except oscbridge.NotConnected as error:
            self.host.connection_lost(error)

    def _relocated(self, at: oscbridge.OSCURL) -> None:
        """The device is elsewhere."""
        if at.scheme == "udp" and ":" not in at.host:
            self._moved((at.host, at.port))
        else:
            self.host.connection_lost(oscbridge.NotConnected(f"the device is now at {at}"))

    def update(self, options: OSCOptions) -> bool:
        if options != self.options:
            return False
        self._look_up_name()
        return True

    def _look_up_name(self) -> None:
        if self._name is not None:
            self._name.look_up_soon()
        if self._device is not None:
            self._device.doubt()

    def _moved(self, remote: oscbridge.ClientAddress) -> None:
        """Send to the new address of the target: from the same port if possible."""
        link, is_fixed = self._link, self.options.local is not None
        if isinstance(link, UDPLink) and link.redirect(remote, is_fixed=is_fixed):
            self._peers = self._own.union(_forms(remote))
            self.host.sends_packets(link.near, remote)
            if self._name is not None:
                self._name.use(remote)
            if self._is_refused:
                self._confirmed()
        else:
            to = self.options.to
            who = to.name if isinstance(to, ServiceURL) else to.host
            text = f"{who} is now {remote[0]}"
            self.host.connection_lost(oscbridge.NotConnected(text))

    async def close(self) -> None:
        self._upkeep.stop()
        self._cancel_confirm()
        self._is_refused = False
        link, self._link = self._link, None
        if self._device is not None:
            await self._device.close()
        if link is not None:
            self.host.count_kernel_drops(None)
            self.host.sends_packets(None, None)
            await link.close()

    def _send_own(self, packet: bytes) -> None:
        """Send a packet of the upkeep, or drop it."""
        if self._link is not None:
            self._link.try_to_send(packet)
            self._has_sent()

    def _troubled(self, reason: str) -> None:
        """The device does not answer, or does not let us in."""
        self._look_up_name()
        self.host.unreachable(reason)

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

    def _refused(self, reason: str, number: int) -> None:
        """An earlier datagram was not accepted; ``number`` is that of the error."""
        self._is_refused = True
        is_quick = number == errno.ECONNREFUSED
        self._confirm_time = CONFIRM_TIME if is_quick else HOST_CONFIRM_TIME
        self._cancel_confirm()
        self._look_up_name()
        self.host.unreachable(f"{reason} by {self.options.to}")

    def _has_sent(self) -> None:
        """After a refusal: start the timer that ends it."""
        if self._is_refused and self._confirm is None:
            loop = asyncio.get_running_loop()
            self._confirm = loop.call_later(self._confirm_time, self._confirmed)

    def _confirmed(self) -> None:
        self._end_refusal()
        if not self._upkeep.is_in_trouble:
            self.host.reachable()

    def _end_refusal(self) -> None:
        self._cancel_confirm()
        if self._is_refused:
            self._is_refused = False
            self._upkeep.introduce()  # it may have been restarted

    def _cancel_confirm(self) -> None:
        if self._confirm is not None:
            self._confirm.cancel()
            self._confirm = None

    def _heard(self, packet: bytes) -> None:
        has_recovered = self._upkeep.heard(packet)
        if self._is_refused:
            self._end_refusal()
            has_recovered = not self._upkeep.is_in_trouble
        if has_recovered:
            self.host.reachable()

    # --- receiving ---------------------------------------------------------------------------

    def _received(self, data: bytes, peer: oscbridge.ClientAddress) -> None:
        if peer[:2] not in self._own:  # sent multicast packets come back
            self._heard(data)
            self.host.receive_packet(data, peer)

    def _received_bad(self, error: oscbridge.DecodeError, peer: oscbridge.ClientAddress) -> None:
        self.host.bad_input(error, peer)


def _forms(address: oscbridge.ClientAddress) -> list[tuple[str, int]]:
    """The forms of an address: IPv6 sockets show IPv4 addresses as IPv4-mapped ones."""
    host, port = address[:2]
    host = host.partition("%")[0]
    return [(host, port)] if ":" in host else [(host, port), (f"::ffff:{host}", port)]

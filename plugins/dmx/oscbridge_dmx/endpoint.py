"""What the endpoints of both protocols have in common."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Collection, Hashable, Sequence
from functools import partial
from typing import ClassVar, Final, TypeVar

import oscbridge
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.levels import changes, encode_levels, parse_address
from oscbridge_dmx.merging import SourceMerger
from oscbridge_dmx.options import MULTICAST, DmxOptions, parse_target
from oscbridge_dmx.output import REPEATS, OutputUniverse
from oscbridge_dmx.sockets import DmxSocket, open_receiver, open_sender, resolve
from oscbridge_dmx.targets import NamedTargets

__all__ = ["DmxEndpoint"]

CONFIRM_TIME: Final = 1.0
"""Seconds without an error after which a target can be reached again: more than KEEPALIVE."""

OptionsT = TypeVar("OptionsT", bound=DmxOptions)


class DmxEndpoint(
    oscbridge.Endpoint[OptionsT],
    oscbridge.Reconfigurable[OptionsT],
    oscbridge.SharesMedium[OptionsT],
):
    """Sends the universes that it gets messages for, and receives others.

    A universe is sent from its first message until the endpoint closes. Its levels are kept when
    the options change.
    """

    policy = "latest"
    example_options: ClassVar[oscbridge.TomlTable] = {"to": "192.168.1.50"}
    on_start = "retry"
    source_timeout: float
    """Seconds without a packet after which a source does not count any more."""
    network_keys: frozenset[str] = frozenset(("to", "receive", "port", "interface"))
    """The options that require new sockets."""

    def __init__(self, name: str, options: OptionsT) -> None:
        super().__init__(name, options)
        self._outputs: dict[int, OutputUniverse] = {}
        self._inputs: dict[int, SourceMerger] = {}
        self._fine: dict[int, frozenset[int]] = {}
        self._senders: list[DmxSocket] = []
        """One for each host that it sends to."""
        self._multicast: DmxSocket | None = None
        self._receiver: DmxSocket | None = None
        self._is_open = False
        self._names = NamedTargets(self.log, self.start_task, self._start_reopening)
        self._unreachable_at: float | None = None
        """When a packet was last known not to arrive; None if all targets can be reached."""

    @classmethod
    def default_routes_for(cls, options: OptionsT, /, *, is_source: bool) -> Sequence[str]:
        return ("/dmx/*/*",) if options.to else ()

    @classmethod
    def media(cls, options: OptionsT, /) -> Collection[Hashable]:
        return ("network",)

    def describe(self) -> str:
        return self.options.description

    # --- for the protocols -------------------------------------------------------------------

    @property
    def sent_universes(self) -> Sequence[int]:
        """The universes that are sent now."""
        return tuple(self._outputs)

    @property
    def own_addresses(self) -> frozenset[tuple[str, int]]:
        """The addresses from which it sends to hosts."""
        return frozenset(sender.raw.getsockname() for sender in self._senders)

    @property
    def own_ports(self) -> frozenset[int]:
        """The ports from which it sends, also to multicast groups."""
        senders = [*self._senders, *filter(None, (self._multicast,))]
        return frozenset(sender.raw.getsockname()[1] for sender in senders)

    @abstractmethod
    def encode(self, output: OutputUniverse, levels: bytes, *, is_last: bool) -> bytes:
        """The next packet of a universe."""

    @abstractmethod
    def decode(
        self, data: bytes, peer: oscbridge.ClientAddress
    ) -> tuple[Hashable, DmxFrame] | None:
        """The source and the levels of a packet, None for packets that have none.

        Raises :class:`oscbridge.DecodeError`.
        """

    def group_of(self, universe: int) -> str | None:
        """The multicast group of a universe, if the protocol has groups."""
        return None

    def end_stream(self, output: OutputUniverse, levels: bytes) -> None:
        """Tell receivers that a universe is not sent any more."""

    @property
    def max_hops(self) -> int:
        """The hop limit of multicast packets."""
        return 1

    # --- its life ----------------------------------------------------------------------------

    async def connect(self) -> None:
        self._names.begin()
        await self._connect()

    async def _connect(self) -> None:
        await self._open(options := self.options)
        while options != self.options:  # reloaded meanwhile
            self._close_sockets()
            await self._open(options := self.options)
        self._is_open = True
        for output in self._outputs.values():
            output.flush()

    async def _open(self, options: OptionsT) -> None:
        self._fine = {universe: frozenset(each) for universe, each in options.fine.items()}
        interface = "" if options.interface is None else str(options.interface)
        for text in dict.fromkeys(options.to):
            target = None
            if text != MULTICAST:
                to = parse_target(text, options.port)
                target = await resolve(to)
                self._names.use(text, to, target)
            failed = partial(self._sending_failed, text)
            sender = await open_sender(target, interface, self.max_hops, failed)
            if target is None:
                self._multicast = sender
            else:
                self._senders.append(sender)
        inputs = self._inputs
        self._inputs = {
            each: inputs.get(each) or SourceMerger(self.source_timeout, time.monotonic)
            for each in options.receive
        }
        if options.receive:
            found = map(self.group_of, self._inputs)
            groups = [group for group in found if group is not None]
            self._receiver = await open_receiver(options.port, groups, interface, self._received)
            self.host.count_kernel_drops(self._receiver.raw)

    def update(self, options: OptionsT) -> bool:
        """Continue with other options, and with the levels that are sent."""
        before = self.options
        self._names.look_up_all()
        needs_sockets = any(
            getattr(options, key) != getattr(before, key) for key in self.network_keys
        )
        if needs_sockets:
            self._stop_sending(is_blackout=False)
        self.options = options
        self._fine = {universe: frozenset(each) for universe, each in options.fine.items()}
        if needs_sockets and self._is_open:
            self._start_reopening()
            return True
        for output in self._outputs.values():
            output.frame_rate = options.max_frame_rate
            if self._is_open:
                output.flush()
        return True

    def _start_reopening(self) -> None:
        """Open other sockets: the options or the address of a target have changed."""
        if self._is_open:
            self._is_open = False
            self.start_task(self._reopen())

    async def _reopen(self) -> None:
        self._close_sockets()
        try:
            await self._connect()
        except OSError as error:
            self.host.connection_lost(error)

    async def close(self) -> None:
        self._stop_sending(is_blackout=self.options.on_stop == "blackout")
        self._is_open, self._unreachable_at = False, None
        self._close_sockets()

    def _close_sockets(self) -> None:
        if self._receiver is not None:
            self.host.count_kernel_drops(None)
        for each in (*self._senders, self._multicast, self._receiver):
            if each is not None:
                each.transport.close()
        self._senders = []
        self._multicast = self._receiver = None

    def _stop_sending(self, *, is_blackout: bool) -> None:
        for output in self._outputs.values():
            output.stop()
            levels = bytes(len(output.levels)) if is_blackout else bytes(output.levels)
            for _ in range((REPEATS + 1) * is_blackout):
                self.transmit(output, levels)
            self.end_stream(output, levels)

    # --- sending -----------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if not self.options.to:
            text = f"this endpoint only receives; add to = ... to [endpoint.{self.name}]"
            raise oscbridge.BadMessage(text)
        if not self._is_open:
            raise oscbridge.NotConnected("the endpoint is not open")
        rejected: dict[int, oscbridge.BadMessage] = {}
        written: set[OutputUniverse] = set()
        replaced = 0
        for index, message in enumerate(messages):
            try:
                universe, channel = parse_address(message.address, self.options.universes)
                fine = self._fine.get(universe, frozenset())
                clamp = self.options.out_of_range == "clamp"
                levels = encode_levels(message, channel, fine, clamp=clamp)
                output = self._output(universe)
            except oscbridge.BadMessage as error:
                rejected[index] = error
                continue
            replaced += output.write(channel, levels)
            written.add(output)
        for output in written:
            if output.needs_flush:
                output.flush()
        if replaced:
            self.host.client_dropped("replaced", replaced)
        if rejected:
            accepted = [index for index in range(len(messages)) if index not in rejected]
            raise oscbridge.PartialDelivery(accepted, rejected)

    def _output(self, universe: int) -> OutputUniverse:
        """The universe to write to. Raises :class:`oscbridge.BadMessage` if it is one too many."""
        output = self._outputs.get(universe)
        if output is None:
            limit = self.options.max_universes
            if len(self._outputs) >= limit:
                text = f"universe {universe} is one too many: max_universes = {limit}"
                raise oscbridge.BadMessage(text)
            rate, loop = self.options.max_frame_rate, asyncio.get_running_loop()
            output = self._outputs[universe] = OutputUniverse(universe, rate, self._send, loop)
        return output

    def _send(self, output: OutputUniverse) -> None:
        self.transmit(output, bytes(output.levels))

    def transmit(self, output: OutputUniverse, levels: bytes, *, is_last: bool = False) -> None:
        """Send a packet of a universe to all targets."""
        if not self._senders and self._multicast is None:
            return
        packet = self.encode(output, levels, is_last=is_last)
        for sender in self._senders:
            if not sender.is_full:
                sender.transport.sendto(packet)
        group = self.group_of(output.number)
        if group is not None:
            self.send_to_group(group, packet)
        at = self._unreachable_at
        if at is not None and time.monotonic() - at > CONFIRM_TIME:
            self._unreachable_at = None
            self.host.reachable()

    def send_to_group(self, group: str, packet: bytes) -> None:
        """Send a packet to a multicast group, if the endpoint does that."""
        if self._multicast is not None and not self._multicast.is_full:
            self._multicast.transport.sendto(packet, (group, self.options.port))

    def answer(self, target: tuple[str, int], packet: bytes) -> None:
        """Send a packet from the port that it receives on."""
        if self._receiver is not None and not self._receiver.is_full:
            self._receiver.transport.sendto(packet, target)

    def _sending_failed(self, target: str, error: Exception) -> None:
        """A packet cannot be sent, or an earlier one was not accepted."""
        self._unreachable_at = time.monotonic()
        self._names.look_up(target)
        text = oscbridge.what_failed(error) if isinstance(error, OSError) else str(error)
        self.host.unreachable(f"{target}: {text}")

    # --- receiving ---------------------------------------------------------------------------

    def _received(self, data: bytes, peer: oscbridge.ClientAddress) -> None:
        allow = self.options.allow
        if len(allow) and peer[0] not in allow:
            self.host.refused(f"{peer[0]}: not in 'allow'")
            return
        try:
            found = self.decode(data, peer)
            if found is not None:
                self._take(*found, peer)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, peer)

    def _take(self, source: Hashable, frame: DmxFrame, peer: oscbridge.ClientAddress) -> None:
        """Route what a packet changes. Raises :class:`oscbridge.DecodeError`."""
        merger = self._inputs.get(frame.universe)
        if merger is None:
            return
        before, limit = merger.levels, self.options.max_sources
        if not merger.take(source, frame, limit):
            text = f"max_sources = {limit} of universe {frame.universe} reached"
            self.host.refused(f"{peer[0]}: {text}")
            return
        if merger.levels != before:
            fine = self._fine.get(frame.universe, frozenset())
            values = self.options.values
            for message in changes(frame.universe, before, merger.levels, fine, values):
                self.receive(message, peer)

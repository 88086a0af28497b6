"""The MIDI endpoint: sends and receives on a port or a network connection."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import ClassVar, Final

import oscbridge
from oscbridge_midi import codec, tcp
from oscbridge_midi.codec import EncodeOptions
from oscbridge_midi.connection import MidiConnection
from oscbridge_midi.din import DinPacer
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_encoder import (
    PANIC,
    MessageEncoder,
    MidiDelivery,
    encoder_of,
    rejection,
)
from oscbridge_midi.message_table import TABLE, MidiMessages
from oscbridge_midi.mpe import find_overlap
from oscbridge_midi.nearby import MidiAbilities
from oscbridge_midi.options import MidiOptions
from oscbridge_midi.receiver import DecodeOptions, MidiReceiver
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.sounding_notes import SoundingNotes
from oscbridge_midi.system_ports import SystemPorts
from oscbridge_midi.tcp_server import MidiTcpServer

__all__ = ["MidiEndpoint"]

RELEASE_TIMEOUT: Final = 0.1
"""Seconds for ending the notes when the endpoint closes."""


class MidiEndpoint(
    MidiAbilities,
    oscbridge.Endpoint[MidiOptions, MidiDelivery],
    oscbridge.Coalescing[MidiDelivery],
    oscbridge.MustDeliver[MidiDelivery],
    oscbridge.RouteAware[MidiRoute],
    oscbridge.PeerAware,
):
    """Sends and receives MIDI through ports of the system or over TCP.

    Sounding notes are tracked, and ended when the endpoint closes, when its routes change, and on
    ``/panic``. A message that came from this endpoint is not sent back to it, unless its route has
    ``midi = { echo = true }``.
    """

    example_options: ClassVar[oscbridge.TomlTable] = {"output": "Synth"}
    example_peer = "oscbridge_midi.conformance:MidiTcpPeer"
    on_start = "retry"
    default_routes = tuple(
        match
        for address in (PANIC, *(kind.address for kind in TABLE))
        for match in (address, f"{address}/*")
    )

    def __init__(self, name: str, options: MidiOptions) -> None:
        super().__init__(name, options)
        own = options
        self._notes = SoundingNotes(own.note_off)
        encode_options = EncodeOptions(own.out_of_range == "clamp", own.note_off)
        self._encoder = MessageEncoder(encode_options, self._notes)
        self._decode_options = DecodeOptions(
            own.addresses == "long", own.sysex == "text", own.clock, own.parameters, own.pairs
        )
        self._connections: list[MidiConnection] = []
        self._outputs: list[MidiConnection] = []
        """The connections to send to."""
        self._server: MidiTcpServer | None = None
        self._pacer: DinPacer | None = None
        self._releasing: set[asyncio.Task[None]] = set()
        self._is_retry = False

    @property
    def client_count(self) -> int:
        """The number of clients that are connected to ``listen``."""
        return 0 if self._server is None else self._server.clients

    def describe(self) -> str:
        if self._connections:
            return ", ".join(each.name for each in self._connections)
        own = self.options
        if own.listen is not None:
            return f"{tcp.SCHEME}{own.listen}"
        return ", ".join(
            f"{kind} {text!r}"
            for kind, text in (("output", own.output), ("input", own.input))
            if text is not None
        )

    # --- connecting --------------------------------------------------------------------------

    async def connect(self) -> None:
        is_retry, self._is_retry, own = self._is_retry, True, self.options
        if not is_retry:
            self._check_zones()
        if own.listen is not None:
            limits = own.max_connections, own.max_connections_per_address
            self._server = MidiTcpServer(self, self, *limits)
            self._add(self._server, sends=True)
            await self._server.open(own.listen)
        urls = {text for text in (own.output, own.input) if text is not None and _is_url(text)}
        for url in sorted(urls):
            host, address = self.host, tcp.parse(url)
            client = await tcp.MidiTcpClient.open(
                address, self, host.connection_lost, host.client_dropped
            )
            self._add(client, sends=url == own.output)
        output = None if _is_url(own.output) else own.output
        input_ = None if _is_url(own.input) else own.input
        if output is not None or input_ is not None:
            await self._open_ports(output, input_, wait=is_retry)
        if self._outputs and not self.host.is_dry:  # it may have missed ends of notes, and zones
            self._notes.mark_uncertain()
            await self._release_all()
            await self._write(self._encoder.zone_setup())
        if own.din:
            self._pacer = DinPacer(f"{self.name} to DIN", self._write, self._pacer_failed)

    async def _open_ports(self, output: str | None, input_: str | None, *, wait: bool) -> None:
        ports = SystemPorts(
            self.options.backend,
            output=output,
            input=input_,
            note_off=self.options.note_off,
            receiver=self.receiver(("", 0)),
            on_overflow=self._input_overflow,
            on_lost=self.host.connection_lost,
            log=self.log,
        )
        self._add(ports, sends=output is not None)
        await ports.open(wait=wait)

    def _add(self, connection: MidiConnection, *, sends: bool) -> None:
        self._connections.append(connection)
        if sends:
            self._outputs.append(connection)

    async def close(self) -> None:
        if self._pacer is not None:
            await self._pacer.stop()
            self._drop_queued("stopped")
            self._pacer = None
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await self._release_all()
        except (oscbridge.NotConnected, TimeoutError):
            pass  # retried on the next connection
        for task in tuple(self._releasing):
            task.cancel()
        connections, self._connections, self._outputs = self._connections, [], []
        self._server = None
        await asyncio.gather(*(each.close() for each in connections))

    # --- ending notes ------------------------------------------------------------------------

    async def _release_all(self) -> None:
        """End all notes. Raises :class:`oscbridge.NotConnected`."""
        await self._write_release(self._encoder.release())

    async def _write_release(self, messages: Sequence[bytes]) -> None:
        for data in messages:  # before they are sent, so that notes started meanwhile are kept
            self._notes.track(data)
        await self._write_tracked(messages)

    def on_routes_changed(self) -> None:
        """End all notes: the messages that would have ended them may no longer be routed here."""
        self._drop_queued("rerouted", "their route has been removed")
        self._release_soon(self._encoder.release())
        self._encoder.forget_zones()
        self._check_zones()

    def _check_zones(self) -> None:
        zones = {r.options.mpe for r in self.routes if r.options is not None and r.options.mpe}
        overlap = find_overlap(zones)
        if overlap:
            self.log.warning("%s; their notes will interfere with each other", overlap)

    def on_peer_disconnected(self, origin: oscbridge.Origin) -> None:
        """With ``release``, end the notes of a disconnected peer."""
        if self.options.release:
            started_by_peer = self._notes.release(lambda each: each == origin)
            self._release_soon(tuple(started_by_peer))

    def _release_soon(self, messages: MidiMessages) -> None:
        if not messages:
            return
        if self._pacer is not None:
            for data in messages:
                self._notes.track(data)
            self._pacer.put(messages)
        elif self._outputs:
            task = asyncio.create_task(self._try_release(messages), name=f"{self.name} release")
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    async def _try_release(self, messages: Sequence[bytes]) -> None:
        try:
            await self._write_release(messages)
        except oscbridge.NotConnected:
            pass  # the next message reports the lost connection, and then all notes are ended

    # --- sending -----------------------------------------------------------------------------

    def coalesce_key(self, delivery: MidiDelivery) -> Hashable:
        return self._encoder.coalesce_key(delivery)

    def must_deliver_key(self, delivery: MidiDelivery) -> Hashable:
        return self._encoder.must_deliver_key(delivery)

    async def send_batch(self, deliveries: Sequence[MidiDelivery]) -> None:
        if not self._outputs:
            self._reject_without_output()
            return
        if self._pacer is not None:  # before encoding: then all of them are queued, or none
            await self._pacer.wait_for_room()
        batch: list[MidiMessages] = []
        rejected: dict[int, oscbridge.BadMessage] = {}
        for index, (message, options, captures) in enumerate(deliveries):
            route = encoder_of(options)
            origin = message.origin
            if origin is not None and origin.source == self.name and not route.echo:
                continue
            try:
                encoded = self._encoder.encode(message, route, captures)
                self._check_size(encoded)
            except (MidiEncodeError, oscbridge.ExpressionFailed) as error:
                rejected[index] = rejection(message, error)
                continue
            for data in encoded:  # before it is sent: an additional Note Off does no harm
                self._notes.track(data, origin)
            batch.append(encoded)
        if self._pacer is None:
            await self._write_tracked([data for encoded in batch for data in encoded])
        else:
            self._queue(self._pacer, batch)
        if rejected:
            accepted = [index for index in range(len(deliveries)) if index not in rejected]
            raise oscbridge.PartialDelivery(accepted, rejected)

    def _reject_without_output(self) -> None:
        """Raise unless the messages are here by default only, and the endpoint is an input."""
        if not self._connections:
            raise oscbridge.NotConnected
        if self.routes:
            raise oscbridge.BadMessage(
                f"this endpoint has no output; add output = ... to [endpoint.{self.name}]"
            )

    def _check_size(self, encoded: MidiMessages) -> None:
        """Raise :class:`MidiEncodeError` for a sysex that an output cannot send."""
        if encoded and encoded[0][0] == 0xF0:
            size, limit = len(encoded[0]), min(output.max_size for output in self._outputs)
            if size > limit:
                raise MidiEncodeError(f"the sysex has {size} bytes, more than {limit} over JACK")

    async def _write_tracked(self, messages: Sequence[bytes]) -> None:
        """Write messages that have been tracked, and take that back if they are not sent."""
        try:
            await self._write(messages)
        except BaseException:
            self._notes.mark_unsent(messages)
            raise

    async def _write(self, messages: Sequence[bytes]) -> None:
        if messages:
            for output in self._outputs:
                await output.send(messages)

    # --- sending at the speed of a DIN cable -------------------------------------------------

    def _queue(self, pacer: DinPacer, batch: Sequence[MidiMessages]) -> None:
        replaced = sum(pacer.put(each, codec.coalesce_key(each)) for each in batch if each)
        if replaced:
            self.host.client_dropped("replaced", replaced)

    def _drop_queued(self, reason: str, why: str = "") -> None:
        queued = [] if self._pacer is None else self._pacer.clear()
        for messages in queued:
            self._notes.mark_unsent(messages)
        if queued:
            self.host.client_dropped(reason, len(queued), why)

    def _pacer_failed(self, error: oscbridge.NotConnected, unsent: Sequence[MidiMessages]) -> None:
        for messages in unsent:
            self._notes.mark_unsent(messages)
        self.host.client_dropped("error", len(unsent), f"the port accepts no more data: {error}")
        self.host.connection_lost(error)

    # --- receiving ---------------------------------------------------------------------------

    def receiver(self, peer: tuple[str, int]) -> MidiReceiver:
        """A receiver for the messages of one peer."""
        return MidiReceiver(
            self._decode_options,
            lambda message: self.receive(message, peer),
            lambda: self.host.peer_disconnected(peer),
        )

    def bad_bytes(self, error: oscbridge.DecodeError, peer: tuple[str, int]) -> None:
        """Count bytes of a peer that are not a MIDI message."""
        self.host.bad_input(error, peer)

    def greeting(self, *, reconnected: bool) -> MidiMessages:
        """The first messages to a new client: it may have missed ends of notes, and the zones."""
        missed = tuple(self._notes.release_channels()) if reconnected else ()
        return () if self.host.is_dry else missed + self._encoder.zone_setup()

    def _input_overflow(self, count: int) -> None:
        why = "they arrive faster than they can be processed"
        self.host.input_dropped("input_full", count, why)


def _is_url(text: str | None) -> bool:
    return text is not None and text.startswith(tcp.SCHEME)

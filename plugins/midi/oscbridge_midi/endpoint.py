"""The MIDI endpoint: sends and receives on a port or a network connection."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import ClassVar, Final

import oscbridge
from oscbridge_midi import codec
from oscbridge_midi.codec import EncodeOptions
from oscbridge_midi.din import DinPacer
from oscbridge_midi.endpoint_connections import EndpointConnections
from oscbridge_midi.fields import MidiEncodeError, UnknownMidiAddress
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
from oscbridge_midi.receiver import MidiReceiver
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.sounding_notes import SoundingNotes
from oscbridge_midi.time_control import TimeControl
from oscbridge_midi.timing.commands import TIMING_ADDRESSES, TimingCommand

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
        for address in (PANIC, *sorted(TIMING_ADDRESSES), *(kind.address for kind in TABLE))
        for match in (address, f"{address}/*")
    )

    @classmethod
    def sink_problem(cls, options: MidiOptions, /) -> str:
        if options.has_output:
            return ""
        return 'this endpoint has no output; add output = "..." to its table'

    def __init__(self, name: str, options: MidiOptions) -> None:
        super().__init__(name, options)
        own = options
        self._notes = SoundingNotes(own.note_off)
        encode_options = EncodeOptions(
            own.out_of_range == "clamp", own.note_off, own.parameter_bits == 7
        )
        self._encoder = MessageEncoder(encode_options, self._notes, keeps_received=not own.din)
        self._decode_options = own.decode_options
        self._connections = EndpointConnections(self, self, self._input_overflow)
        self._time: TimeControl | None = None
        self._tempo: TimingCommand | None = None
        """The tempo of the generated clock, which continues after a lost connection."""
        self._pacer: DinPacer | None = None
        self._releasing: set[asyncio.Task[None]] = set()
        self._is_retry = False

    @property
    def client_count(self) -> int:
        """The number of clients that are connected to ``listen``."""
        return self._connections.client_count

    def describe(self) -> str:
        return self._connections.describe() or self.options.describe()

    # --- connecting --------------------------------------------------------------------------

    async def connect(self) -> None:
        is_retry, self._is_retry, own = self._is_retry, True, self.options
        if not is_retry:
            self._check_zones()
        await self._connections.open(wait=is_retry)
        outputs = self._connections.outputs
        if outputs and not self.host.is_dry:  # it may have missed ends of notes, and zones
            self._notes.mark_uncertain()
            await self._release_all()
            self._encoder.forget_selections()
            await self._connections.send(self._encoder.zone_setup())
            self._time = TimeControl(outputs, self._ticks_late, self.host.connection_lost)
            if self._tempo is not None:
                await self._time.repeat(self._tempo)
        if own.din:
            write = self._connections.send
            self._pacer = DinPacer(f"{self.name} to DIN", write, self._pacer_failed)

    async def close(self) -> None:
        if self._pacer is not None:
            await self._pacer.stop()
            self._drop_queued("stopped")
            self._pacer = None
        if self._time is not None:
            self._time.close()
            self._time = None
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await self._release_all()
        except (oscbridge.NotConnected, TimeoutError):
            pass  # retried on the next connection
        for task in tuple(self._releasing):
            task.cancel()
        await self._connections.close()

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
        elif self._connections.outputs:
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
        if not self._connections.outputs:
            self._reject_without_output()
            return
        if self._pacer is not None:  # before encoding: then all of them are queued, or none
            await self._pacer.wait_for_room()
        batch: list[MidiMessages] = []
        rejected: dict[int, oscbridge.BadMessage] = {}
        self._encoder.begin_batch()
        for index, (message, options, captures) in enumerate(deliveries):
            route = encoder_of(options)
            origin = message.origin
            if origin is not None and origin.source == self.name and not route.echo:
                continue
            try:
                encoded = self._encoder.encode(message, route, captures)
                self._check_size(encoded)
            except (MidiEncodeError, oscbridge.ExpressionFailed) as error:
                if (refused := await self._refusal(message, error)) is not None:
                    rejected[index] = refused
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
            size, limit = (
                len(encoded[0]),
                min(output.max_size for output in self._connections.outputs),
            )
            if size > limit:
                raise MidiEncodeError(f"the sysex has {size} bytes, more than {limit} over JACK")

    async def _write_tracked(self, messages: Sequence[bytes]) -> None:
        """Write messages that have been tracked, and take that back if they are not sent."""
        try:
            await self._connections.send(messages)
        except BaseException:
            self._notes.mark_unsent(messages)
            raise

    async def _refusal(
        self, message: oscbridge.Message, error: MidiEncodeError | oscbridge.ExpressionFailed
    ) -> oscbridge.BadMessage | None:
        """Why a message cannot be encoded; None if it controls the clock or the time code."""
        if isinstance(error, UnknownMidiAddress) and message.address in TIMING_ADDRESSES:
            try:
                command = await self._time.apply(message) if self._time is not None else None
            except MidiEncodeError as wrong:
                return rejection(message, wrong)
            if command is not None and command.name == "tempo":
                self._tempo = command
            return None
        return rejection(message, error)

    def _ticks_late(self, count: int) -> None:
        self.host.client_dropped("late", count, "the event loop was blocked")

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

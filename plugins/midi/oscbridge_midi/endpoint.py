"""The MIDI endpoint: a port, or a network connection, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Final, Protocol

import oscbridge
from oscbridge_midi import tcp
from oscbridge_midi.codec import EncodeOptions, key
from oscbridge_midi.din import DIN_SPEED, DinQueue, QueuedMessages
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_encoder import MessageEncoder, route_of
from oscbridge_midi.message_table import MidiMessages
from oscbridge_midi.mpe import clash
from oscbridge_midi.options import MidiOptions
from oscbridge_midi.receiver import DecodeOptions, MidiReceiver
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.system_ports import SystemPorts

__all__ = ["MidiEndpoint"]

AHEAD: Final = 0.001
"""Seconds that the sending may be ahead of the cable: what a timer can do."""

SILENCE_TIMEOUT: Final = 0.1
"""Seconds that ending the notes may take when the endpoint is closed."""


class MidiOutput(Protocol):
    """Something that messages are sent to."""

    longest: int
    """Bytes of the longest message that it takes."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, in order. Raises :class:`oscbridge.NotConnected`."""

    async def close(self) -> None:
        """Close it."""


class MidiEndpoint(oscbridge.Endpoint):
    """Sends and hears MIDI by the ports of the system or over TCP.

    What sounds is followed, and ended when the endpoint closes, when the routes that lead
    here change, and at ``/panic``. A message that came from here is not sent back, unless
    its route says ``midi = { echo = true }``.
    """

    Options = MidiOptions
    RouteOptions = MidiRoute
    on_start = "retry"
    options: MidiOptions

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        own = self.options
        self._outgoing = MessageEncoder(EncodeOptions(own.out_of_range == "clamp", own.note_off))
        self._style = DecodeOptions(
            own.addresses == "long", own.sysex == "text", own.clock, own.parameters, own.pairs
        )
        self._outs: list[MidiOutput] = []
        self._opened: list[MidiOutput] = []
        self._lanes = DinQueue()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._pacing: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._tried = False

    def describe(self) -> str:
        if self._opened:
            return ", ".join(each.name for each in self._opened)
        own = self.options
        if own.listen is not None:
            return f"{tcp.SCHEME}{own.listen}"
        return ", ".join(
            f"{kind} {text!r}"
            for kind, text in (("output", own.output), ("input", own.input))
            if text is not None
        )

    # --- its life ----------------------------------------------------------------------------

    async def connect(self) -> None:
        patient, self._tried = self._tried, True
        own = self.options
        if not patient:
            self._check_zones()
        if own.listen is not None:
            server = tcp.MidiTcpServer(self, self)
            self._add(server, sends=True)
            await server.open(own.listen)
        remote = {text for text in (own.output, own.input) if _is_remote(text)}
        for text in sorted(filter(None, remote)):
            client = await tcp.MidiTcpClient.open(tcp.parse(text), self, self.lost)
            self._add(client, sends=text == own.output)
        output = None if _is_remote(own.output) else own.output
        heard = None if _is_remote(own.input) else own.input
        if output is not None or heard is not None:
            await self._open_system(output, heard, patient=patient)
        if self._outs:  # what sounded when the connection broke, and how it was set up
            self._outgoing.doubt_all()
            await self._silence()
            await self._write(self._outgoing.configuration())
        if own.din:
            self._pacing = asyncio.create_task(self._pace(), name=f"{self.name} to DIN")

    async def _open_system(self, output: str | None, heard: str | None, *, patient: bool) -> None:
        port = SystemPorts(
            self.options.backend,
            output=output,
            input=heard,
            note_off=self.options.note_off,
            inbound=self.inbound(("", 0)),
            on_full=self._input_full,
            on_lost=self.lost,
            log=self.log,
        )
        self._add(port, sends=output is not None)
        await port.open(patient=patient)

    def _input_full(self, count: int) -> None:
        self.host.dropped("input_full", count, "they come in faster than they can be taken")

    def _add(self, out: MidiOutput, *, sends: bool) -> None:
        self._opened.append(out)
        if sends:
            self._outs.append(out)

    async def close(self) -> None:
        if self._pacing is not None:
            self._pacing.cancel()
            await asyncio.wait([self._pacing])
            self._pacing = None
        left = self._clear_lanes()
        if left:
            self.host.dropped("stopped", left)
        try:
            async with asyncio.timeout(SILENCE_TIMEOUT):
                await self._silence()
        except (oscbridge.NotConnected, TimeoutError):
            pass  # tried again when it is connected again
        for task in tuple(self._ending):
            task.cancel()
        opened, self._opened, self._outs = self._opened, [], []
        await asyncio.gather(*(each.close() for each in opened))

    # --- no hanging notes --------------------------------------------------------------------

    async def _silence(self) -> None:
        """End all that sounds. Raises :class:`oscbridge.NotConnected`."""
        await self._write_ending(self._outgoing.silence())

    async def _write_ending(self, ending: Sequence[bytes]) -> None:
        for data in ending:  # at once: what begins meanwhile is followed behind it
            self._outgoing.follow(data)
        await self._write_or_doubt(ending)

    def _clear_lanes(self) -> int:
        """Throw away what waits for the cable. How many messages that was."""
        items = self._lanes.clear()
        for item in items:
            self._outgoing.doubt(item.parts)
        return len(items)

    def rerouted(self) -> None:
        """Routes that lead here have changed: who would end the notes may be gone."""
        left = self._clear_lanes()
        if left:
            self.host.dropped("rerouted", left, "the route that they took is gone")
        self._end(self._outgoing.silence())
        self._outgoing.forget_zones()
        self._check_zones()

    def _check_zones(self) -> None:
        options = [info.options for info in self.routes]
        found = clash({each.mpe for each in options if isinstance(each, MidiRoute) and each.mpe})
        if found:
            self.log.warning("%s; their notes will disturb each other", found)

    def source_gone(self, origin: oscbridge.Origin) -> None:
        """The connection that messages came by is broken."""
        if self.options.release:
            self._end(self._outgoing.silence(origin))

    def _end(self, ending: Sequence[bytes]) -> None:
        if self._pacing is not None and ending:
            for data in ending:
                self._outgoing.follow(data)
            self._lanes.put(QueuedMessages(tuple(ending)))
            self._filled.set()
        elif ending and self._outs:
            task = asyncio.create_task(self._try_to_write(ending), name=f"{self.name} silence")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _try_to_write(self, messages: Sequence[bytes]) -> None:
        try:
            await self._write_ending(messages)
        except oscbridge.NotConnected:
            pass  # the bridge connects again, and is told by the next message

    # --- out ---------------------------------------------------------------------------------

    def key(self, message: oscbridge.Message) -> Hashable:
        return self._outgoing.key(message)

    def essential(self, message: oscbridge.Message) -> Hashable:
        return self._outgoing.essential(message)

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        if not self._outs:
            if self._opened:
                routed = [message for message in messages if message.route is not None]
                if routed:
                    raise oscbridge.BadMessage(
                        f"this endpoint has no output; add output = ... to [endpoint.{self.name}]"
                    )
                return
            raise oscbridge.NotConnected
        while self._pacing is not None and self._lanes.is_full:
            self._room.clear()
            await self._room.wait()  # now: all of these are to be in the lanes, or none
        items: list[MidiMessages] = []
        fault: oscbridge.BadMessage | None = None
        for index, message in enumerate(messages):
            if self._is_echo(message):
                continue
            try:
                parts = self._outgoing.parts(message)
                self._check_length(parts)
            except MidiEncodeError as error:
                fault = oscbridge.BadMessage(_one_line(message, error), index)
                break
            for data in parts:  # before it is sent: one Note Off too many does no harm
                self._outgoing.follow(data, message.origin)
            items.append(parts)
        if self._pacing is None:
            await self._write_or_doubt([data for parts in items for data in parts])
        else:
            self._queue(items)
        if fault is not None:
            raise fault

    def _check_length(self, parts: MidiMessages) -> None:
        """Raises :class:`MidiEncodeError` for a sysex that an output would never take."""
        if parts and parts[0][0] == 0xF0:
            longest = min(out.longest for out in self._outs)
            if len(parts[0]) > longest:
                raise MidiEncodeError(
                    f"the sysex has {len(parts[0])} bytes, more than {longest} over JACK"
                )

    def _is_echo(self, message: oscbridge.Message) -> bool:
        origin = message.origin
        if origin is None or origin.source != self.name:
            return False
        options = route_of(message)
        return options is None or not options.echo

    async def _write_or_doubt(self, messages: Sequence[bytes]) -> None:
        """Write messages that were followed. What they end sounds on if they do not get out."""
        try:
            await self._write(messages)
        except BaseException:
            self._outgoing.doubt(messages)
            raise

    async def _write(self, messages: Sequence[bytes]) -> None:
        if not messages:
            return
        for out in self._outs:
            await out.send(messages)

    # --- at the speed of a DIN cable ---------------------------------------------------------

    def _queue(self, items: Sequence[MidiMessages]) -> None:
        """Put messages into the lanes."""
        replaced = 0
        for parts in items:
            if parts:
                replaced += self._lanes.put(QueuedMessages(parts, key(parts)))
                self._filled.set()
        if replaced:
            self.host.dropped("replaced", replaced)

    async def _pace(self) -> None:
        """Send what is in the lanes, at the speed of the cable."""
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            item = self._lanes.take()
            if item is None:
                self._filled.clear()
                await self._filled.wait()
                continue
            self._room.set()
            due = max(due, clock()) + sum(map(len, item.parts)) / DIN_SPEED
            try:
                await self._write(item.parts)
            except oscbridge.NotConnected as error:
                self._outgoing.doubt(item.parts)
                left = 1 + self._clear_lanes()
                self.host.dropped("error", left, f"the port takes nothing more: {error}")
                self.lost(error)
                return
            if (ahead := due - clock()) > AHEAD:
                await asyncio.sleep(ahead)

    # --- in ----------------------------------------------------------------------------------

    def inbound(self, peer: tuple[str, int]) -> MidiReceiver:
        """Where the messages from a peer go."""
        return MidiReceiver(
            self._style,
            lambda message: self.receive(message, peer),
            lambda: self.host.left(peer),
        )

    def bad(self, error: oscbridge.DecodeError, peer: tuple[str, int]) -> None:
        """A peer sent what is no message."""
        self.host.bad_input(error, peer)

    def greeting(self, *, again: bool) -> MidiMessages:
        """What a new client must know: how MPE zones are set up, and what ended meanwhile."""
        return (self._outgoing.rest() if again else ()) + self._outgoing.configuration()


def _is_remote(text: str | None) -> bool:
    return text is not None and text.startswith(tcp.SCHEME)


def _one_line(message: oscbridge.Message, error: MidiEncodeError) -> str:
    args = " ".join(map(_short, message.args[:4]))
    more = " …" if len(message.args) > 4 else ""
    return f"{message.address} {args}{more}: {error}" if args else f"{message.address}: {error}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 24 else text[:23] + "…"

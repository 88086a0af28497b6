"""Encodes routed OSC messages as MIDI messages. No I/O."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeAlias

import oscbridge
from oscbridge_midi import codec
from oscbridge_midi.codec import EncodeOptions
from oscbridge_midi.fields import MidiEncodeError, UnknownMidiAddress
from oscbridge_midi.joined_numbers import JoinedNumbers
from oscbridge_midi.message_table import MidiMessages
from oscbridge_midi.mpe import MpeZone, MpeZoneOptions
from oscbridge_midi.route_options import MidiRoute, RouteEncoder
from oscbridge_midi.sounding_notes import SoundingNotes, ends_notes, panic
from oscbridge_midi.template import Captures

__all__ = ["PANIC", "MessageEncoder", "MidiDelivery", "encoder_of", "rejection"]

MidiDelivery: TypeAlias = oscbridge.Delivery[MidiRoute]

PANIC: Final = "/panic"
"""The address that ends all sound."""

MAX_ZONES: Final = 30
"""MPE zones per endpoint: all possible ones, 15 sizes at either end."""

_DEFAULT_MAPPING: Final = RouteEncoder()


def encoder_of(options: MidiRoute | None) -> RouteEncoder:
    """The encoder of a route with these options."""
    return _DEFAULT_MAPPING if options is None else options.encoder


class MessageEncoder:
    """Encodes the messages to one endpoint, and keeps its MPE zones.

    ``notes`` are the notes that sound there; ``/panic`` ends them.
    """

    def __init__(
        self, options: EncodeOptions, notes: SoundingNotes, *, keeps_received: bool = True
    ) -> None:
        self._options = options
        self._keeps_received = keeps_received
        """Whether values of several received messages are sent as they were received."""
        self._selected: dict[int, MidiMessages] = {}
        """By channel the messages that select its parameter, where a kept message has sent them."""
        self._notes = notes
        self._panicked: oscbridge.Message | None = None
        """The ``/panic`` of this batch."""
        self._zones: dict[MpeZoneOptions, MpeZone] = {}

    def begin_batch(self) -> None:
        """The next messages arrive apart from those before."""
        self._panicked = None

    def encode(
        self, message: oscbridge.Message, route: RouteEncoder, captures: Captures
    ) -> MidiMessages:
        """The MIDI messages for a message.

        Raises :class:`MidiEncodeError` and :class:`oscbridge.ExpressionFailed`.
        """
        if route.kind is not None:
            encoded = route.encode(message, captures, self._options)
        elif isinstance(message.args, JoinedNumbers) and self._is_kept(message, route):
            return self._as_received(message.args)
        else:
            try:
                encoded = codec.encode(message, self._options)
            except UnknownMidiAddress:
                if message.address == PANIC:
                    return self._panic(message)
                raise
        if self._selected:
            self._note_selection(encoded)
        if route.mpe is None:
            return encoded
        return self._place(encoded, route.mpe, route.note_of(message, captures))

    def coalesce_key(self, delivery: MidiDelivery) -> Hashable:
        """Equal for messages of which only the latest needs to be sent; None if all do."""
        message, options, captures = delivery
        route = encoder_of(options)
        if _is_panic(message, route) or route.mpe is not None:
            return None  # within a zone, the channel is only known when it is sent
        try:
            return codec.coalesce_key(route.encode(message, captures, self._options))
        except (MidiEncodeError, oscbridge.ExpressionFailed):
            return None

    def must_deliver_key(self, delivery: MidiDelivery) -> Hashable:
        """Equal for messages that end the same notes, of which one must be sent; or None."""
        message, options, captures = delivery
        route = encoder_of(options)
        if _is_panic(message, route):
            return PANIC
        try:
            encoded = route.encode(message, captures, self._options)
        except (MidiEncodeError, oscbridge.ExpressionFailed):
            return None
        return (route.mpe, encoded) if any(map(ends_notes, encoded)) else None

    def release(self) -> MidiMessages:
        """The messages that end all notes; zones are empty afterwards."""
        for zone in self._zones.values():
            zone.clear()
        return tuple(self._notes.release())

    def forget_zones(self) -> None:
        """Set up zones again when they are next used, because the routes have changed."""
        self._zones.clear()

    def zone_setup(self) -> MidiMessages:
        """The messages that set up all current zones at a new receiver."""
        return tuple([data for zone in self._zones.values() for data in zone.setup()])

    def forget_selections(self) -> None:
        """Select parameters again: the receiver is a new one."""
        self._selected.clear()

    def _is_kept(self, message: oscbridge.Message, route: RouteEncoder) -> bool:
        args = message.args
        is_same = isinstance(args, JoinedNumbers) and args.address == message.address
        return self._keeps_received and is_same and route.mpe is None

    def _as_received(self, numbers: JoinedNumbers) -> MidiMessages:
        """The messages of a value as they were received, with the selection of its parameter if
        another one is selected now."""
        messages, selection = numbers.messages, numbers.selection
        if not selection:
            self._note_selection(messages)
            return messages
        channel = selection[0][0] & 15
        is_whole = set(selection) <= set(messages)
        is_selected = is_whole or self._selected.get(channel) == selection
        self._selected[channel] = selection
        return messages if is_selected else selection + messages

    def _note_selection(self, messages: MidiMessages) -> None:
        """A message that selects a parameter ends the selection of a kept one."""
        if messages and messages[0][0] & 0xF0 == 0xB0 and 98 <= messages[0][1] <= 101:
            self._selected.pop(messages[0][0] & 15, None)

    def _panic(self, message: oscbridge.Message) -> MidiMessages:
        if (message.args and not message.args[0]) or message == self._panicked:
            return ()  # a released button, or it came by two routes
        self._panicked = message
        return (*self.release(), *panic())

    def _place(
        self, encoded: MidiMessages, options: MpeZoneOptions, note: int | None
    ) -> MidiMessages:
        """Move messages to the channel of their note; a new zone is set up first."""
        zone = self._zones.get(options)
        if zone is not None:
            return zone.place(encoded, note)
        if len(self._zones) >= MAX_ZONES:
            raise MidiEncodeError(f"more than {MAX_ZONES} MPE zones")
        zone = self._zones[options] = MpeZone(options, self._options.note_off)
        return zone.setup() + zone.place(encoded, note)


def _is_panic(message: oscbridge.Message, route: RouteEncoder) -> bool:
    return message.address == PANIC and route.kind is None


def rejection(
    message: oscbridge.Message, error: MidiEncodeError | oscbridge.ExpressionFailed
) -> oscbridge.BadMessage:
    """The error for the host: one line with the message, shortened, and the cause."""
    if isinstance(error, oscbridge.ExpressionFailed):
        return error
    args = " ".join(map(_short, message.args[:4]))
    more = " …" if len(message.args) > 4 else ""
    start = f"{message.address} {args}{more}" if args else message.address
    return oscbridge.BadMessage(f"{start}: {error}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 24 else text[:23] + "…"

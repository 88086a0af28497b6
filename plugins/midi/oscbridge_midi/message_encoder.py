"""From routed messages to MIDI, and what of it sounds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final

import oscbridge
from oscbridge_midi import codec
from oscbridge_midi.codec import EncodeOptions, encode
from oscbridge_midi.fields import MidiEncodeError
from oscbridge_midi.message_table import MidiMessages
from oscbridge_midi.mpe import MpeZone, MpeZoneOptions
from oscbridge_midi.route_options import MidiRoute
from oscbridge_midi.sounding_notes import SoundingNotes, ends_notes, panic

__all__ = ["PANIC", "MessageEncoder", "route_of"]

PANIC: Final = "/panic"
"""The address that ends all sound."""

MAX_ZONES: Final = 30
"""MPE zones at one endpoint: all that there can be, of 15 sizes at two ends."""

_NOTHING: Final[Mapping[str, str]] = {}


def route_of(message: oscbridge.Message) -> MidiRoute | None:
    """What the route of a message says about MIDI."""
    route = message.route
    if isinstance(route, oscbridge.Routed) and isinstance(route.options, MidiRoute):
        return route.options
    return None


class MessageEncoder:
    """Writes the messages of one endpoint. It does no I/O."""

    def __init__(self, writing: EncodeOptions) -> None:
        self._writing = writing
        self._notes = SoundingNotes(writing.note_off)
        self._zones: dict[MpeZoneOptions, MpeZone] = {}
        self.follow = self._notes.follow
        """To be called with every message that is sent, and where it came from."""
        self.doubt_all = self._notes.doubt_all
        """To be called when the connection is new: the last messages may not have arrived."""

    def doubt(self, parts: Iterable[bytes]) -> None:
        """Take back messages that were followed and then not sent."""
        for data in parts:
            self._notes.doubt(data)

    def key(self, message: oscbridge.Message) -> Hashable:
        """What a later message must have in common to take this one's place, or None."""
        route = route_of(message)
        if _is_panic(message, route) or (route is not None and route.mpe is not None):
            return None  # in a zone its channel is not known yet
        try:
            return codec.key(self._encode(message, route))
        except MidiEncodeError:
            return None

    def essential(self, message: oscbridge.Message) -> Hashable:
        """What messages have in common of which one must be sent, as it ends notes; or None."""
        route = route_of(message)
        if _is_panic(message, route):
            return PANIC
        try:
            parts = self._encode(message, route)
        except MidiEncodeError:
            return None
        mpe = None if route is None else route.mpe
        return (mpe, parts) if any(map(ends_notes, parts)) else None

    def parts(self, message: oscbridge.Message) -> MidiMessages:
        """The MIDI messages for a message, on their channels. Raises :class:`MidiEncodeError`."""
        route = route_of(message)
        if _is_panic(message, route):
            if message.args and not message.args[0]:
                return ()  # a button that is let go
            return (*self.silence(), *panic())
        parts = self._encode(message, route)
        if route is None or route.mpe is None:
            return parts
        zone = self._zones.get(route.mpe)
        begins: MidiMessages = ()
        if zone is None:
            if len(self._zones) >= MAX_ZONES:
                raise MidiEncodeError(f"more than {MAX_ZONES} MPE zones")
            zone = self._zones[route.mpe] = MpeZone(route.mpe, self._writing.note_off)
            begins = zone.configuration()
        return begins + zone.place(parts, route.note_of(message.args, _captures(message)))

    def silence(self, origin: oscbridge.Origin | None = None) -> MidiMessages:
        """What ends all that sounds, or what came from ``origin``."""
        if origin is not None:
            gone = origin[:2]
            return tuple(self._notes.silence(lambda began: began is not None and began[:2] == gone))
        for zone in self._zones.values():
            zone.forget()
        return tuple(self._notes.silence())

    def forget_zones(self) -> None:
        """Have the zones set up anew: the routes have changed."""
        self._zones.clear()

    def configuration(self) -> MidiMessages:
        """What a receiver that was away must be told again."""
        return tuple([data for zone in self._zones.values() for data in zone.configuration()])

    def rest(self) -> MidiMessages:
        """What ends all that may have sounded, for one who missed how it ended."""
        return tuple(self._notes.rest())

    def _encode(self, message: oscbridge.Message, route: MidiRoute | None) -> MidiMessages:
        if route is None:
            return encode(message, self._writing)
        return route.encode(message, _captures(message), self._writing)


def _is_panic(message: oscbridge.Message, route: MidiRoute | None) -> bool:
    return message.address == PANIC and (route is None or route.type is None)


def _captures(message: oscbridge.Message) -> Mapping[str, str]:
    route = message.route
    return route.captures if isinstance(route, oscbridge.Routed) else _NOTHING

"""From a batch of messages to packets: one for each message, or for those of a forwarded bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import oscbridge

__all__ = ["MAX_BUNDLE", "OutgoingPackets"]

MAX_BUNDLE: Final = 65_507
"""Bytes of the largest bundle that messages are joined to: those of the largest datagram."""

_HEADER: Final = 16
_SIZE: Final = 4


@dataclass(slots=True)
class _Bundle:
    timetag: oscbridge.TimeTag
    place: int
    """Index of its packet."""
    elements: list[bytes] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    size: int = _HEADER


class OutgoingPackets:
    """The packets of a batch of messages, and which messages are in each.

    Messages that have come in one bundle with one forwarded time tag
    (:class:`oscbridge.ForwardedTag`) leave in one bundle with that tag, as far as they fit.
    Messages for which ``is_echo`` is true are left out.
    """

    def __init__(
        self,
        messages: Sequence[oscbridge.Message],
        is_echo: Callable[[oscbridge.Origin | None], bool],
    ) -> None:
        self.packets: list[bytes] = []
        self.rejected: dict[int, oscbridge.BadMessage] = {}
        """Messages that cannot be encoded, by index."""
        self._places: list[int] = []  # of each packet's first message
        self._bundled: dict[int, list[int]] = {}  # of all messages of a packet with several
        self._echoes: list[int] = []
        self._open: dict[tuple[bytes, int], _Bundle] = {}  # the last of each
        self._bundles: list[_Bundle] = []
        encode, packets, places = oscbridge.encode_message, self.packets, self._places
        for index, message in enumerate(messages):
            if is_echo(message.origin):
                self._echoes.append(index)
                continue
            try:
                packet = encode(message)
            except oscbridge.EncodeError as error:
                self.rejected[index] = oscbridge.BadMessage(str(error))
                continue
            if message.timetag is not None and isinstance(message.timetag, oscbridge.ForwardedTag):
                self._join(index, packet, message.timetag)
                continue
            packets.append(packet)
            places.append(index)
        for bundle in self._bundles:
            self.packets[bundle.place] = oscbridge.encode_bundle(bundle.elements, bundle.timetag)
            self._bundled[bundle.place] = bundle.messages

    def _join(self, index: int, packet: bytes, tag: oscbridge.ForwardedTag) -> None:
        """Add a message to its bundle, or begin one."""
        key = tag.group, int(tag)
        bundle = self._open.get(key)
        size = _SIZE + len(packet)
        if bundle is None or bundle.size + size > MAX_BUNDLE:
            bundle = _Bundle(oscbridge.TimeTag(tag), len(self.packets))
            self._open[key] = bundle
            self._bundles.append(bundle)
            self.packets.append(b"")
            self._places.append(index)
        bundle.elements.append(packet)
        bundle.messages.append(index)
        bundle.size += size

    @property
    def accepted(self) -> list[int]:
        """The indexes of all messages that are not rejected."""
        return [*self._echoes, *self._messages_of(range(len(self.packets)))]

    def about_messages(self, partial: oscbridge.PartialDelivery) -> oscbridge.PartialDelivery:
        """The outcome of the batch from that of the packets."""
        rejected = {
            index: error
            for packet, error in partial.rejected.items()
            for index in self._messages_of((packet,))
        }
        accepted = [*self._echoes, *self._messages_of(partial.accepted)]
        return oscbridge.PartialDelivery(accepted, {**self.rejected, **rejected}, partial.cause)

    def _messages_of(self, packets: Iterable[int]) -> list[int]:
        return [
            index
            for packet in packets
            for index in self._bundled.get(packet, (self._places[packet],))
        ]

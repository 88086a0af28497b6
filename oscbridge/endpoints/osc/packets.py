"""From a batch of messages to packets: one for each message, or for those of a forwarded bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import oscbridge

__all__ = ["MAX_BUNDLE", "OutgoingPackets"]

MAX_BUNDLE: Final = 65_507
"""Bytes of the largest bundle that messages are joined to: those of the largest datagram."""

_HEADER: Final = 16
_SIZE: Final = 4


class OutgoingPackets:
    """The packets of a batch of messages, and which messages are in each.

    Consecutive messages that have come in one bundle with one forwarded time tag
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
        self._tag: oscbridge.ForwardedTag | None = None
        self._elements: list[bytes] = []
        self._members: list[int] = []
        self._size = 0
        for index, message in enumerate(messages):
            if is_echo(message.origin):
                self._echoes.append(index)
                continue
            try:
                packet = oscbridge.encode_message(message)
            except oscbridge.EncodeError as error:
                self.rejected[index] = oscbridge.BadMessage(str(error))
                continue
            if message.timetag is not None or self._tag is not None:
                tag = message.timetag
                if isinstance(tag, oscbridge.ForwardedTag):
                    self._join(index, packet, tag)
                    continue
                self._close_bundle()
            self.packets.append(packet)
            self._places.append(index)
        self._close_bundle()

    def _join(self, index: int, packet: bytes, tag: oscbridge.ForwardedTag) -> None:
        """Add a message to the open bundle, or to a new one."""
        size = _SIZE + len(packet)
        if self._tag is None or not tag.is_with(self._tag) or self._size + size > MAX_BUNDLE:
            self._close_bundle()
            self._tag, self._size = tag, _HEADER
        self._elements.append(packet)
        self._members.append(index)
        self._size += size

    def _close_bundle(self) -> None:
        if self._tag is None:
            return
        self._bundled[len(self.packets)] = self._members
        self._places.append(self._members[0])
        self.packets.append(oscbridge.encode_bundle(self._elements, oscbridge.TimeTag(self._tag)))
        self._tag, self._elements, self._members = None, [], []

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

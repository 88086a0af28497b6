"""From encoded messages to packets for clients: those of one forwarded bundle leave in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from oscbridge.bridge.clients.outgoing import Outgoing
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import TimeTag, encode_bundle

__all__ = ["OutgoingBundles"]

_HEADER: Final = 16
_SIZE: Final = 4

_Key: TypeAlias = tuple[bytes, int, ClientAddress | None, tuple[ClientAddress, ...] | None]


@dataclass(slots=True)
class _OpenBundle:
    place: int
    """Index of its packet."""
    elements: list[bytes]
    size: int


class OutgoingBundles:
    """Joins messages with one :class:`ForwardedTag` that the same clients get.

    A bundle has at most ``max_size`` bytes.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self.packets: list[Outgoing] = []
        """Messages that are in no bundle are added here."""
        self._open: dict[_Key, _OpenBundle] = {}  # the last of each
        self._bundles: list[tuple[_OpenBundle, TimeTag]] = []

    def add(self, message: Outgoing, tag: ForwardedTag) -> None:
        """Add an encoded message to its bundle, or begin one."""
        packet, source, only = message
        size = _SIZE + len(packet)
        key = tag.group, int(tag), source, None if only is None else tuple(only)
        bundle = self._open.get(key)
        if bundle is not None and bundle.size + size <= self._max_size:
            bundle.elements.append(packet)
            bundle.size += size
            return
        if _HEADER + size <= self._max_size:
            bundle = _OpenBundle(len(self.packets), [packet], _HEADER + size)
            self._open[key] = bundle
            self._bundles.append((bundle, TimeTag(tag)))
        self.packets.append(message)

    def close(self) -> list[Outgoing]:
        """Encode the bundles. Returns all packets, in the order of their first messages."""
        for bundle, timetag in self._bundles:
            data = encode_bundle(bundle.elements, timetag)
            self.packets[bundle.place] = self.packets[bundle.place]._replace(packet=data)
        return self.packets

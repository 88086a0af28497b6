"""From encoded messages to packets for clients: those of one forwarded bundle leave in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from oscbridge.bridge.clients.outgoing import Outgoing
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.dispatch.handler import ClientAddress
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
        self._packets: list[Outgoing] = []
        self._open: dict[_Key, _OpenBundle] = {}  # the last one of each
        self._bundles: list[tuple[_OpenBundle, TimeTag]] = []

    def add(
        self,
        packet: bytes,
        timetag: TimeTag | None,
        source: ClientAddress | None,
        only: Sequence[ClientAddress] | None,
    ) -> None:
        """Add an encoded message. ``source`` and ``only`` as of :class:`Outgoing`."""
        if isinstance(timetag, ForwardedTag):
            size = _SIZE + len(packet)
            key = timetag.group, int(timetag), source, None if only is None else tuple(only)
            bundle = self._open.get(key)
            if bundle is not None and bundle.size + size <= self._max_size:
                bundle.elements.append(packet)
                bundle.size += size
                return
            if _HEADER + size <= self._max_size:
                bundle = _OpenBundle(len(self._packets), [packet], _HEADER + size)
                self._open[key] = bundle
                self._bundles.append((bundle, TimeTag(timetag)))
        self._packets.append(Outgoing(packet, source, only))

    def packets(self) -> list[Outgoing]:
        """All packets, in the order of their first messages."""
        for bundle, timetag in self._bundles:
            data = encode_bundle(bundle.elements, timetag)
            self._packets[bundle.place] = self._packets[bundle.place]._replace(packet=data)
        return self._packets

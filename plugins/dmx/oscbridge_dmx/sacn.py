"""The endpoint for sACN (ANSI E1.31-2018)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Hashable
from typing import Final
from uuid import NAMESPACE_DNS, getnode, uuid5

import oscbridge
from oscbridge_dmx import sacn_packets
from oscbridge_dmx.endpoint import DmxEndpoint
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.options import MULTICAST, SacnOptions
from oscbridge_dmx.output import OutputUniverse

__all__ = ["SacnEndpoint"]

SOURCE_TIMEOUT: Final = 2.5
"""Seconds of silence after which a source is lost (E1.31, 6.7.1)."""

LAST_PACKETS: Final = 3
"""Packets that end a stream (E1.31, 6.2.6)."""

DISCOVERY_INTERVAL: Final = 10.0
"""Seconds between lists of the universes that are sent (E1.31, 4.3)."""


class SacnEndpoint(DmxEndpoint[SacnOptions]):
    """Sends and receives sACN."""

    options_type = SacnOptions
    example_peer = "oscbridge_dmx.conformance:SacnPeer"
    source_timeout = SOURCE_TIMEOUT
    network_keys = DmxEndpoint.network_keys | {"cid", "max_hops"}

    def __init__(self, name: str, options: SacnOptions) -> None:
        super().__init__(name, options)
        self._cid = b""
        self._own_ports: frozenset[int] = frozenset()
        self._announcing: asyncio.Task[None] | None = None

    @property
    def max_hops(self) -> int:
        return self.options.max_hops

    async def connect(self) -> None:
        own = self.options.cid
        name = f"{self.name}.{socket.gethostname()}.{getnode():x}.oscbridge"
        self._cid = (uuid5(NAMESPACE_DNS, name) if own is None else own).bytes
        await super().connect()
        self._own_ports = self.own_ports
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        if MULTICAST in self.options.to and not self.host.is_dry:
            self._announcing = self.start_task(self._announce())

    def group_of(self, universe: int) -> str | None:
        return sacn_packets.group_of(universe)

    def encode(self, output: OutputUniverse, levels: bytes, *, is_last: bool) -> bytes:
        output.sequence = (output.sequence + 1) & 0xFF
        options = self.options
        frame = DmxFrame(
            output.number, levels, output.sequence, options.priority, is_last, options.preview
        )
        return sacn_packets.encode_data(frame, self._cid, options.source_name)

    def end_stream(self, output: OutputUniverse, levels: bytes) -> None:
        for _ in range(LAST_PACKETS):
            self.transmit(output, levels, is_last=True)

    def decode(
        self, data: bytes, peer: oscbridge.ClientAddress
    ) -> tuple[Hashable, DmxFrame] | None:
        found = sacn_packets.decode_data(data)
        if found is None or (found[0] == self._cid and peer[1] in self._own_ports):
            return None  # its own packets come back
        if found[1].is_preview and not self.options.preview:
            return None
        return found

    async def _announce(self) -> None:
        """List the universes that are sent, for programs that show them."""
        group = sacn_packets.group_of(sacn_packets.DISCOVERY_UNIVERSE)
        while True:
            packets = sacn_packets.encode_discovery(
                self.sent_universes, self._cid, self.options.source_name
            )
            for packet in packets:
                self.send_to_group(group, packet)
            await asyncio.sleep(DISCOVERY_INTERVAL)

"""The endpoint for Art-Net 4."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from typing import Final

import oscbridge
from oscbridge_dmx.artnet_packets import ArtPoll, NodePort, decode, encode_dmx, encode_poll_reply
from oscbridge_dmx.endpoint import DmxEndpoint
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.options import ArtnetOptions
from oscbridge_dmx.output import OutputUniverse
from oscbridge_dmx.sockets import local_address_for

__all__ = ["ArtnetEndpoint"]

SOURCE_TIMEOUT: Final = 10.0
"""Seconds of silence after which a source is not merged any more (Art-Net 4, "Data merging")."""

REPLY_DELAY: Final = 1.0
"""Seconds within which a poll is answered, at random, so that nodes do not answer at once."""

MAX_POLLERS: Final = 64
"""Controllers that wait for an answer; polls of others are ignored."""

MAX_PORTS: Final = 255
"""Universes that an answer lists: the highest BindIndex."""


class ArtnetEndpoint(DmxEndpoint[ArtnetOptions]):
    """Sends and receives Art-Net; controllers that poll find what it receives and sends."""

    options_type = ArtnetOptions
    example_peer = "oscbridge_dmx.conformance:ArtnetPeer"
    source_timeout = SOURCE_TIMEOUT

    def __init__(self, name: str, options: ArtnetOptions) -> None:
        super().__init__(name, options)
        self._own: frozenset[tuple[str, int]] = frozenset()
        self._replies: dict[str, asyncio.TimerHandle] = {}
        """Answers that are due, by the address of the controller."""

    async def connect(self) -> None:
        await super().connect()
        self._own = self.own_addresses

    async def close(self) -> None:
        for timer in self._replies.values():
            timer.cancel()
        self._replies.clear()
        await super().close()

    def encode(self, output: OutputUniverse, levels: bytes, *, is_last: bool) -> bytes:
        output.sequence = output.sequence % 0xFF + 1  # 0 means that packets are not counted
        return encode_dmx(DmxFrame(output.number, levels, output.sequence))

    def decode(
        self, data: bytes, peer: oscbridge.ClientAddress
    ) -> tuple[Hashable, DmxFrame] | None:
        found = decode(data)
        if isinstance(found, ArtPoll):
            self._reply_soon(found, peer[0])
            return None
        if found is None or peer in self._own:  # what it broadcasts comes back
            return None
        return (peer[0], found.physical), found

    def _reply_soon(self, poll: ArtPoll, controller: str) -> None:
        if self.host.is_dry or controller in self._replies or len(self._replies) >= MAX_POLLERS:
            return
        loop = asyncio.get_running_loop()
        delay = random.uniform(0, REPLY_DELAY)
        self._replies[controller] = loop.call_later(delay, self._reply, poll, controller)

    def _reply(self, poll: ArtPoll, controller: str) -> None:
        """Answer one controller: a packet per universe that it asks for."""
        del self._replies[controller]
        options = self.options
        here = local_address_for((controller, options.port))
        if not here:
            return
        universes = [(each, False) for each in options.receive]
        universes += [(each, True) for each in self.sent_universes]
        for index, (universe, is_sent) in enumerate(universes[:MAX_PORTS], 1):
            if poll.bottom <= universe <= poll.top:
                port = NodePort(universe, is_sent, index)
                packet = encode_poll_reply(port, here, options.port, options.node_name)
                self.answer((controller, options.port), packet)

"""Applies the rules of the plugin contract to an endpoint with virtual ports of JACK."""

from __future__ import annotations

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, Peer
from oscbridge_midi.endpoint import MidiEndpoint


class VirtualPorts(Peer):
    """Ports that nothing is connected to: there is nothing to start or to kill."""

    message = oscbridge.Message.of("/control", 1, 7, 64)

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"backend": "jack", "output": "virtual:to", "input": "virtual:from"}

    async def start(self) -> None:
        """The JACK server runs."""

    async def kill(self) -> None:
        """It runs until the end of the test."""


NOT_APPLIED = {
    *("receiving", "peer-loss"),  # a virtual port has no peer
    # They kill dozens of clients while the JACK server opens their ports. It hangs at times then,
    # and the endpoint connects later.
    "cancellation",
    "base-exceptions",
}

for rule in RULES:
    if rule.name not in NOT_APPLIED:
        print(rule.check(CheckedType(MidiEndpoint, "midi", peer=VirtualPorts)), flush=True)
print("done", flush=True)

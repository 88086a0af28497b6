"""The MIDI endpoint follows the rules of the plugin contract, as a server and as a client."""

from __future__ import annotations

from collections.abc import Callable

import mido
import pytest

import oscbridge
from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule, TCPServerPeer
from oscbridge_midi.conformance import MidiTcpPeer
from oscbridge_midi.endpoint import MidiEndpoint


class MidiServerPeer(TCPServerPeer):
    """A server for MIDI over TCP that reads with the parser of mido."""

    message = oscbridge.Message.of("/control", 1, 7, 64)
    greeting = bytes(mido.Message("note_on", note=60).bytes())

    @property
    def options(self) -> oscbridge.TomlTable:
        url = f"midi+tcp://127.0.0.1:{self.port}"
        return {"output": url, "input": url}

    def new_counter(self) -> Callable[[bytes], int]:
        parser = mido.Parser()
        sent = mido.Message("control_change", channel=0, control=7, value=64)

        def count(data: bytes) -> int:
            parser.feed(data)
            return sum(message == sent for message in parser)

        return count


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("peer", [MidiTcpPeer, MidiServerPeer])
def test_midi_endpoint_follows_the_rule(rule: Rule, peer: type[Peer]) -> None:
    result = rule.check(CheckedType(MidiEndpoint, "midi", peer=peer))
    assert result.outcome == "passed", result.text

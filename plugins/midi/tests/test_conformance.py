"""The MIDI endpoint follows the rules of the plugin contract, as a server and as a client."""

from __future__ import annotations

import asyncio

import mido
import pytest

import oscbridge
from oscbridge.testing import free_port
from oscbridge.testing.conformance import RULES, CheckedType, Peer, Rule
from oscbridge_midi.conformance import MidiTcpPeer
from oscbridge_midi.endpoint import MidiEndpoint


class MidiServerPeer(Peer):
    """A server for MIDI over TCP that reads with the parser of mido."""

    message = oscbridge.Message.of("/control", 1, 7, 64)

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def options(self) -> oscbridge.TomlTable:
        url = f"midi+tcp://127.0.0.1:{self._port}"
        return {"output": url, "input": url}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        parser = mido.Parser()
        try:
            while data := await reader.read(4096):
                parser.feed(data)
                sent = mido.Message("control_change", channel=0, control=7, value=64)
                self._received += sum(message == sent for message in parser)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def say(self) -> bool:
        for writer in self._writers:
            writer.write(bytes(mido.Message("note_on", note=60).bytes()))
        return True

    async def kill(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("peer", [MidiTcpPeer, MidiServerPeer])
def test_midi_endpoint_follows_the_rule(rule: Rule, peer: type[Peer]) -> None:
    result = rule.check(CheckedType(MidiEndpoint, "midi", peer=peer))
    assert result.outcome == "passed", result.text

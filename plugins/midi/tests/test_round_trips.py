"""Every kind of message, there and back, as the table in the README says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import PluginReadme
from oscbridge_midi.message_table import TABLE

README = PluginReadme(Path(__file__).parent.parent / "README.md")

Osc = tuple[Any, ...]

OPTIONS = 'listen = "127.0.0.1:0"\npairs = [7]\nbanks = true'

OSC: list[tuple[Osc, list[Osc]]] = [
    (("/note", 1, 60, 100), [("/note", 1, 60, 100)]),
    (("/note", 1, 60, 0), [("/note_off", 1, 60, 64)]),
    (("/note_off", 16, 127, 5), [("/note_off", 16, 127, 5)]),
    (("/note_off", 1, 60), [("/note_off", 1, 60, 64)]),
    (("/key_pressure", 2, 60, 127), [("/key_pressure", 2, 60, 127)]),
    (("/control", 3, 8, 64), [("/control", 3, 8, 64)]),
    (("/control/3/8", 63.5), [("/control", 3, 8, 64)]),
    (("/program", 10, 127), [("/program", 10, 127)]),
    (("/program", 10, 16383, 127), [("/program", 10, 16383, 127)]),
    (("/channel_pressure", 1, True), [("/channel_pressure", 1, 127)]),
    (("/pitch", 2, 16383), [("/pitch", 2, 16383)]),
    (("/control14", 1, 7, 16383), [("/control14", 1, 7, 16383)]),
    (("/control14", 1, 8, 129), [("/control", 1, 8, 1), ("/control", 1, 40, 1)]),
    (("/nrpn", 1, 300, 16383), [("/nrpn", 1, 300, 16383)]),
    (("/rpn", 1, 0, 256), [("/rpn", 1, 0, 256)]),
    (("/rpn", 1, 16383), [("/rpn", 1, 16383)]),
    (("/sysex", "f0 7e f7"), [("/sysex", b"\xf0\x7e\xf7")]),
    (("/mtc", 7, 15), [("/mtc", 7, 15)]),
    (("/song_position", 16383), [("/song_position", 16383)]),
    (("/song_select", 5), [("/song_select", 5)]),
    (("/tune_request",), [("/tune_request",)]),
    (("/clock",), [("/clock",)]),
    (("/start",), [("/start",)]),
    (("/continue",), [("/continue",)]),
    (("/stop",), [("/stop",)]),
    (("/active_sensing",), [("/active_sensing",)]),
    (("/reset",), [("/reset",)]),
    (("/any", oscbridge.MIDI(0, 0x90, 60, 1)), [("/note", 1, 60, 1)]),
]

MIDI = [
    ("903c64", "903c64"),
    ("903c00", "803c40"),
    ("803c05", "803c05"),
    ("a13c7f", "a13c7f"),
    ("b20840", "b20840"),
    ("b00740b02701", "b00740b02701"),
    ("b02701b00740", "b00740b02701"),  # through OSC the upper half is first
    ("c97f", "c97f"),
    ("b9007fb9207fc97f", "b9007fb9207fc97f"),
    ("d005", "d005"),
    ("e17f7f", "e17f7f"),
    ("b06302b0622cb0067fb0267f", "b06302b0622cb0067fb0267f"),
    ("b0622cb06302b0067f", "b06302b0622cb0067fb02600"),
    ("b0657fb0647f", "b0657fb0647f"),
    ("f07e7f0601f7", "f07e7f0601f7"),
    *(
        (each, each)
        for each in ("f17f", "f27f7f", "f305", "f6", "f8", "fa", "fb", "fc", "fe", "ff")
    ),
]


@pytest.mark.parametrize(("message", "found"), OSC)
async def test_osc_comes_back(start: Any, join: Any, message: Osc, found: list[Osc]) -> None:
    bridge = await start(OPTIONS)
    wire, end = await join(bridge), bytes.fromhex("f37f")
    bridge.send(*message)
    bridge.send("/song_select", 127)
    data = b""
    while not data.endswith(end):
        data += await wire.read(1)
    await wire.write(data.removesuffix(end))
    received = [await bridge.receive() for _ in found]
    assert [(each.address, *each.args) for each in received] == found


@pytest.mark.parametrize(("data", "found"), MIDI)
async def test_midi_comes_back_through_osc(start: Any, join: Any, data: str, found: str) -> None:
    bridge = await start(OPTIONS)
    wire = await join(bridge)
    await wire.write(bytes.fromhex(data))
    message = await bridge.receive()
    bridge.send(message.address, *message.args, types=message.types)
    assert (await wire.read(len(found) // 2)).hex() == found


def test_table_has_every_kind() -> None:
    rows = README.rows("| address | OSC → MIDI → OSC |")
    assert set(rows) == {kind.address for kind in TABLE}
    tried = {message[0].split("/")[1] for message, _ in OSC}
    assert {kind.address.strip("/") for kind in TABLE} <= tried


def test_table_says_what_is_always_the_same() -> None:
    rows = README.rows("| address | OSC → MIDI → OSC |")
    for message, found in OSC:
        if rows.get(message[0], ["", ""])[1] == "the same":
            assert found[0][0] == message[0]

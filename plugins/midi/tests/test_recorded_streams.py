"""Bytes as real gear sends them, from public manuals and threads.

- Elektron Analog Four, NRPN in four controllers: mitat.tuu.fi, "MIDI NRPN explained".
- Sequential Prophet X, NRPN with running status: User's Guide, appendix E, page 145.
- Korg microKORG XL+, NRPN without the lower half of the value: community.blokas.io, thread 2359.
- OpenTheremin V3, firmware 2.5, lower half of a pair first: MrDham/OpenTheremin_V3_with_MIDI#26;
  a controller that does so too: helgoboss/helgobox#76.
- Behringer TD-3, notes and All Notes Off: manual, page 61.
- Roland GS reset and a Yamaha DX7 bulk dump of 4,104 bytes: MIDI implementations of these devices.
- MIDI 1.0 Detailed Specification, table V: real-time bytes within other messages.
"""

from __future__ import annotations

from typing import Any

import pytest

from oscbridge import DecodeError
from oscbridge_midi.stream_parser import MidiStreamParser

STREAMS = {
    # A keyboard: a chord with running status, a clock between the data bytes, ends by velocity 0.
    "running status with real time": (
        "90 3c f8 40 40 fe 40 43 40 f8 3c 00 40 00 43 00",
        ["f8", "90 3c 40", "fe", "90 40 40", "90 43 40", "f8", "90 3c 00", "90 40 00", "90 43 00"],
    ),
    # After a real-time byte running status is still valid, after a system common it is not.
    "running status after system bytes": (
        "b0 07 40 f8 fa 07 41 f3 05 b0 07 42",
        ["b0 07 40", "f8", "fa", "b0 07 41", "f3 05", "b0 07 42"],
    ),
    "GS reset with a clock inside": (
        "f0 41 10 42 f8 12 40 00 7f 00 f8 41 f7 c0 05",
        ["f8", "f8", "f0 41 10 42 12 40 00 7f 00 41 f7", "c0 05"],
    ),
    "universal identity reply": (
        "f0 7e 10 06 02 41 6a 00 01 00 00 00 00 00 f7",
        ["f0 7e 10 06 02 41 6a 00 01 00 00 00 00 00 f7"],
    ),
    "TD-3": ("90 3c 64 80 3c 40 b0 7b 00", ["90 3c 64", "80 3c 40", "b0 7b 00"]),
    # Buttons as controllers, and a fader with running status.
    "controller with faders": (
        "b0 29 7f 29 00 00 10 00 11 00 12",
        ["b0 29 7f", "b0 29 00", "b0 00 10", "b0 00 11", "b0 00 12"],
    ),
    "time code with running real time": ("f1 03 f8 f1 13", ["f1 03", "f8", "f1 13"]),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_stream_is_read_whatever_pieces_a_driver_passes(name: str, size: int) -> None:
    text, messages = STREAMS[name]
    data, parser = bytes.fromhex(text), MidiStreamParser()
    found = [
        each
        for start in range(0, len(data), size)
        for each in parser.feed(data[start : start + size])
    ]
    assert not [each for each in found if isinstance(each, DecodeError)]
    assert [each.hex(" ") for each in found if isinstance(each, bytes)] == messages


@pytest.mark.parametrize("size", [256, 1_024, 4_096])
def test_bulk_dump_in_pieces_of_a_drivers_buffer_is_one_message(size: int) -> None:
    dump = bytes.fromhex("f0 43 00 09 20 00") + bytes(n & 127 for n in range(4_096)) + b"\x2a\xf7"
    parser = MidiStreamParser()
    found = []
    for start in range(0, len(dump), size):
        found += [*parser.feed(dump[start : start + size]), *parser.feed(b"\xf8")]
    assert [each for each in found if each != b"\xf8"] == [dump]


NOTE = ("/note", 1, 60, 64)
NRPN = ("/nrpn", 1, 144, 4101)
PAIR = ("/control14", 1, 7, 8193)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        ("b8 63 01 b8 62 00 b8 06 26 b8 26 40", [("/nrpn", 9, 128, 4928)]),  # Analog Four
        ("b0 63 01 62 10 06 20 26 05", [NRPN]),  # Prophet X
        ("b0 63 00 b0 62 02 b0 06 7f", [("/nrpn", 1, 2, 16256)]),  # microKORG XL+
        ("b0 27 01 b0 07 40", [PAIR]),  # OpenTheremin
        (
            "b0 27 01 b0 07 01 b0 27 00 b0 07 00",  # helgobox#76: down to 0
            [("/control14", 1, 7, 129), ("/control14", 1, 7, 0)],
        ),
        # The same with the lower half of the number or of the value first.
        ("b0 62 10 63 01 06 20 26 05", [NRPN]),
        ("b0 63 01 62 10 26 05 06 20", [NRPN]),
        # Other messages between the halves.
        ("b0 63 01 62 10 06 20 b1 0a 11 b0 26 05", [("/control", 2, 10, 17), NRPN]),
        ("b0 63 01 62 10 06 20 90 3c 40 b0 26 05", [NOTE, NRPN]),
        ("b0 07 40 f8 90 3c 40 b0 27 01", [("/clock",), NOTE, PAIR]),
        ("b0 27 01 e0 00 40 b0 07 40", [("/pitch", 1, 8192), PAIR]),
        # A pitch bend range of 12 semitones, then null.
        ("b0 65 00 64 00 06 0c 26 00 65 7f 64 7f", [("/rpn", 1, 0, 1536), ("/rpn", 1, 16383)]),
    ],
)
async def test_values_in_parts_are_joined(
    start: Any, join: Any, stream: str, found: list[tuple[Any, ...]]
) -> None:
    bridge = await start('listen = "127.0.0.1:0"\npairs = [7]')
    wire = await join(bridge)
    await wire.write(bytes.fromhex(stream))
    received = [await bridge.receive() for _ in found]
    assert [(each.address, *each.args) for each in received] == found

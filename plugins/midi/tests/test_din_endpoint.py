"""An endpoint with a DIN cable."""

from __future__ import annotations

import asyncio
from typing import Any


async def test_fader_flood_does_not_delay_a_note_at_din_speed(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    for value in range(500):
        bridge.send("/control", 1, 7, value % 128)
    bridge.send("/note", 1, 60, 1)
    bridge.send("/note", 1, 60, 0)
    bridge.send("/control", 1, 8, 5)
    sent = b""
    while not sent.endswith(bytes.fromhex("b00805")):
        sent += await wire.read(3)
    events = [sent[index : index + 3].hex() for index in range(0, len(sent), 3)]
    assert events.index("903c01") + 1 == events.index("803c40")
    assert events.index("903c01") < 100
    assert f"b007{499 % 128:02x}" in events
    assert bridge.client_drops["replaced"] == 503 - len(events)
    assert bridge.wrong_counts == []


async def test_din_sends_at_most_3125_bytes_per_second(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    loop = asyncio.get_running_loop()
    for note in range(100):
        bridge.send("/note", 1, note, 1)
    await wire.read(3)
    began = loop.time()
    assert [await wire.read(3) for _ in range(99)] == [bytes((0x90, n, 1)) for n in range(1, 100)]
    assert loop.time() - began > 97 * 3 / 3125

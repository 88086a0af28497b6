"""Messages and bytes that are not MIDI."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import until


async def test_bad_messages_are_counted_and_others_are_sent(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await start()
    wire = await join(bridge)
    with caplog.at_level(logging.INFO):
        bridge.send("/note", 17, 60, 1)
        bridge.send("/note", 1, 200, 1)
        bridge.send("/note", 1, "c4", 1)
        bridge.send("/control", 1, 7, float("nan"))
        bridge.send("/sysex", "f0 01 02")
        bridge.send("/nothing", 1)
        bridge.send("/note", 1, 60, 1)
        assert (await wire.read(3)).hex() == "903c01"
    assert bridge.drops == {"bad": 6}
    assert "/note 17 60 1: channel must be 1 to 16, not 17" in caplog.text


async def test_bad_bytes_are_counted_and_others_are_received(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    await wire.write(bytes.fromhex("01 f0 01 02 90 3c f4 90 3d 40"))
    assert await bridge.receive() == oscbridge.Message.of("/note", 1, 61, 64)
    assert bridge.bad == {"stray": 1, "truncated": 2, "status": 1}
    await wire.write(bytes.fromhex("903c"))
    wire.sock.close()
    await until(lambda: bridge.bad["truncated"] == 3)


@pytest.mark.parametrize("value", [None, [], oscbridge.IMPULSE, float("nan"), 128, -1])
async def test_value_that_is_not_a_sysex_byte_is_rejected(
    start: Any, join: Any, value: Any
) -> None:
    route = 'match = "/s"\nmidi = { type = "sysex", data = "f0 {0} f7" }'
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send("/s", value)
    bridge.send("/s", True)
    assert (await wire.read(3)).hex() == "f07ff7"
    assert bridge.drops == {"bad": 1}


async def test_value_out_of_range_is_rejected_if_configured(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nout_of_range = "refuse"')
    wire = await join(bridge)
    bridge.send("/control", 1, 7, 200)
    bridge.send("/control", 1, 7, 3)
    assert (await wire.read(3)).hex() == "b00703"
    assert bridge.drops == {"bad": 1}


async def test_failing_expression_of_a_field_drops_the_message(
    start: Any, join: Any, caplog: pytest.LogCaptureFixture
) -> None:
    route = 'match = "/a"\nmidi = { type = "program_change", program = "{= 1 / x}" }'
    bridge = await start(route=route)
    wire = await join(bridge)
    bridge.send("/a", 0)
    bridge.send("/a", 1)
    assert await wire.read(2) == b"\xc0\x01"
    await until(lambda: bridge.drops == {"expression": 1})
    assert "/a: '1 / x' failed: division by zero (x = 0)" in caplog.text

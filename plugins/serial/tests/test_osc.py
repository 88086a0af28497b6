"""Packets of OSC in SLIP, with python-osc as the program of the device."""

from __future__ import annotations

from typing import Any

import pytest
from pythonosc import slip
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from oscbridge import Message, encode_message


def packet(address: str, *values: Any) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return slip.encode(builder.build().dgram)


async def test_message_reaches_the_device(start: Any, device: Any) -> None:
    bridge = await start()
    bridge.send("osc", Message.of("/led/1", 0.5, 192, "a"))
    expected = packet("/led/1", 0.5, 192, "a")
    data = await device.receive(len(expected))
    found = OscMessage(slip.decode(data))
    assert (found.address, found.params) == ("/led/1", [0.5, 192, "a"])


async def test_message_of_the_device_becomes_a_message(start: Any, device: Any) -> None:
    bridge = await start()
    device.send(packet("/sensor/1", 0.5, 192))
    [message] = await bridge.recording("seen").arrived(1)
    assert (message.address, message.types, message.args) == ("/sensor/1", "fi", (0.5, 192))
    assert message.origin.source == "arduino"


async def test_message_may_arrive_byte_by_byte(start: Any, device: Any) -> None:
    bridge = await start()
    for index, byte in enumerate(packet("/sensor/1", 192) * 2):
        device.send(bytes((byte,)))
        if index % 7 == 0:
            await bridge.until(lambda: True)
    assert len(await bridge.recording("seen").arrived(2)) == 2


async def test_rubbish_is_counted_and_costs_only_itself(start: Any, device: Any) -> None:
    bridge = await start()
    device.send(b"Booting...\r\n" + packet("/a", 1))
    device.send(b"\xdb\x00\xc0" + packet("/b", 2))
    device.send(bytes(range(1, 0xC0)) + packet("/c", 3))
    messages = await bridge.recording("seen").arrived(3)
    assert [message.address for message in messages] == ["/a", "/b", "/c"]
    bad = bridge.endpoint_status("arduino").received.bad
    assert sum(bad.values()) == 3
    assert bad["bad_escape"] == 1


async def test_endless_packet_is_counted_once_and_skipped(start: Any, device: Any) -> None:
    bridge = await start("max_packet_size = 64")
    await device.send_all(b"x" * 100_000 + b"\xc0" + packet("/a", 1))
    [message] = await bridge.recording("seen").arrived(1)
    assert message.address == "/a"
    assert dict(bridge.endpoint_status("arduino").received.bad) == {"max_packet_size": 1}


async def test_packet_above_the_limit_is_counted(start: Any, device: Any) -> None:
    bridge = await start("max_packet_size = 64")
    device.send(packet("/a", "x" * 80) + packet("/b"))
    [message] = await bridge.recording("seen").arrived(1)
    assert message.address == "/b"
    assert dict(bridge.endpoint_status("arduino").received.bad) == {"max_packet_size": 1}


async def test_message_above_the_limit_is_rejected(start: Any, device: Any) -> None:
    bridge = await start("max_packet_size = 64")
    bridge.send("osc", Message.of("/a", "x" * 80), Message("/b"))
    assert await device.receive(10) == b"\xc0" + encode_message(Message("/b")) + b"\xc0"
    assert bridge.endpoint_status("arduino").dropped == {"bad": 1}


async def test_flood_is_routed_completely_while_others_run(start: Any, device: Any) -> None:
    bridge = await start('policy = "drop_oldest"')
    count = 5_000
    await device.send_all(packet("/a", 1) * count)
    await bridge.until(lambda: bridge.endpoint_status("arduino").received.messages == count)
    assert not bridge.endpoint_status("arduino").received.bad


async def test_line_of_a_route_requires_text() -> None:
    from oscbridge_serial.codec import SlipCodec

    with pytest.raises(Exception, match='for protocol = "text" only'):
        SlipCodec(64).encode(Message("/a"), "x", {})

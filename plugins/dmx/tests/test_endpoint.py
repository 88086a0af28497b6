"""What the endpoints of both protocols have in common."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import running_bridge
from oscbridge_dmx import endpoint
from oscbridge_dmx.artnet_packets import decode
from oscbridge_dmx.frame import DmxFrame

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.lights]
type = "artnet"
to   = "127.0.0.1:{port}"
{more}
"""


def levels_of(packet: bytes) -> bytes:
    found = decode(packet)
    assert isinstance(found, DmxFrame)
    return found.levels


async def test_bad_messages_are_counted_and_others_are_sent(node: Any) -> None:
    text = CONFIGURATION.format(port=node.port, more='out_of_range = "refuse"')
    async with running_bridge(text) as bridge:
        bridge.send(
            "osc",
            Message.of("/dmx/1/1", 1.5),
            Message.of("/dmx/1/513", 1.0),
            Message.of("/dmx/1/x", 1.0),
            Message.of("/dmx/1/2", 1.0),
        )
        await bridge.until(lambda: bridge.endpoint_status("lights").sent == 1)
        assert bridge.endpoint_status("lights").dropped == {"bad": 3}
        assert levels_of(await node.packet())[:2] == b"\0\xff"
        assert "/dmx/1/1: the value must be 0 to 1, not 1.5" in "\n".join(bridge.log)


async def test_number_of_universes_is_limited(node: Any) -> None:
    text = CONFIGURATION.format(port=node.port, more="max_universes = 1")
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0), Message.of("/dmx/2/1", 1.0))
        await bridge.until(lambda: bridge.endpoint_status("lights").dropped == {"bad": 1})
        assert "universe 2 is one too many: max_universes = 1" in "\n".join(bridge.log)


async def test_burst_is_joined_into_few_packets(node: Any) -> None:
    async with running_bridge(CONFIGURATION.format(port=node.port, more="")) as bridge:
        bridge.send("osc", *(Message.of("/dmx/1/1", level) for level in range(256)))
        await bridge.until(lambda: bridge.endpoint_status("lights").offered == 256)
        while levels_of(await node.packet())[0] != 255:
            pass
        status = bridge.endpoint_status("lights")
        assert status.sent + sum(status.dropped.values()) == 256
        replaced = status.client_dropped.get("replaced", 0) + status.dropped.get("replaced", 0)
        assert replaced > 100


async def test_fine_channels_have_two_bytes(node: Any) -> None:
    text = CONFIGURATION.format(port=node.port, more="fine = { 1 = [3] }")
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/3", 0.5))
        assert levels_of(await node.packet())[2:5] == b"\x80\0\0"


async def test_levels_are_kept_at_a_reload(node: Any) -> None:
    async with running_bridge(CONFIGURATION.format(port=node.port, more="")) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        assert levels_of(await node.packet())[0] == 255
        await bridge.reload(CONFIGURATION.format(port=node.port, more="receive = [9]\nport = 9999"))
        await bridge.until(lambda: bridge.endpoint_status("lights").connected)
        node.waiting()
        bridge.send("osc", Message.of("/dmx/1/2", 1.0))
        while (levels := levels_of(await node.packet()))[1] != 255:
            pass
        assert levels[:2] == b"\xff\xff"


async def test_last_of_several_reloads_counts(
    node: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CONFIGURATION.format(port=node.port, more="")
    may_look_up = asyncio.Event()

    async def look_up(target: oscbridge.HostPort) -> tuple[str, int]:
        await may_look_up.wait()
        return target

    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        await node.packet()
        monkeypatch.setattr(endpoint, "resolve", look_up)
        await bridge.reload(text.replace(f":{node.port}", ":9"))
        await asyncio.sleep(0)  # the look-up begins
        await bridge.reload(text.replace(f":{node.port}", f":{other.port}"))
        may_look_up.set()
        assert levels_of(await other.packet())[0] == 255


async def test_network_without_a_way_is_shown_until_there_is_one(node: Any) -> None:
    near = 'interface = "127.0.0.1"'
    text = CONFIGURATION.replace("127.0.0.1:{port}", "192.0.2.1").format(more=near)
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        await bridge.until(lambda: not bridge.endpoint_status("lights").connected)
        assert "not connected" in "\n".join(bridge.log)
        await bridge.reload(CONFIGURATION.format(port=node.port, more=near))
        assert levels_of(await node.packet())[0] == 255
        await bridge.until(lambda: bridge.endpoint_status("lights").connected)


async def test_node_that_is_gone_is_shown_until_it_is_back(node: Any, other: Any) -> None:
    text = CONFIGURATION.replace('"127.0.0.1:{port}"', "[{port}]").format(
        port=f'"127.0.0.1:{node.port}", "127.0.0.1:{other.port}"', more=""
    )
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        await node.packet()
        node.sock.close()
        await bridge.until(lambda: not bridge.endpoint_status("lights").connected)
        problem = bridge.endpoint_status("lights").problem
        assert problem == f"127.0.0.1:{node.port}: connection refused; nothing listens there"
        other.waiting()
        assert levels_of(await other.packet())[0] == 255  # the other node is served
        node.reopen()
        await bridge.until(lambda: bridge.endpoint_status("lights").connected)


async def test_input_only_endpoint_rejects_messages(port: int) -> None:
    text = f"""
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.lights]
type = "artnet"
receive = [1]
port = {port}
[[route]]
from = "osc"
to = "lights"
"""
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        await bridge.until(lambda: bridge.endpoint_status("lights").dropped == {"bad": 1})
        assert "add to = ... to [endpoint.lights]" in "\n".join(bridge.log)


@pytest.mark.parametrize("kind", ["artnet", "sacn"])
async def test_input_only_endpoint_has_no_default_route(kind: str, port: int) -> None:
    text = f"""
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.lights]
type = "{kind}"
receive = [1]
port = {port}
"""
    async with running_bridge(text) as bridge:
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        await bridge.until(lambda: bridge.bridge_status("osc").received.unmatched == 1)

"""What the endpoints of both protocols have in common."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oscbridge
from oscbridge import Message
from oscbridge_dmx import endpoint
from oscbridge_dmx.artnet_packets import decode
from oscbridge_dmx.frame import DmxFrame


def artnet(*nodes: Any, more: str = "") -> str:
    """The lines of an endpoint that sends to nodes."""
    to = [f"127.0.0.1:{node.port}" for node in nodes]
    return f'type = "artnet"\nto = {to}\n{more}'


def levels_of(packet: bytes) -> bytes:
    found = decode(packet)
    assert isinstance(found, DmxFrame)
    return found.levels


async def test_bad_messages_are_counted_and_others_are_sent(start: Any, node: Any) -> None:
    bridge = await start(artnet(node, more='out_of_range = "refuse"'))
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


async def test_number_of_universes_is_limited(start: Any, node: Any) -> None:
    bridge = await start(artnet(node, more="max_universes = 1"))
    bridge.send("osc", Message.of("/dmx/1/1", 1.0), Message.of("/dmx/2/1", 1.0))
    await bridge.until(lambda: bridge.endpoint_status("lights").dropped == {"bad": 1})
    assert "universe 2 is one too many: max_universes = 1" in "\n".join(bridge.log)


async def test_burst_is_joined_into_few_packets(start: Any, node: Any) -> None:
    bridge = await start(artnet(node))
    bridge.send("osc", *(Message.of("/dmx/1/1", level) for level in range(256)))
    await bridge.until(lambda: bridge.endpoint_status("lights").offered == 256)
    while levels_of(await node.packet())[0] != 255:
        pass
    status = bridge.endpoint_status("lights")
    assert status.sent + sum(status.dropped.values()) == 256
    replaced = status.client_dropped.get("replaced", 0) + status.dropped.get("replaced", 0)
    assert replaced > 100


async def test_fine_channels_have_two_bytes(start: Any, node: Any) -> None:
    bridge = await start(artnet(node, more="fine = { 1 = [3] }"))
    bridge.send("osc", Message.of("/dmx/1/3", 0.5))
    assert levels_of(await node.packet())[2:5] == b"\x80\0\0"


async def test_levels_are_kept_at_a_reload(start: Any, reload: Any, node: Any) -> None:
    bridge = await start(artnet(node))
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    assert levels_of(await node.packet())[0] == 255
    await reload(bridge, artnet(node, more="receive = [9]\nport = 9999"))
    await bridge.until(lambda: bridge.endpoint_status("lights").connected)
    node.waiting()
    bridge.send("osc", Message.of("/dmx/1/2", 1.0))
    while (levels := levels_of(await node.packet()))[1] != 255:
        pass
    assert levels[:2] == b"\xff\xff"


async def test_last_of_several_reloads_counts(
    start: Any, reload: Any, node: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_look_up = asyncio.Event()

    async def look_up(target: oscbridge.HostPort) -> tuple[str, int]:
        await may_look_up.wait()
        return target

    bridge = await start(artnet(node))
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await node.packet()
    monkeypatch.setattr(endpoint, "resolve", look_up)
    await reload(bridge, 'type = "artnet"\nto = "127.0.0.1:9"')
    await asyncio.sleep(0)  # the look-up begins
    await reload(bridge, artnet(other))
    may_look_up.set()
    assert levels_of(await other.packet())[0] == 255


async def test_network_without_a_way_is_shown_until_there_is_one(
    start: Any, reload: Any, node: Any
) -> None:
    near = 'interface = "127.0.0.1"'
    bridge = await start(f'type = "artnet"\nto = "192.0.2.1"\n{near}')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await bridge.until(lambda: not bridge.endpoint_status("lights").connected)
    assert "not connected" in "\n".join(bridge.log)
    await reload(bridge, artnet(node, more=near))
    assert levels_of(await node.packet())[0] == 255
    await bridge.until(lambda: bridge.endpoint_status("lights").connected)


async def test_node_that_is_gone_is_shown_until_it_is_back(
    start: Any, node: Any, other: Any
) -> None:
    bridge = await start(artnet(node, other))
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


async def test_input_only_endpoint_rejects_messages(start: Any, port: int) -> None:
    route = '[[route]]\nfrom = "osc"\nto = "lights"'
    bridge = await start(f'type = "artnet"\nreceive = [1]\nport = {port}\n{route}')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await bridge.until(lambda: bridge.endpoint_status("lights").dropped == {"bad": 1})
    assert "add to = ... to [endpoint.lights]" in "\n".join(bridge.log)


@pytest.mark.parametrize("kind", ["artnet", "sacn"])
async def test_input_only_endpoint_has_no_default_route(start: Any, kind: str, port: int) -> None:
    bridge = await start(f'type = "{kind}"\nreceive = [1]\nport = {port}')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await bridge.until(lambda: bridge.bridge_status("osc").received.unmatched == 1)

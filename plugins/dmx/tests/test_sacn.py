"""The endpoint for sACN, with the library ``sacn`` on the other side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
import sacn
import sacn.sending.sender_socket_udp

from oscbridge import Message
from oscbridge.testing import running_bridge
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.sacn_packets import decode_data, encode_data

CID = UUID("00112233-4455-6677-8899-aabbccddeeff")


def frame_of(packet: bytes) -> DmxFrame:
    found = decode_data(packet)
    assert found is not None
    return found[1]


def packet(
    levels: bytes, sequence: int, *, source: int = 1, universe: int = 1, **fields: Any
) -> bytes:
    frame = DmxFrame(universe, levels, sequence, **{"priority": 100, **fields})
    return encode_data(frame, bytes((source,)) * 16, "Desk")


def values(messages: Iterable[Message]) -> list[tuple[object, ...]]:
    """The addresses and arguments of messages."""
    return [(message.address, *message.args) for message in messages]


@pytest.fixture
def sender(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[sacn.sACNsender]:
    """A peer that sends universe 1 to the endpoint."""
    monkeypatch.setattr(sacn.sending.sender_socket_udp, "DEFAULT_PORT", port)
    sender = sacn.sACNsender(bind_address="127.0.0.1", bind_port=0, universeDiscovery=False)
    sender.activate_output(1)
    sender[1].destination = "127.0.0.1"
    sender.start()
    yield sender
    sender.stop()


# --- sending ---------------------------------------------------------------------------------


async def test_value_is_sent_to_a_peer(start: Any, port: int) -> None:
    receiver = sacn.sACNreceiver(bind_address="127.0.0.1", bind_port=port)
    loop, frames = asyncio.get_running_loop(), asyncio.Queue[Any]()
    receiver.register_listener(
        "universe", lambda found: loop.call_soon_threadsafe(frames.put_nowait, found), universe=1
    )
    receiver.start()
    bridge = await start(
        f'type = "sacn"\nto = "127.0.0.1"\nport = {port}\npriority = 150\nsource_name = "Stage"'
    )
    bridge.send("osc", Message.of("/dmx/1/12", 0.5))
    found = await asyncio.wait_for(frames.get(), 10)
    assert found.dmxData[11] == 128
    assert sum(found.dmxData) == 128
    assert (found.priority, found.sourceName.rstrip("\0"), found.universe) == (150, "Stage", 1)
    await bridge.stop()
    receiver.stop()


async def test_group_of_the_universe_is_used_for_multicast(start: Any, port: int) -> None:
    receiver = sacn.sACNreceiver(bind_address="127.0.0.1", bind_port=port)
    receiver.join_multicast(258)
    loop, frames = asyncio.get_running_loop(), asyncio.Queue[Any]()
    receiver.register_listener(
        "universe", lambda found: loop.call_soon_threadsafe(frames.put_nowait, found), universe=258
    )
    receiver.start()
    bridge = await start(f'type = "sacn"\nto = "multicast"\nport = {port}\ninterface = "127.0.0.1"')
    bridge.send("osc", Message.of("/dmx/258/1", 255))
    assert (await asyncio.wait_for(frames.get(), 10)).dmxData[0] == 255
    await bridge.stop()
    receiver.stop()


async def test_stream_ends_with_three_packets(start: Any, node: Any) -> None:
    bridge = await start(f'type = "sacn"\nto = "127.0.0.1:{node.port}"\npreview = true')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    first = frame_of(await node.packet())
    assert (first.levels[0], first.is_last, first.is_preview) == (255, False, True)
    await bridge.stop()
    frames = [frame_of(each) for each in node.waiting()]
    assert [frame.is_last for frame in frames] == [False] * (len(frames) - 3) + [True] * 3
    numbers = [frame.sequence for frame in (first, *frames)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert frames[-1].levels[0] == 255


async def test_blackout_is_sent_before_the_end(start: Any, node: Any) -> None:
    bridge = await start(f'type = "sacn"\nto = "127.0.0.1:{node.port}"\non_stop = "blackout"')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await node.packet()
    await bridge.stop()
    frames = [frame_of(each) for each in node.waiting()][-6:]
    assert [(frame.levels[0], frame.is_last) for frame in frames] == [(0, False)] * 3 + [
        (0, True)
    ] * 3


async def test_reload_with_another_target_ends_the_stream_of_the_first(
    start: Any, reload: Any, node: Any, other: Any
) -> None:
    bridge = await start(f'type = "sacn"\nto = "127.0.0.1:{node.port}"\non_stop = "blackout"')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await node.packet()
    lines = f'type = "sacn"\nto = "127.0.0.1:{other.port}"\non_stop = "blackout"'
    await reload(bridge, lines)
    frames = [frame_of(each) for each in node.waiting()]
    assert [frame.is_last for frame in frames] == [False] * (len(frames) - 3) + [True] * 3
    assert all(frame.levels[0] == 255 for frame in frames)
    assert frame_of(await other.packet()).levels[0] == 255


async def test_source_has_the_same_identity_after_a_restart(start: Any, node: Any) -> None:
    cids = set()
    for _ in range(2):
        bridge = await start(f'type = "sacn"\nto = "127.0.0.1:{node.port}"')
        bridge.send("osc", Message.of("/dmx/1/1", 1.0))
        found = decode_data(await node.packet())
        assert found is not None
        cids.add(found[0])
        await bridge.stop()
        node.waiting()
    assert len(cids) == 1


async def test_sent_universes_are_listed_for_discovery(start: Any, reload: Any, port: int) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", port))
    member = socket.inet_aton("239.255.250.214") + socket.inet_aton("127.0.0.1")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    sock.setblocking(False)
    lines = f'type = "sacn"\nto = "multicast"\nport = {port}\ninterface = "127.0.0.1"\n'
    bridge = await start(lines)
    bridge.send("osc", Message.of("/dmx/7/1", 1.0))
    await bridge.until(lambda: bridge.endpoint_status("lights").sent == 1)
    # a reload with another socket starts a new list
    await reload(bridge, f"{lines}max_hops = 2")
    async with asyncio.timeout(10):
        data = await asyncio.get_running_loop().sock_recv(sock, 2048)
    assert data[18:22] == bytes((0, 0, 0, 8))
    assert data[120:] == bytes((0, 7))
    sock.close()


# --- receiving -------------------------------------------------------------------------------


async def test_change_of_a_peer_becomes_a_message(
    start: Any, port: int, sender: sacn.sACNsender
) -> None:
    bridge = await start(
        f'type = "sacn"\nreceive = [1]\nport = {port}\ninterface = "127.0.0.1"\nvalues = "int"'
    )
    sender[1].dmx_data = (7,)
    seen = bridge.recording("seen")
    assert ("/dmx/1/1", 7) in values(await seen.arrived(512))
    sender[1].dmx_data = (7, 9)
    await bridge.until(lambda: ("/dmx/1/2", 9) in values(seen.messages))
    assert len(seen.messages) <= 514  # the peer may have sent zeros first


async def test_universe_is_received_from_its_group(
    start: Any, port: int, sender: sacn.sACNsender
) -> None:
    sender[1].multicast = True
    sender._sender_handler.socket._socket.setsockopt(
        socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
    )
    bridge = await start(
        f'type = "sacn"\nreceive = [1, 2, 2]\nport = {port}\nvalues = "blob"\n'
        'interface = "127.0.0.1"'
    )
    sender[1].dmx_data = (1, 2, 3)
    found = bridge.recording("seen")
    await bridge.until(lambda: found.messages and found.messages[-1].args[0][:3] == b"\1\2\3")


async def receiving(start: Any, port: int, more: str = "") -> Any:
    return await start(f'type = "sacn"\nreceive = [1]\nport = {port}\nvalues = "int"\n{more}')


async def test_sources_are_merged(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port)
    seen = bridge.recording("seen")
    node.send(packet(b"\1\5", 1), port)
    await seen.arrived(2)
    node.send(packet(b"\2\4", 1, source=2), port)
    assert values(await seen.arrived(3))[2] == ("/dmx/1/1", 2)
    node.send(packet(b"\0\0", 1, source=3, priority=101), port)
    assert len(await seen.arrived(5)) == 5
    node.send(packet(b"\0\0", 2, source=3, priority=101, is_last=True), port)
    assert values(await seen.arrived(7))[5:] == [("/dmx/1/1", 2), ("/dmx/1/2", 5)]


async def test_bad_and_overtaken_packets_are_counted(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port)
    for each in (packet(b"\1", 10), packet(b"\2", 9), b"noise", packet(b"\3", 11)):
        node.send(each, port)
    messages = await bridge.recording("seen").arrived(2)
    assert [message.args for message in messages] == [(1,), (3,)]
    bad = bridge.endpoint_status("lights").received.bad
    assert dict(bad) == {"sequence": 1, "not_sacn": 1}


async def test_previews_and_other_universes_are_ignored(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port)
    node.send(packet(b"\1", 1, is_preview=True), port)
    node.send(packet(b"\2", 1, universe=2), port)
    node.send(packet(b"\3", 1), port)
    assert values(await bridge.recording("seen").arrived(1)) == [("/dmx/1/1", 3)]


async def test_previews_are_received_if_configured(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port, "preview = true")
    node.send(packet(b"\1", 1, is_preview=True), port)
    assert values(await bridge.recording("seen").arrived(1)) == [("/dmx/1/1", 1)]


async def test_senders_that_are_not_allowed_are_refused(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port, 'allow = ["192.0.2.0/24"]')
    node.send(packet(b"\1", 1), port)
    await bridge.until(lambda: "127.0.0.1: not in 'allow'" in "\n".join(bridge.log))
    assert bridge.recording("seen").messages == []


async def test_sources_above_the_limit_are_refused(start: Any, port: int, node: Any) -> None:
    bridge = await receiving(start, port, "max_sources = 1")
    node.send(packet(b"\1", 1), port)
    node.send(packet(b"\2", 1, source=2), port)
    await bridge.until(lambda: "max_sources = 1 of universe 1 reached" in "\n".join(bridge.log))
    assert len(bridge.recording("seen").messages) == 1


async def test_own_multicast_packets_are_not_received(start: Any, port: int, node: Any) -> None:
    bridge = await start(
        f'type = "sacn"\nto = "multicast"\nreceive = [1]\nport = {port}\n'
        f'interface = "127.0.0.1"\ncid = "{CID}"'
    )
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await bridge.until(lambda: bridge.endpoint_status("lights").sent == 1)
    node.send(packet(b"\1\2\3", 1), port)
    messages = await bridge.recording("seen").arrived(3)
    assert len(messages) == 3
    assert bridge.endpoint_status("lights").received.messages == 3


async def test_another_source_with_the_same_identity_is_received(
    start: Any, port: int, node: Any
) -> None:
    bridge = await receiving(start, port, f'cid = "{UUID(bytes=bytes((1,)) * 16)}"')
    node.send(packet(b"\3", 1), port)
    assert values(await bridge.recording("seen").arrived(1)) == [("/dmx/1/1", 3)]


async def test_two_endpoints_share_the_port(port: int, node: Any) -> None:
    text = f"""
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.one]
type = "sacn"
receive = [1]
port = {port}
interface = "127.0.0.1"
values = "blob"
[endpoint.two]
type = "sacn"
receive = [1]
port = {port}
interface = "127.0.0.1"
values = "blob"
"""
    async with running_bridge(text, record=("one", "two")) as bridge:
        near = socket.inet_aton("127.0.0.1")
        node.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, near)
        node.send(packet(b"\1", 1), port, "239.255.0.1")
        for name in ("one", "two"):
            message = await asyncio.wait_for(bridge.received(name).get(), 10)
            assert message.args == (b"\1",)

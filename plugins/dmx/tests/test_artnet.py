"""The endpoint for Art-Net, with the library ``stupidArtnet`` on the other side."""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from stupidArtnet import StupidArtnet, StupidArtnetServer

from oscbridge import Message
from oscbridge.testing import until
from oscbridge_dmx import artnet
from oscbridge_dmx.artnet_packets import decode, encode_dmx
from oscbridge_dmx.frame import DmxFrame

POLL = b"Art-Net\0" + bytes.fromhex("0020 000e 00 00")


def frame_of(packet: bytes) -> DmxFrame:
    found = decode(packet)
    assert isinstance(found, DmxFrame)
    return found


@pytest.fixture
def peer(port: int) -> Iterator[StupidArtnet]:
    peer = StupidArtnet("127.0.0.1", 3, 24, port=port)
    yield peer
    peer.close()


async def test_value_is_sent_to_a_peer(start: Any, port: int) -> None:
    server = StupidArtnetServer(port=port)
    loop, frames = asyncio.get_running_loop(), asyncio.Queue[list[int]]()
    server.register_listener(
        universe=3,
        callback_function=lambda data: loop.call_soon_threadsafe(frames.put_nowait, data),
    )
    await until(lambda: server.socket_server is not None and server.socket_server.getsockname()[1])
    bridge = await start(f'type = "artnet"\nto = "127.0.0.1"\nport = {port}')
    bridge.send("osc", Message.of("/dmx/3/2", 0.5, True))
    assert (await asyncio.wait_for(frames.get(), 10))[:4] == [0, 128, 255, 0]
    server.close()
    bridge.send("osc", Message.of("/dmx/3/1", 1.0))  # wakes its thread
    await until(lambda: not _runs(server))
    server.socket_server.close()


def _runs(server: StupidArtnetServer) -> bool:
    """Whether its thread, which it has no handle of, still receives."""
    file = inspect.getfile(type(server))
    return any(frame.f_code.co_filename == file for frame in sys._current_frames().values())


async def test_change_of_a_peer_becomes_a_message(
    start: Any, port: int, peer: StupidArtnet
) -> None:
    bridge = await start(f'type = "artnet"\nreceive = [3]\nport = {port}')
    peer.set_single_value(1, 255)
    peer.show()
    seen = bridge.recording("seen")
    first = (await seen.arrived(24))[0]
    assert (first.address, first.types, first.args) == ("/dmx/3/1", "f", (1.0,))
    peer.set_single_value(24, 51)
    peer.show()
    changed = (await seen.arrived(25))[24]
    assert (changed.address, changed.args) == ("/dmx/3/24", (0.2,))


async def test_sequence_of_sent_packets_skips_0(start: Any, node: Any) -> None:
    bridge = await start(f'type = "artnet"\nto = "127.0.0.1:{node.port}"')
    endpoint = bridge.endpoint("lights")
    bridge.send("osc", Message.of("/dmx/0/1", 1.0))
    assert frame_of(await node.packet()) == DmxFrame(0, b"\xff" + bytes(511), 1)
    output = next(iter(endpoint._outputs.values()))
    output.sequence = 254
    numbers = [decode_sequence(endpoint.encode(output, bytes(2), is_last=False)) for _ in range(3)]
    assert numbers == [255, 1, 2]


def decode_sequence(packet: bytes) -> int | None:
    return frame_of(packet).sequence


async def test_poll_is_answered_with_all_universes(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artnet, "REPLY_DELAY", 0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as controller:
        controller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        controller.bind(("127.0.0.9", 0))
        controller.setblocking(False)
        port = controller.getsockname()[1]
        bridge = await start(
            f'type = "artnet"\nreceive = [3, 0x123]\nto = "127.0.0.1:9"\nport = {port}\n'
            'node_name = "Stage left"\nallow = ["127.0.0.9"]'
        )
        bridge.send("osc", Message.of("/dmx/5/1", 1.0))
        await bridge.until(lambda: bridge.endpoint_status("lights").sent == 1)
        controller.sendto(POLL, ("127.0.0.1", port))
        controller.sendto(POLL, ("127.0.0.1", port))  # is answered as well
        replies = [await _packet(controller) for _ in range(3)]
        assert [each[8:10] for each in replies] == [bytes((0, 0x21))] * 3
        assert [each[26:36] for each in replies] == [b"Stage left"] * 3
        assert [each[211] for each in replies] == [1, 2, 3]
        assert [(each[18], each[19], each[190], each[186]) for each in replies] == [
            (0, 0, 3, 0),
            (1, 2, 3, 0),
            (0, 0, 0, 5),
        ]
        controller.sendto(POLL[:12] + bytes.fromhex("20 00 0123 0100"), ("127.0.0.1", port))
        assert (await _packet(controller))[211] == 2


async def test_polls_are_not_answered_while_the_socket_is_full(
    start: Any, node: Any, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artnet, "REPLY_DELAY", 0.0)
    bridge = await start(f'type = "artnet"\nreceive = [3]\nport = {port}\nvalues = "int"')
    receiver, answered = bridge.endpoint("lights")._receiver, []
    monkeypatch.setattr(receiver.transport, "sendto", lambda *sent: answered.append(sent))
    receiver.is_full = True
    node.send(POLL, port)
    node.send(encode_dmx(DmxFrame(3, b"\1", 1)), port)
    await bridge.recording("seen").arrived(1)
    await bridge.until(lambda: not bridge.endpoint("lights")._replies)
    assert answered == []
    receiver.is_full = False
    node.send(POLL, port)
    await bridge.until(lambda: answered)


async def _packet(sock: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(sock, 2048)


async def test_sources_are_merged_by_address(start: Any, port: int) -> None:
    bridge = await start(f'type = "artnet"\nreceive = [1]\nport = {port}\nvalues = "int"')
    seen = bridge.recording("seen")
    for number, (host, levels) in enumerate(
        (("127.0.0.2", b"\1\5"), ("127.0.0.3", b"\2\4"), ("127.0.0.2", b"\1\1")), 1
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
            sock.sendto(encode_dmx(DmxFrame(1, levels, number)), ("127.0.0.1", port))
        await seen.arrived(number + 1)
    assert [message.args[0] for message in seen.messages] == [1, 5, 2, 4]


async def test_physical_inputs_of_one_source_are_merged(start: Any, port: int, node: Any) -> None:
    bridge = await start(f'type = "artnet"\nreceive = [1]\nport = {port}\nvalues = "int"')
    seen = bridge.recording("seen")
    for number, levels in enumerate((b"\1\5", b"\2\4")):
        packet = bytearray(encode_dmx(DmxFrame(1, levels, 7)))
        packet[13] = number
        node.send(bytes(packet), port)
        await seen.arrived(2 + number)
    assert [message.args[0] for message in seen.messages] == [1, 5, 2]
    assert bridge.endpoint_status("lights").received.bad == {}


async def test_own_packets_are_not_received(start: Any, port: int, node: Any) -> None:
    bridge = await start(f'type = "artnet"\nto = "127.0.0.1"\nreceive = [1]\nport = {port}')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await bridge.until(lambda: bridge.endpoint_status("lights").sent == 1)
    node.send(encode_dmx(DmxFrame(1, b"\1\2", 1)), port)
    assert len(await bridge.recording("seen").arrived(2)) == 2


async def test_no_blackout_without_the_option(start: Any, node: Any) -> None:
    bridge = await start(f'type = "artnet"\nto = "127.0.0.1:{node.port}"')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await node.packet()
    await bridge.stop()
    assert all(frame_of(each).levels[0] == 255 for each in node.waiting())


async def test_blackout_is_sent_at_the_end(start: Any, node: Any) -> None:
    bridge = await start(f'type = "artnet"\nto = "127.0.0.1:{node.port}"\non_stop = "blackout"')
    bridge.send("osc", Message.of("/dmx/1/1", 1.0))
    await node.packet()
    await bridge.stop()
    assert [frame_of(each).levels[0] for each in node.waiting()[-3:]] == [0, 0, 0]

"""MIDI over TCP, byte for byte: every kind of message, mido's ports, bursts."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import mido  # type: ignore[import-untyped]
import mido.sockets  # type: ignore[import-untyped]
import pytest

import oscbridge
from oscbridge.testing import free_port, until
from oscbridge_midi.message_table import TABLE

MESSAGES: list[tuple[str, tuple[oscbridge.Argument, ...], str]] = [
    ("/note", (1, 69, 100), "904564"),
    ("/note_off", (16, 127, 5), "8f7f05"),
    ("/key_pressure", (2, 60, 127), "a13c7f"),
    ("/control", (3, 8, 64), "b20840"),
    ("/program", (10, 127), "c97f"),
    ("/channel_pressure", (1, 5), "d005"),
    ("/pitch", (2, 16383), "e17f7f"),
    ("/nrpn", (1, 300, 16383), "b06302b0622cb0067fb0267f"),
    ("/rpn", (16, 0, 256), "bf6500bf6400bf0602bf2600"),
    ("/control14", (1, 7, 8193), "b00740b02701"),
    ("/sysex", (bytes.fromhex("f07e7f0601f7"),), "f07e7f0601f7"),
    ("/mtc", (7, 15), "f17f"),
    ("/song_position", (16383,), "f27f7f"),
    ("/song_select", (5,), "f305"),
    ("/tune_request", (), "f6"),
    ("/clock", (), "f8"),
    ("/start", (), "fa"),
    ("/continue", (), "fb"),
    ("/stop", (), "fc"),
    ("/active_sensing", (), "fe"),
    ("/reset", (), "ff"),
]
LISTEN = 'listen = "127.0.0.1:0"\npairs = [7]'


def test_every_message_kind_is_tested() -> None:
    assert {address for address, *_ in MESSAGES} == {kind.address for kind in TABLE}


async def test_every_kind_is_sent_byte_for_byte(start: Any, join: Any) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    for address, args, _ in MESSAGES:
        bridge.send(address, *args)
    expected = bytes.fromhex("".join(text for *_, text in MESSAGES))
    assert (await wire.read(len(expected))).hex(" ") == expected.hex(" ")


async def test_every_kind_is_received(start: Any, join: Any) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    for address, args, text in MESSAGES:
        await wire.write(bytes.fromhex(text))
        assert await bridge.receive() == oscbridge.Message.of(address, *args)


@contextmanager
def whole(port: Any) -> Iterator[Any]:
    """A port of mido, closed together with its files, which mido leaves open."""
    with port, port._rfile, port._wfile:
        yield port


async def test_mido_port_sends_and_receives(start: Any) -> None:
    with mido.sockets.PortServer("127.0.0.1", free := free_port()) as server:
        where = f'"midi+tcp://127.0.0.1:{free}"'
        bridge = await start(f"input = {where}\noutput = {where}")
        port = await asyncio.to_thread(server.accept)
        with whole(port):
            sent = mido.Message("note_on", channel=3, note=60, velocity=1)
            port.send(sent)
            assert await bridge.receive() == oscbridge.Message.of("/note", 4, 60, 1)
            bridge.send("/sysex", "f0 01 02 f7")
            assert await asyncio.to_thread(port.receive) == mido.Message("sysex", data=(1, 2))


async def test_mido_client_sends_and_receives(start: Any) -> None:
    bridge = await start()
    with whole(await asyncio.to_thread(mido.sockets.connect, "127.0.0.1", bridge.port)) as port:
        await until(lambda: bridge.endpoint.client_count == 1)
        port.send(mido.Message("pitchwheel", pitch=8191))
        assert await bridge.receive() == oscbridge.Message.of("/pitch", 1, 16383)
        bridge.send("/control", 1, 7, 3)
        received = await asyncio.to_thread(port.receive)
        assert received == mido.Message("control_change", control=7, value=3)


async def test_lost_connection_is_reestablished(start: Any) -> None:
    port = free_port()
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda reader, writer: accepted.put_nowait((reader, writer)), "127.0.0.1", port
    )
    bridge = await start(f'output = "midi+tcp://127.0.0.1:{port}"')
    reader, writer = await accepted.get()
    bridge.send("/note", 1, 60, 1)
    assert (await reader.readexactly(3)).hex() == "903c01"
    writer.close()
    reader, writer = await accepted.get()
    # The sounding note is ended first, because its Note Off may have been lost.
    assert (await reader.readexactly(6)).hex() == "803c40b07b00"
    bridge.send("/control", 1, 7, 3)
    assert (await reader.readexactly(3)).hex() == "b00703"
    writer.close()
    server.close()
    await server.wait_closed()


async def test_clock_becomes_tempo_if_configured(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nclock = "tempo"')
    wire = await join(bridge)
    for _ in range(25):
        await wire.write(b"\xf8")
        await asyncio.sleep(0.001)
    message = await bridge.receive()
    assert message.address == "/tempo"
    [tempo] = message.args
    assert isinstance(tempo, float)
    assert 0 < tempo <= 60 / 0.024


async def test_upper_half_alone_is_emitted_after_a_moment(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    await wire.write(bytes.fromhex("b06300b06205b00601"))
    assert await bridge.receive() == oscbridge.Message.of("/nrpn", 1, 5, 128)


async def test_received_messages_carry_their_time(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    before = oscbridge.TimeTag.from_unix(time.time())
    await wire.write(bytes.fromhex("903c40"))
    async with asyncio.timeout(10):
        message = await bridge.received.get()
    assert message.address == "/note"
    assert bridge.received.empty()
    assert message.timetag is not None
    assert 0 <= message.timetag.unix() - before.unix() < 10


@pytest.mark.load
async def test_burst_of_10000_messages_arrives_complete_and_in_order(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    count = 10_000
    notes = [(index % 16, index // 128 % 128, 1 + index % 127) for index in range(count)]
    expected = b"".join(bytes((0x90 | channel, note, v)) for channel, note, v in notes)
    reading = asyncio.create_task(wire.read(len(expected)))
    for index, (channel, note, velocity) in enumerate(notes):
        bridge.send("/note", channel + 1, note, velocity)
        if index % 200 == 0:
            await asyncio.sleep(0)  # the socket's receive buffer is small
    assert await reading == expected
    assert not bridge.drops


@pytest.mark.load
async def test_received_burst_arrives_complete_and_in_order(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    await wire.write(b"".join(bytes((0xF2, n & 127, n >> 7)) for n in range(10_000)))
    async with asyncio.timeout(10):
        received = [await bridge.received.get() for _ in range(10_000)]
    assert {message.address for message in received} == {"/song_position"}
    assert [message.args for message in received] == [(n,) for n in range(10_000)]


async def connect(bridge: Any, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect from this address of the loopback network."""
    return await asyncio.open_connection("127.0.0.1", bridge.port, local_addr=(host, 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
async def test_64_idle_connections_of_one_address_do_not_lock_out_others(
    start: Any, host: str
) -> None:
    bridge = await start()
    held = [await connect(bridge, "127.0.0.2") for _ in range(64)]
    await until(lambda: bridge.status.refused == 48)
    assert bridge.endpoint.client_count == 16
    reader, writer = await connect(bridge, host)
    writer.write(bytes.fromhex("903c40"))
    assert await bridge.receive() == oscbridge.Message.of("/note", 1, 60, 64)
    bridge.send("/control", 1, 7, 3)
    assert (await reader.readexactly(3)).hex() == "b00703"
    for _, each in [*held, (reader, writer)]:
        each.close()


async def test_idlest_connection_makes_room_when_all_are_taken(start: Any) -> None:
    limits = "max_connections = 2\nmax_connections_per_address = 2"
    bridge = await start(f'listen = "127.0.0.1:0"\n{limits}')
    connections = []
    for host in ("127.0.0.2", "127.0.0.3"):
        connections.append(await connect(bridge, host))
        connections[-1][1].write(bytes.fromhex("903c40"))
        await bridge.receive()
    connections[0][1].write(bytes.fromhex("903c41"))
    await bridge.receive()
    connections.append(await connect(bridge, "127.0.0.4"))
    with suppress(ConnectionResetError):
        assert await connections[1][0].read() == b""
    for _, writer in (connections[0], connections[2]):
        writer.write(bytes.fromhex("903c42"))
        assert await bridge.receive() == oscbridge.Message.of("/note", 1, 60, 66)
    for _, writer in connections:
        writer.close()


async def test_messages_that_have_not_left_when_a_server_disconnects_are_counted(
    start: Any,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        server.setblocking(False)
        port = server.getsockname()[1]
        bridge = await start(f'output = "midi+tcp://127.0.0.1:{port}"')
        gear, _ = await asyncio.get_running_loop().sock_accept(server)
        sysex = bytes.fromhex("f0") + bytes(4_998) + bytes.fromhex("f7")
        sent, stuck = 0, False
        while not stuck:
            bridge.send("/sysex", sysex)
            sent += 1
            try:
                async with asyncio.timeout(2):
                    await until(lambda: bridge.status.sent == sent)  # noqa: B023
            except TimeoutError:
                stuck = True  # the transport is full, and this one waits
        with gear:
            gear.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await until(lambda: bridge.client_drops["disconnected"])
        # What the transport held, at least: 64 KiB before it is full.
        assert 10 <= bridge.client_drops["disconnected"] < sent
        assert bridge.wrong_counts == []


def reset(sock: socket.socket) -> None:
    """End a connection at once; the other side finds out when it writes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def test_messages_to_a_client_that_has_just_reset_its_connection_are_counted(
    start: Any, join: Any
) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    messages = [bytes.fromhex("904564"), bytes.fromhex("804500")]
    reset(wire.sock)  # the loop has no time to notice it before the next line
    await bridge.connections.send(messages)
    await until(lambda: bridge.client_drops)
    assert bridge.client_drops == {"disconnected": 2}


async def test_messages_to_a_server_that_has_just_reset_its_connection_are_not_sent(
    start: Any,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        bridge = await start(f'output = "midi+tcp://127.0.0.1:{port}"')
        gear, _ = await asyncio.get_running_loop().sock_accept(server)
        reset(gear)
        with pytest.raises(oscbridge.NotConnected):
            await bridge.connections.send([bytes.fromhex("904564")])


async def test_every_message_that_a_slow_client_misses_is_counted(start: Any, join: Any) -> None:
    bridge = await start(LISTEN)
    wire = await join(bridge)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
    sysex = bytes.fromhex("f0") + bytes(9_998) + bytes.fromhex("f7")
    sent = 0
    while not bridge.status.client_dropped.get("slow_client"):
        bridge.send("/sysex", sysex)
        sent += 1
        await until(lambda: bridge.status.sent == sent)  # noqa: B023
    received = await wire.read_all()
    whole = received.count(b"\xf7")
    status = bridge.status
    assert (status.offered, status.sent, status.dropped) == (sent, sent, {})
    assert whole + status.client_dropped["slow_client"] == sent

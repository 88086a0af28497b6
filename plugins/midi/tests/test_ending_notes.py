"""No note keeps sounding: when the bridge stops, reloads, or loses a peer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oscbridge
from oscbridge.testing import free_port, until


async def test_notes_are_ended_when_the_bridge_stops(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    bridge.send("/control", 1, 64, 127)
    await wire.read(6)
    await bridge.stop()
    assert (await wire.rest()).hex() == "803c40b04000b07b00"


@pytest.mark.parametrize(
    ("route", "begin", "end"),
    [
        ("", ("/note", 1, 60, 1), ("/note", 1, 60, 0)),
        ("", ("/note", 1, 60, 1), ("/note_off", 1, 60, 64)),
        (
            'match = "/key"\nmidi = { type = "note_on", note = "{0}", velocity = "{1}" }',
            ("/key", 60, 1),
            ("/key", 60, 0),
        ),
    ],
)
async def test_note_is_ended_although_the_send_queue_was_full(
    start: Any, join: Any,
    route: str, begin: tuple[Any, ...], end: tuple[Any, ...],
) -> None:  # fmt: skip
    bridge = await start('listen = "127.0.0.1:0"\nqueue = 10', route)
    wire = await join(bridge)
    bridge.send(*begin)
    assert (await wire.read(3)).hex() == "903c01"
    bridge.send(*end)
    for _ in range(100):  # all of these before the endpoint can send
        bridge.send(*(begin if route else ("/control", 1, 7, 1)))
    assert (await wire.read(3)).hex() == "803c40"
    await until(lambda: bridge.drops["full"])


async def test_pedal_is_lifted_although_the_send_queue_was_full(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\nqueue = 10')
    wire = await join(bridge)
    for value in (127, 0):
        bridge.send("/control", 1, 64, value)
    for _ in range(100):
        bridge.send("/control", 1, 7, 1)
    assert (await wire.read(3)).hex() == "b04000"


async def test_note_off_queued_for_the_cable_is_sent_when_the_bridge_stops(
    start: Any, join: Any
) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    assert (await wire.read(3)).hex() == "903c01"
    for note in range(100):
        bridge.send("/note", 2, note, 1)
    bridge.send("/note", 1, 60, 0)  # after the others
    await wire.read(3)
    await bridge.stop()
    assert bridge.client_drops["stopped"]
    assert bridge.wrong_counts == []
    assert "803c40" in (await wire.rest()).hex(" ", 3).split()


async def test_messages_unsent_at_stop_are_counted_once(start: Any, join: Any) -> None:
    bridge = await start('listen = "127.0.0.1:0"\ndin = true')
    wire = await join(bridge)
    for number in range(2_500):  # more than the queue has room for
        bridge.send("/note", 2, number % 128, 1)
        if number % 100 == 0:
            await asyncio.sleep(0)  # the socket's receive buffer is small
    await until(lambda: bridge.status.offered == 2_500)
    await bridge.stop()
    words = (await wire.rest()).hex(" ", 3).split()
    stopped = bridge.drops["stopped"] + bridge.client_drops["stopped"]
    assert sum(word.startswith("91") for word in words) + stopped == 2_500
    assert bridge.wrong_counts == []


async def test_notes_of_a_midi_client_are_ended_elsewhere_when_it_disconnects(
    start: Any, join: Any
) -> None:
    port = free_port()
    bridge = await start(
        'listen = "127.0.0.1:0"\n'
        f'[endpoint.gear]\ntype = "midi"\nlisten = "127.0.0.1:{port}"\nrelease = true',
        route='[[route]]\nfrom = "synth"\nto = "gear"',
    )
    wire = await join(bridge)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await wire.write(bytes.fromhex("903c40"))
    async with asyncio.timeout(10):
        assert (await reader.readexactly(3)).hex() == "903c40"
        wire.sock.close()
        assert (await reader.readexactly(6)).hex() == "803c40b07b00"
    writer.close()
    await writer.wait_closed()


async def test_reconnected_client_receives_all_notes_off(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    await wire.read(3)
    wire.sock.close()
    await until(lambda: not bridge.endpoint.client_count)
    bridge.send("/note", 1, 60, 0)
    await until(lambda: bridge.status.sent == 2)
    wire = await join(bridge)
    assert (await wire.read(3)).hex() == "b07b00"


async def test_panic_ends_all_sound(start: Any, join: Any) -> None:
    bridge = await start()
    wire = await join(bridge)
    bridge.send("/note", 5, 60, 1)
    bridge.send("/panic", 0.0)  # a released button
    bridge.send("/panic", 1.0)
    data = await wire.read(3 + 6 + 48 * 3)
    assert data[3:9].hex() == "843c40b47b00"
    assert data[-3:].hex() == "bf7800"


@pytest.mark.parametrize("din", ["false", "true"])
async def test_notes_are_ended_by_a_reload_that_changes_the_route(
    start: Any, join: Any, din: str
) -> None:
    endpoint = f'listen = "127.0.0.1:{free_port()}"\ndin = {din}'
    bridge = await start(endpoint)
    wire = await join(bridge)
    bridge.send("/note", 1, 60, 1)
    await wire.read(3)
    await bridge.reload(endpoint, route='match = "/other"')
    assert (await wire.read(6)).hex() == "803c40b07b00"  # on the same connection


@pytest.mark.parametrize(("release", "ended"), [("true", "803c40"), ("false", "")])
async def test_notes_of_a_peer_end_with_its_connection_if_configured(
    start: Any, join: Any, release: str, ended: str
) -> None:
    bridge = await start(f'listen = "127.0.0.1:0"\nrelease = {release}')
    wire = await join(bridge)
    first, second = oscbridge.Origin("osc", ("127.0.0.1", 1)), oscbridge.Origin("osc", ("::1", 2))
    for note, origin in ((60, first), (61, second)):
        message = oscbridge.Message("/note", "iii", (1, note, 1), None, origin)
        await bridge.endpoint.send_batch([oscbridge.Delivery(message, None, {})])
    bridge.endpoint.on_peer_disconnected(first)
    bridge.send("/clock")
    assert (await wire.read(7 + len(ended) // 2)).hex() == f"903c01903d01{ended}f8"


async def test_notes_of_a_tcp_client_end_when_it_disconnects(start: Any, join: Any) -> None:
    bridge = await start(
        'listen = "127.0.0.1:0"\nrelease = true\n[bridge.desk]\nlisten = "tcp://127.0.0.1:0"',
        route='[[route]]\nfrom = "desk"\nto = "synth"',
    )
    wire = await join(bridge)
    bridge.send("/note", 1, 61, 1)
    assert (await wire.read(3)).hex() == "903d01"
    address = bridge.url("desk")
    _, writer = await asyncio.open_connection(address.host, address.port)
    packet = oscbridge.encode_message(oscbridge.Message.of("/note", 1, 60, 1))
    writer.write(b"\xc0" + packet + b"\xc0")
    assert (await wire.read(3)).hex() == "903c01"
    writer.close()
    assert (await wire.read(3)).hex() == "803c40"

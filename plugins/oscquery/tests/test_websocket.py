"""The WebSocket of the server: LISTEN, values in both directions, changes of the tree."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from query_bridge import CONFIGURATION, QueryBridge
from query_bridge import StartQueryBridge as Start

import oscbridge
from oscbridge_oscquery import listening_client, server, server_role
from oscbridge_oscquery.commands import MAX_COMMAND
from oscbridge_oscquery.frames import binary_frame
from oscbridge_oscquery.websocket_client import WATCHER

FADER = "/mix/1/fader"


async def test_client_is_sent_what_it_listens_to(bridge: QueryBridge) -> None:
    client = await bridge.listening(FADER)
    bridge.from_stage("/mix/2/fader", 0.1)
    bridge.from_stage("/mix/1", 0.2)
    bridge.from_stage(FADER, 0.3)
    assert await client.next() == (FADER, (pytest.approx(0.3),))
    assert await client.nothing_came()


async def test_ignore_ends_it(bridge: QueryBridge) -> None:
    client = await bridge.listening(FADER, "/mix/2/fader")
    await client.command("IGNORE", FADER)
    await client.settled()
    bridge.from_stage(FADER, 0.5)
    bridge.from_stage("/mix/2/fader", 0.5)
    assert await client.next() == ("/mix/2/fader", (0.5,))


async def test_messages_of_a_batch_have_a_frame_each_in_their_order(bridge: QueryBridge) -> None:
    client = await bridge.listening(FADER)
    for number in range(200):
        bridge.bridge.offer("q", oscbridge.Message.of(FADER, number))
    assert [await client.next() for _ in range(200)] == [(FADER, (n,)) for n in range(200)]


async def test_large_message_has_one_frame(bridge: QueryBridge) -> None:
    client = await bridge.listening("/say")
    for length in (100, 1_000, 70_000):
        bridge.bridge.offer("q", oscbridge.Message.of("/say", "x" * length))
        assert await client.next() == ("/say", ("x" * length,))


async def test_pattern_listens_to_many(bridge: QueryBridge) -> None:
    """libossia sends LISTEN with wildcards."""
    client = await bridge.listening("/mix/*/fader")
    for number in (1, 3):
        bridge.from_stage(f"/mix/{number}/fader", 0.5)
        assert await client.next() == (f"/mix/{number}/fader", (0.5,))


async def test_value_of_a_client_reaches_the_device_and_the_others_once(
    bridge: QueryBridge,
) -> None:
    one, two = await bridge.listening(FADER), await bridge.listening(FADER)
    await one.send(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))
    assert await two.next() == (FADER, (0.5,))
    assert await one.nothing_came()
    assert await two.nothing_came()
    assert (await bridge.get(f"{FADER}?VALUE")).json == {"VALUE": [0.5]}


async def test_route_to_itself_brings_nothing_twice(start: Start) -> None:
    bridge = await start(configuration=CONFIGURATION + '[[route]]\nfrom = "q"\nto = "q"\n')
    one, two = await bridge.listening(FADER), await bridge.listening(FADER)
    for value in (0.25, 0.5, 0.25):
        await one.send(FADER, value)
    await bridge.bridge.until(lambda: bridge.status.sent == 3)
    assert [await two.next() for _ in range(3)] == [(FADER, (v,)) for v in (0.25, 0.5, 0.25)]
    assert await two.nothing_came()
    assert await one.nothing_came()


async def test_node_that_is_only_written_is_not_shared(bridge: QueryBridge) -> None:
    one, two = await bridge.listening("/say"), await bridge.listening("/say")
    await one.send("/say", "hello")
    assert await bridge.at_device() == ("/say", ("hello",))
    assert await two.nothing_came()


async def test_udp_is_the_same_program_as_the_only_client_of_its_host(
    bridge: QueryBridge,
) -> None:
    one = await bridge.listening(FADER)
    bridge.by_udp(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))
    assert await one.nothing_came()
    two = await bridge.listening(FADER)
    bridge.by_udp(FADER, 0.75)  # nobody knows whose that is
    assert await one.next() == (FADER, (0.75,))
    assert await two.next() == (FADER, (0.75,))


async def test_watcher_is_sent_datagrams_of_its_host(bridge: QueryBridge) -> None:
    watcher = await bridge.join(**{WATCHER: "1"})
    await watcher.listen(FADER)
    one = await bridge.listening(FADER)
    await watcher.settled()
    bridge.by_udp(FADER, 0.5)
    assert await watcher.next() == (FADER, (0.5,))
    assert await one.nothing_came()


async def test_value_from_the_device_reaches_all_clients(bridge: QueryBridge) -> None:
    one, two = await bridge.listening(FADER), await bridge.listening(FADER)
    await one.send(FADER, 0.5)
    packet, sender = await asyncio.get_running_loop().sock_recvfrom(bridge.device, 65_535)
    assert await two.next() == (FADER, (0.5,))
    bridge.device.sendto(packet.replace(b"\x3f\x00", b"\x3e\x00"), sender)
    assert await one.next() == (FADER, (0.125,))
    assert await two.next() == (FADER, (0.125,))


async def test_bundle_of_a_client_is_taken_apart(bridge: QueryBridge) -> None:
    """ossia score sends bundles."""
    one, two = await bridge.listening(FADER), await bridge.listening(FADER, "/mix/2/fader")
    messages = [oscbridge.Message.of(f"/mix/{number}/fader", 0.5) for number in (1, 2)]
    packets = [oscbridge.encode_message(message) for message in messages]
    await one.socket.send_bytes(oscbridge.encode_bundle(packets, oscbridge.IMMEDIATELY))
    assert [await two.next(), await two.next()] == [(m.address, m.args) for m in messages]
    assert [await bridge.at_device(), await bridge.at_device()] == [
        (m.address, m.args) for m in messages
    ]


async def test_ten_thousand_listens_in_a_burst(bridge: QueryBridge) -> None:
    """Chataigne sends one LISTEN for each value, all at once."""
    client = await bridge.join()
    for number in range(10_000):
        await client.listen(f"/node/{number}")
    await client.listen(FADER)
    await client.settled()
    bridge.bridge.offer("q", oscbridge.Message.of("/node/9999", 1))
    assert await client.next() == ("/node/9999", (1,))
    bridge.from_stage(FADER, 0.5)
    assert await client.next() == (FADER, (0.5,))
    await client.socket.close()
    await bridge.bridge.until(lambda: bridge.endpoint.client_count == 0)


@pytest.mark.parametrize("command", ["START_OSC_STREAMING", "LOG", "X" * 300])
async def test_unknown_command_is_ignored(bridge: QueryBridge, command: str) -> None:
    client = await bridge.listening(FADER)
    await client.command(command, {"LOCAL_SERVER_PORT": 1})
    bridge.from_stage(FADER, 0.5)
    assert await client.next() == (FADER, (0.5,))
    assert not bridge.status.received.bad


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        '{"COMMAND": "LISTEN", "DATA": 5}',
        '{"COMMAND": "LISTEN", "DATA": "no address"}',
        '{"COMMAND": "LISTEN", "DATA": "/a["}',
        '{"COMMAND": "LISTEN", "DATA": "/a//b"}',
        " " * (MAX_COMMAND + 1),
    ],
)
async def test_invalid_command_is_counted_and_costs_nothing_else(
    bridge: QueryBridge, text: str
) -> None:
    client = await bridge.listening(FADER)
    await client.socket.send_str(text)
    bridge.from_stage(FADER, 0.5)
    assert await client.next() == (FADER, (0.5,))
    assert bridge.status.received.bad == {"command": 1}


async def test_client_that_sends_only_nonsense_is_disconnected(bridge: QueryBridge) -> None:
    client = await bridge.join()
    for _ in range(server.MAX_BAD_COMMANDS):
        await client.socket.send_str("nonsense")
    assert await client.closed() == 1002


async def test_invalid_packet_is_counted(bridge: QueryBridge) -> None:
    client = await bridge.join()
    await client.socket.send_bytes(b"\0\0\0\0")
    await client.send(FADER, 0.5)
    assert await bridge.at_device() == (FADER, (0.5,))
    assert sum(bridge.status.received.bad.values()) == 1


async def test_frame_that_is_too_large_ends_the_connection(start: Start) -> None:
    bridge = await start("max_packet_size = 1000")
    client = await bridge.join()
    await client.socket.send_bytes(bytes(1_001))
    assert await client.closed() == 1009


async def test_client_that_disconnects_is_forgotten(bridge: QueryBridge) -> None:
    client = await bridge.listening(FADER)
    assert bridge.endpoint.client_count == 1
    await client.socket.close()
    await bridge.bridge.until(lambda: bridge.endpoint.client_count == 0)
    bridge.from_stage(FADER, 0.5)
    await bridge.bridge.until(lambda: bridge.status.sent == 1)
    assert not bridge.status.client_dropped


async def test_messages_that_a_client_has_read_before_the_end_are_not_lost(
    bridge: QueryBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await bridge.listening(FADER)
    monkeypatch.setattr(listening_client, "LOOK_INTERVAL", 60)  # it answers before anybody looks
    role = bridge.endpoint._server
    assert role is not None
    assert role._server is not None
    (connected,) = role._server.clients.all
    for _ in range(10_000):
        connected.put(binary_frame(bytes(1_000)))
    connected.flush()
    assert connected._transport.get_write_buffer_size()
    connected.end(1001, "the bridge stops")
    assert await client.closed() == 1001
    await bridge.bridge.until(lambda: bridge.endpoint.client_count == 0)
    assert not bridge.status.client_dropped


async def test_websocket_is_served_at_every_path(bridge: QueryBridge) -> None:
    async with bridge.session.ws_connect(f"{bridge.url}/mix/1?x=y") as socket:
        await socket.send_bytes(oscbridge.encode_message(oscbridge.Message.of(FADER, 0.5)))
        assert await bridge.at_device() == (FADER, (0.5,))


# --- changes of the tree ------------------------------------------------------------------------

EXTRA = '[[route]]\nfrom = "q"\nmatch = "/extra/{}"\nto = "desk"\n'


async def test_reload_that_adds_and_removes_nodes_is_reported(bridge: QueryBridge) -> None:
    client = await bridge.join()
    await bridge.bridge.reload(bridge.text + EXTRA.format("a"))
    assert await client.next_command() == ("PATH_ADDED", "/extra")
    assert (await bridge.get("/extra/a")).status == 200
    await bridge.bridge.reload(bridge.text + EXTRA.format("a") + EXTRA.format("b"))
    assert await client.next_command() == ("PATH_ADDED", "/extra/b")
    await bridge.bridge.reload(bridge.text)
    assert await client.next_command() == ("PATH_REMOVED", "/extra")
    assert (await bridge.get("/extra/a")).status == 404


async def test_rename_is_reported_as_one(bridge: QueryBridge) -> None:
    client = await bridge.join()
    text = bridge.text + EXTRA.format("a") + EXTRA.format("b")
    await bridge.bridge.reload(text)
    assert await client.next_command() == ("PATH_ADDED", "/extra")
    await bridge.bridge.reload(text.replace("/extra/", "/other/"))
    assert await client.next_command() == ("PATH_RENAMED", {"OLD": "/extra", "NEW": "/other"})


async def test_many_changes_are_one_of_the_root(bridge: QueryBridge) -> None:
    client = await bridge.join()
    routes = "".join(EXTRA.format(f"{n}/x").replace("/extra/", "/extra") for n in range(100))
    await bridge.bridge.reload(bridge.text + routes)
    assert await client.next_command() == ("PATH_CHANGED", "/")
    assert await client.nothing_came()


async def test_storm_of_changes_is_reported_at_a_limited_rate(bridge: QueryBridge) -> None:
    client = await bridge.join()
    started = asyncio.get_running_loop().time()
    for number in range(12):
        await bridge.bridge.reload(bridge.text + EXTRA.format(number))
    await bridge.bridge.reload(bridge.text + EXTRA.format("last").replace("/extra", "/final"))
    found = []
    while not found or "/final" not in str(found[-1]):
        found.append(await client.next_command())
    elapsed = asyncio.get_running_loop().time() - started
    # At most two commands at a time: the earlier one is gone, another one is new.
    assert len(found) <= 2 * (2 + elapsed / server_role.CHANGE_INTERVAL)
    tree = orjson.loads((await bridge.get("/")).body)
    assert set(tree["CONTENTS"]) == {"mix", "meter", "go", "say", "final"}

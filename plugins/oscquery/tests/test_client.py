"""The client: mirrors a tree, listens to what routes read, polls, and sends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from oscquery_server import FakeServer

import oscbridge
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge_oscquery import client_role

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.there]
type     = "oscquery"
url      = "{url}"
on_start = "ignore"
{options}
[endpoint.seen]
type = "recording"
[[route]]
from  = "there"
match = "/lights/*"
to    = "seen"
[[route]]
from  = "stage"
to    = "there"
"""

TREE = {
    "/lights/1/level": {"TYPE": "f", "VALUE": [0.5], "RANGE": [{"MIN": 0, "MAX": 1}], "ACCESS": 3},
    "/lights/1/name": {"TYPE": "s", "VALUE": ["front"], "ACCESS": 1},
    "/lights/go": {"TYPE": "N", "ACCESS": 2},
    "/sound/level": {"TYPE": "f", "VALUE": [0.25], "ACCESS": 3},
}

StartClient = Callable[..., Awaitable[RunningBridge]]


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    found = FakeServer(TREE)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def start() -> AsyncIterator[StartClient]:
    async with AsyncExitStack() as stack:

        async def start(server: FakeServer, options: str = "") -> RunningBridge:
            text = CONFIGURATION.format(url=server.url, options=options)
            return await stack.enter_async_context(running_bridge(text))

        yield start


def seen(bridge: RunningBridge, count: int) -> Awaitable[object]:
    return bridge.recording("seen").arrived(count)


def values(bridge: RunningBridge) -> dict[str, tuple[oscbridge.Argument, ...]]:
    return {each.address: each.args for each in bridge.recording("seen").messages}


async def test_tree_becomes_known(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    book = bridge.addresses.known
    assert set(book) >= set(TREE)
    level = book["/lights/1/level"]
    assert level.types == "f"
    assert level.ranges == (oscbridge.ValueRange(0, 1),)
    assert level.origin == "mirrored there"


async def test_values_that_routes_read_are_messages_at_first(
    server: FakeServer, start: StartClient
) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    assert values(bridge) == {"/lights/1/level": (0.5,), "/lights/1/name": ("front",)}


async def test_client_listens_to_what_routes_read(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await server.until(lambda: len(server.listens) == 2)
    assert server.listens == {"/lights/1/level", "/lights/1/name"}
    await seen(bridge, 2)
    await server.say("/lights/1/level", 0.75)
    await seen(bridge, 3)
    assert bridge.recording("seen").messages[-1].args == (0.75,)


async def test_reload_changes_what_it_listens_to(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await server.until(lambda: len(server.listens) == 2)
    text = CONFIGURATION.format(url=server.url, options="").replace("/lights/*", "/sound/*")
    await bridge.reload(text)
    await server.until(lambda: server.listens == {"/sound/level"})
    assert server.connections == 1


async def test_values_that_nobody_asked_for_are_ignored(
    server: FakeServer, start: StartClient
) -> None:
    """libossia sends values to clients that did not LISTEN."""
    bridge = await start(server)
    await seen(bridge, 2)
    await server.say("/sound/level", 1.0)
    await server.command("LOG", "text")
    await server.socket().send_str("nonsense")
    await server.say("/lights/1/level", 0.75)
    await seen(bridge, 3)
    assert bridge.recording("seen").messages[-1].address == "/lights/1/level"
    assert bridge.endpoint_status("there").received.bad == {"command": 1}


async def test_bundle_of_a_server_is_taken_apart(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    messages = [
        oscbridge.Message.of("/lights/1/level", 0.125),
        oscbridge.Message.of("/lights/1/name", "back"),
    ]
    packets = [oscbridge.encode_message(each) for each in messages]
    await server.socket().send_bytes(oscbridge.encode_bundle(packets, oscbridge.IMMEDIATELY))
    await seen(bridge, 4)
    assert values(bridge) == {"/lights/1/level": (0.125,), "/lights/1/name": ("back",)}


async def test_messages_are_sent_over_udp_to_the_stated_port(
    server: FakeServer, start: StartClient
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as osc:
        osc.bind(("127.0.0.1", 0))
        osc.setblocking(False)
        server.info |= {"OSC_IP": "0.0.0.0", "OSC_PORT": osc.getsockname()[1]}
        bridge = await start(server)
        bridge.send("stage", oscbridge.Message.of("/sound/level", 0.5))
        async with asyncio.timeout(10):
            packet = await asyncio.get_running_loop().sock_recv(osc, 1_000)
    assert oscbridge.decode_packet(packet) == oscbridge.Message("/sound/level", "f", (0.5,))


async def test_messages_for_a_server_with_tcp_are_sent_by_websocket(
    server: FakeServer, start: StartClient
) -> None:
    server.info |= {"OSC_TRANSPORT": "TCP"}
    bridge = await start(server)
    bridge.send("stage", oscbridge.Message.of("/sound/level", 0.5))
    await server.until(lambda: len(server.received) == 1)
    assert server.received[0].args == (0.5,)


async def test_value_of_the_server_is_not_sent_back(server: FakeServer, start: StartClient) -> None:
    server.info |= {"OSC_TRANSPORT": "TCP"}
    bridge = await start(server)
    text = CONFIGURATION.format(url=server.url, options="")
    await bridge.reload(text + '[[route]]\nfrom = "there"\nto = "there"\n')
    await seen(bridge, 2)
    await server.say("/lights/1/level", 0.75)
    await seen(bridge, 3)
    bridge.send("stage", oscbridge.Message.of("/sound/level", 0.5))
    await server.until(lambda: len(server.received) >= 1)
    assert [each.address for each in server.received] == ["/sound/level"]


async def test_added_and_removed_nodes_are_followed(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    server.nodes["/lights/2/level"] = {"TYPE": "f", "VALUE": [1.0], "ACCESS": 3}
    await server.command("PATH_ADDED", "/lights/2")
    await server.until(lambda: "/lights/2/level" in server.listens)
    await seen(bridge, 3)
    assert "/lights/2/level" in bridge.addresses.known
    del server.nodes["/lights/2/level"]
    await server.command("PATH_REMOVED", "/lights/2")
    await bridge.until(lambda: "/lights/2/level" not in bridge.addresses.known)
    await server.until(lambda: "/lights/2/level" not in server.listens)


async def test_value_that_was_overtaken_is_not_a_message_again(
    server: FakeServer, start: StartClient
) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    server.nodes["/lights/1/level"]["VALUE"] = [0.75]
    await server.say("/lights/1/level", 0.75)
    await seen(bridge, 3)
    server.nodes["/lights/2/level"] = {"TYPE": "f", "VALUE": [1.0], "ACCESS": 3}
    await server.command("PATH_ADDED", "/lights/2")
    await seen(bridge, 4)
    assert values(bridge) == {
        "/lights/1/level": (0.75,), "/lights/1/name": ("front",), "/lights/2/level": (1.0,)
    }  # fmt: skip


async def test_route_that_is_new_gets_the_value_of_now(
    server: FakeServer, start: StartClient
) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    server.nodes["/sound/level"]["VALUE"] = [0.75]  # nobody listens to it
    text = CONFIGURATION.format(url=server.url, options="").replace("/lights/*", "/sound/*")
    await bridge.reload(text)
    await seen(bridge, 3)
    assert bridge.recording("seen").messages[-1].args == (0.75,)


async def test_renamed_node_is_followed(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    server.nodes["/lights/9/level"] = server.nodes.pop("/lights/1/level")
    await server.command("PATH_RENAMED", {"OLD": "/lights/1/level", "NEW": "/lights/9/level"})
    await bridge.until(lambda: "/lights/9/level" in bridge.addresses.known)
    assert "/lights/1/level" not in bridge.addresses.known
    await server.until(lambda: server.listens == {"/lights/9/level", "/lights/1/name"})


async def test_storm_of_changes_costs_few_questions(server: FakeServer, start: StartClient) -> None:
    bridge = await start(server)
    await server.until(lambda: len(server.listens) == 2)
    asked = server.questions
    for number in range(2_000):
        await server.command("PATH_CHANGED", f"/lights/{number}")
    server.nodes["/lights/last"] = {"TYPE": "f", "ACCESS": 3}
    await server.command("PATH_ADDED", "/lights/last")
    await bridge.until(lambda: "/lights/last" in bridge.addresses.known, 20)
    assert server.questions - asked < 200


async def test_server_that_is_gone_and_back_is_mirrored_again(
    server: FakeServer, start: StartClient
) -> None:
    bridge = await start(server)
    await seen(bridge, 2)
    await server.stop()
    await bridge.until(lambda: not bridge.endpoint_status("there").connected)
    assert "/lights/1/level" in bridge.addresses.known  # still known
    server.nodes["/lights/1/level"]["VALUE"] = [0.75]
    await server.start()
    await bridge.until(lambda: bridge.endpoint_status("there").connected, 20)
    await seen(bridge, 3)  # the changes
    assert bridge.recording("seen").messages[-1].args == (0.75,)
    await server.say("/lights/1/level", 0.125)
    await seen(bridge, 4)


# --- servers without LISTEN --------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [{"VALUE": True}, {"LISTEN": False}, {}])
async def test_server_without_listen_is_polled(
    server: FakeServer, start: StartClient, extensions: dict[str, bool]
) -> None:
    """VRChat has no LISTEN, and answers no ?VALUE."""
    server.info["EXTENSIONS"] = extensions
    server.has_websocket = False
    bridge = await start(server, "poll = 0.05")
    await seen(bridge, 2)
    server.nodes["/lights/1/level"]["VALUE"] = [0.75]
    await seen(bridge, 3)
    assert bridge.recording("seen").messages[-1].args == (0.75,)
    assert not server.asked_attributes


async def test_new_nodes_of_a_polled_server_are_found(
    server: FakeServer, start: StartClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_role, "TREE_INTERVAL", 0.2)
    server.info["EXTENSIONS"] = {"VALUE": True}
    bridge = await start(server, "poll = 0.05")
    await seen(bridge, 2)
    server.nodes["/new"] = {"TYPE": "f", "VALUE": [1.0]}
    await bridge.until(lambda: "/new" in bridge.addresses.known)


async def test_polled_server_that_ends_is_noticed(server: FakeServer, start: StartClient) -> None:
    server.info["EXTENSIONS"] = {"VALUE": True}
    bridge = await start(server, "poll = 0.05")
    await seen(bridge, 2)
    await server.stop()
    await bridge.until(lambda: not bridge.endpoint_status("there").connected)
    await server.start()
    await bridge.until(lambda: bridge.endpoint_status("there").connected, 20)


# --- a server of what a client mirrors ----------------------------------------------------------

CHAIN = """
[endpoint.there]
type = "oscquery"
url  = "{url}"
[endpoint.q]
type   = "oscquery"
listen = "127.0.0.1:0"
[[route]]
from = "there"
to   = "q"
[[route]]
from = "q"
to   = "there"
"""


async def test_mirrored_tree_is_served_with_its_values_and_changes(server: FakeServer) -> None:
    server.info |= {"OSC_TRANSPORT": "TCP"}
    async with (
        running_bridge(CHAIN.format(url=server.url)) as bridge,
        aiohttp.ClientSession() as session,
    ):
        url = bridge.endpoint("q").describe()
        await server.until(lambda: len(server.listens) == 3)
        await bridge.until(lambda: bridge.endpoint_status("q").sent == 3)
        async with session.get(f"{url}/lights/1/level") as answer:
            assert await answer.json() == {
                "FULL_PATH": "/lights/1/level", "TYPE": "f", "ACCESS": 3,
                "RANGE": [{"MIN": 0, "MAX": 1}], "VALUE": [0.5],
            }  # fmt: skip
        async with session.ws_connect(url) as socket:
            message = oscbridge.Message.of("/lights/1/level", 0.75)
            await socket.send_bytes(oscbridge.encode_message(message))
            await server.until(lambda: len(server.received) == 1)
            assert server.received[0].args == (0.75,)
            server.nodes["/lights/2/level"] = {"TYPE": "f", "ACCESS": 3}
            await server.command("PATH_ADDED", "/lights/2")
            while True:  # that of the start may still be reported, too
                command = await asyncio.wait_for(socket.receive_json(), 20)
                assert command["COMMAND"] == "PATH_ADDED"
                async with session.get(f"{url}/lights/2/level") as answer:
                    if answer.status == 200:
                        break

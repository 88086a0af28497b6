"""Other implementations of OSCQuery as our clients and servers: python-oscquery, npm oscquery,
npm ws with npm osc."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from programs import find_program
from pythonoscquery.osc_query_browser import OSCQueryListener
from pythonoscquery.osc_query_client import OSCQueryClient
from pythonoscquery.osc_query_service import OSCQueryService
from pythonoscquery.shared.osc_access import OSCAccess
from pythonoscquery.shared.osc_address_space import OSCAddressSpace
from pythonoscquery.shared.osc_path_node import OSCPathNode
from query_bridge import QueryBridge
from query_bridge import StartQueryBridge as Start
from zeroconf import ServiceBrowser, ServiceInfo, Zeroconf

import oscbridge
from oscbridge.testing import free_port, running_bridge, until

SCRIPTS = Path(__file__).parents[3] / "tests" / "js"
FADER = "/mix/1/fader"

CLIENT = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.there]
type     = "oscquery"
on_start = "ignore"
poll     = 0.05
{where}
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


class NodePeer:
    """A program of tests/js: JSON lines in both directions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return json.loads(await self._process.stdout.readline())

    def write(self, **line: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def stop(self) -> None:
        await self._process.communicate(b"")  # closes its standard input: it exits


Run = Callable[..., Awaitable[NodePeer]]


@pytest.fixture
async def node() -> AsyncIterator[Run]:
    """Starts a program of tests/js."""
    async with AsyncExitStack() as stack:

        async def run(script: str, *args: object) -> NodePeer:
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                find_program("node"), SCRIPTS / script, *map(str, args), stdin=pipe, stdout=pipe
            )
            peer = NodePeer(process)
            stack.push_async_callback(peer.stop)
            return peer

        yield run


@pytest.fixture
def osc() -> Iterator[socket.socket]:
    """The OSC port of a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


# --- python-oscquery -----------------------------------------------------------------------------


async def test_python_oscquery_reads_our_server(bridge: QueryBridge) -> None:
    """Of version 0.4 the client reads only nodes with values, and those above them."""
    bridge.from_stage(FADER, 0.5)
    bridge.from_stage("/mix/1/name", "Voice")
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    info = ServiceInfo(
        "_oscjson._tcp.local.",
        "x._oscjson._tcp.local.",
        port=bridge.port,
        addresses=[socket.inet_aton("127.0.0.1")],
    )
    client = OSCQueryClient(info)
    fader = await asyncio.to_thread(client.query_node, FADER)
    assert (fader.value, fader.description) == ([0.5], "Fader 1")
    assert fader.access == OSCAccess.READWRITE_VALUE
    channel = await asyncio.to_thread(client.query_node, "/mix/1")
    assert {each.full_path: each.value for each in channel.contents} == {
        FADER: [0.5],
        "/mix/1/name": ["Voice"],
    }
    assert await asyncio.to_thread(client.query_node, "/nothing") is None
    host = await asyncio.to_thread(client.get_host_info)
    assert (host.osc_ip, host.osc_port) == ("127.0.0.1", bridge.port)


def python_oscquery(name: str, http_port: int, osc_port: int) -> OSCQueryService:
    space = OSCAddressSpace()
    space.add_node(OSCPathNode("/lights/level", OSCAccess.READWRITE_VALUE, [0.5]))
    space.add_node(OSCPathNode("/lights/name", OSCAccess.READONLY_VALUE, ["front"]))
    return OSCQueryService(space, name, http_port, osc_port)


def stop(service: OSCQueryService) -> None:
    """Stop it, and close its socket, which it forgets."""
    server = service.http_server
    service.stop()
    if server is not None:
        server.server_close()


async def test_we_find_and_mirror_python_oscquery(osc: socket.socket) -> None:
    name = f"peer-{free_port()}"
    service = python_oscquery(name, free_port(), osc.getsockname()[1])
    await asyncio.to_thread(service.start)
    try:
        async with running_bridge(CLIENT.format(where=f'find = "{name[:-1]}?"')) as bridge:
            await bridge.until(lambda: bridge.endpoint_status("there").connected, 30)
            await bridge.recording("seen").arrived(2)
            book = bridge.addresses.known
            assert book["/lights/level"].access == oscbridge.Access.BOTH
            assert book["/lights/name"].access == oscbridge.Access.READ
            bridge.send("stage", oscbridge.Message.of("/lights/level", 0.25))
            async with asyncio.timeout(10):
                packet = await asyncio.get_running_loop().sock_recv(osc, 1_000)
            assert oscbridge.decode_packet(packet) == oscbridge.Message.of("/lights/level", 0.25)
    finally:
        await asyncio.to_thread(stop, service)


async def test_client_follows_a_service_to_another_port(osc: socket.socket) -> None:
    name = f"peer-{free_port()}"
    service = python_oscquery(name, free_port(), osc.getsockname()[1])
    await asyncio.to_thread(service.start)
    try:
        async with running_bridge(CLIENT.format(where=f'find = "{name}"')) as bridge:
            await bridge.until(lambda: bridge.endpoint_status("there").connected, 30)
            await asyncio.to_thread(stop, service)
            await bridge.until(lambda: not bridge.endpoint_status("there").connected, 30)
            other = free_port()
            service = python_oscquery(name, other, osc.getsockname()[1])
            await asyncio.to_thread(service.start)
            await bridge.until(lambda: bridge.endpoint_status("there").connected, 30)
            assert bridge.endpoint("there").describe() == f"http://127.0.0.1:{other}"
    finally:
        await asyncio.to_thread(stop, service)


# --- npm oscquery --------------------------------------------------------------------------------


async def test_npm_oscquery_reads_our_server(bridge: QueryBridge, node: Run) -> None:
    bridge.from_stage(FADER, 0.5)
    bridge.from_stage("/mix/colour", oscbridge.Color(0xFF0000FF))
    await bridge.bridge.until(lambda: bridge.status.sent == 2)
    peer = await node("oscquery_client.js", bridge.port)
    found = await peer.next()
    assert found["oscPort"] == bridge.port
    assert (found["oscIp"], found["oscTransport"]) == ("127.0.0.1", "UDP")
    nodes = found["nodes"]
    assert nodes[FADER] == {
        "type": "f", "access": 3, "value": [0.5], "range": [{"MIN": 0, "MAX": 1}]
    }  # fmt: skip
    assert nodes["/mix/colour"]["value"] == ["#FF0000FF"]
    assert set(nodes) == {
        "/mix/colour", "/mix/mode", "/meter", "/say",
        *(f"/mix/{n}/{what}" for n in range(1, 5) for what in ("fader", "name")),
    }  # fmt: skip


async def test_we_mirror_npm_oscquery(node: Run, osc: socket.socket) -> None:
    port = free_port()
    peer = await node("oscquery_server.js", "npm", port, osc.getsockname()[1])
    assert await peer.next() == {"event": "open"}
    where = f'url = "http://127.0.0.1:{port}"'
    async with running_bridge(CLIENT.format(where=where)) as bridge:
        seen = bridge.recording("seen")
        await seen.arrived(2)
        values = {each.address: each.args for each in seen.messages}
        assert values == {"/lights/level": (0.5,), "/lights/name": ("front",)}
        level = bridge.addresses.known["/lights/level"]
        assert level.ranges == (oscbridge.ValueRange(0, 1),)
        assert bridge.addresses.known["/sound/go"].access == oscbridge.Access.WRITE
        peer.write(path="/lights/level", value=0.75)
        await seen.arrived(3)
        assert seen.messages[-1].args == (0.75,)
        bridge.send("stage", oscbridge.Message.of("/sound/go", 1))
        async with asyncio.timeout(10):
            packet = await asyncio.get_running_loop().sock_recv(osc, 1_000)
        assert oscbridge.decode_packet(packet) == oscbridge.Message.of("/sound/go", 1)


# --- npm ws and osc ------------------------------------------------------------------------------


async def test_npm_ws_and_osc_listen_and_set(bridge: QueryBridge, node: Run) -> None:
    peer = await node("oscquery_listener.js", bridge.url.replace("http:", "ws:"))
    assert await peer.next() == {"event": "open"}
    peer.write(listen=FADER)
    peer.write(listen="/mix/2/fader")
    peer.write(ping=True)
    assert await peer.next() == {"event": "pong"}
    bridge.from_stage(FADER, 0.5)
    assert await peer.next() == {"address": FADER, "args": [["f", 0.5]]}
    peer.write(send="/mix/2/fader", args=[{"type": "f", "value": 0.25}])
    assert await bridge.at_device() == (FADER, (0.5,))
    assert await bridge.at_device() == ("/mix/2/fader", (0.25,))
    peer.write(ping=True)
    assert await peer.next() == {"event": "pong"}  # its own value has not come back
    extra = '[[route]]\nfrom = "q"\nmatch = "/new"\nto = "desk"\n'
    await bridge.bridge.reload(bridge.text + extra)
    assert await peer.next() == {"command": {"COMMAND": "PATH_ADDED", "DATA": "/new"}}


# --- both of them in the local network ------------------------------------------------------------


async def test_server_is_found_by_its_name_in_the_network(start: Start) -> None:
    name = f"desk-{free_port()}"
    bridge = await start(f'announce = "{name}"')
    async with running_bridge(CLIENT.format(where=f'find = "{name}"')) as other:
        await other.until(lambda: other.endpoint_status("there").connected, 30)
        assert other.endpoint("there").describe() == bridge.url
        assert FADER in other.addresses.known


async def test_python_oscquery_finds_our_server_until_it_stops(start: Start) -> None:
    name = f"desk-{free_port()}"
    bridge = await start(f'announce = true\nname = "{name}"')
    listener = OSCQueryListener()
    zeroconf = Zeroconf(interfaces=["127.0.0.1"])
    browser = ServiceBrowser(zeroconf, ["_oscjson._tcp.local.", "_osc._udp.local."], listener)

    def found(services: dict[str, ServiceInfo]) -> list[ServiceInfo]:
        return [info for each, info in list(services.items()) if each.startswith(f"{name}-")]

    try:
        for services in (listener.oscjson_services, listener.osc_services):
            await until(lambda services=services: found(services), 30)
            (info,) = found(services)
            assert (info.port, info.parsed_addresses()) == (bridge.port, ["127.0.0.1"])
        (info,) = found(listener.oscjson_services)
        client = OSCQueryClient(info)
        assert (await asyncio.to_thread(client.get_host_info)).name == name
        await bridge.bridge.stop()
        await until(lambda: not found(listener.oscjson_services), 30)
    finally:
        await asyncio.to_thread(browser.cancel)
        await asyncio.to_thread(zeroconf.close)

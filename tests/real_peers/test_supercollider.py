"""scsynth, SuperCollider's synthesiser, on a JACK server without a sound card.

Over TCP it uses length prefixes; over both it replies to the sending port.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from waiting import wait_until

from oscbridge import Dispatcher, Message, encode_message
from oscbridge.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from oscbridge.osc_server import (
    AsyncIOOSCUDPServer,
    BlockingOSCUDPServer,
    ThreadingOSCUDPServer,
)
from oscbridge.tcp_client import AsyncSimpleTCPClient, SimpleTCPClient, TCPDispatchClient
from oscbridge.testing import running_bridge
from oscbridge.udp_client import DispatchClient, SimpleUDPClient

HOST = "127.0.0.1"
WAIT = 10.0
TRIES = 100
SCSYNTH = Path(__file__).with_name("scsynth.sh")


@pytest.fixture(scope="module")
def scsynth(launch_for_module: Any, tool: Any) -> Iterator[Callable[..., int]]:
    """Starts scsynth on a port, ``-u`` for UDP or ``-t`` for TCP."""
    running: list[tuple[Any, Callable[[int], Any], int]] = []
    for name in ("jackd", "scsynth", "unshare"):
        tool(name)

    def start(option: str, client: Callable[[int], Any]) -> int:
        port: int = free_port()
        rest = ["-D", "0", "-R", "0", "-i", "0", "-o", "2", "-m", "1024"]
        process = launch_for_module(SCSYNTH, option, port, *rest)
        process.find("server ready", 20)
        running.append((process, client, port))
        return port

    yield start
    for process, client, port in running:
        with client(port) as connection:
            connection.send_message("/quit", [])
            assert process.wait() == 0


def udp(port: int) -> SimpleUDPClient:
    return SimpleUDPClient(HOST, port)


def tcp(port: int) -> SimpleTCPClient:
    return SimpleTCPClient(HOST, port, mode="1.0")


@pytest.fixture(scope="module")
def udp_port(scsynth: Callable[..., int]) -> int:
    """The UDP address of scsynth."""
    port = scsynth("-u", udp)
    with udp(port) as client:
        for _ in range(TRIES):
            client.send_message("/status", None)
            if any(client.get_messages(0.1)):
                return port
    raise AssertionError(f"scsynth answered none of {TRIES} /status")


@pytest.fixture(scope="module")
def tcp_port(scsynth: Callable[..., int]) -> int:
    """The TCP address of scsynth."""
    return scsynth("-t", tcp)


@pytest.fixture(params=["udp", "tcp"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of our clients, connected to scsynth."""
    port = request.getfixturevalue(f"{request.param}_port")
    with {"udp": udp, "tcp": tcp}[request.param](port) as client:
        yield client


@pytest.fixture
def node() -> int:
    """A unique node id."""
    return random.SystemRandom().randrange(1_000, 2**31)


def ask(client: Any, address: str, *args: int) -> Message:
    """The reply to a message."""
    client.send_message(address, args)
    answer: Message = next(client.get_messages(WAIT)).message
    return answer


# --- our clients ask, scsynth answers ----------------------------------------------------------


def test_scsynth_reports_its_status(client: Any) -> None:
    answer = ask(client, "/status")
    assert (answer.address, answer.types) == ("/status.reply", "iiiiiffdd")
    assert answer.args[7] == 48_000.0


def test_scsynth_reports_its_version(client: Any) -> None:
    answer = ask(client, "/version")
    assert (answer.address, answer.args[:2]) == ("/version.reply", ("scsynth", 3))


def test_scsynth_creates_a_group_and_notifies_clients(client: Any, node: int) -> None:
    assert ask(client, "/notify", 1).args[0] == "/notify"
    made = ask(client, "/g_new", node, 0, 0)
    assert (made.address, made.args[:2]) == ("/n_go", (node, 0))
    found = ask(client, "/n_query", node)
    assert (found.address, found.args[:2], found.args[4]) == ("/n_info", (node, 0), 1)
    freed = ask(client, "/n_free", node)
    assert (freed.address, freed.args[0]) == ("/n_end", node)
    assert ask(client, "/notify", 0) == Message.of("/done", "/notify")


def test_scsynth_reports_an_unknown_command(client: Any) -> None:
    assert ask(client, "/nonsense") == Message.of("/fail", "/nonsense", "Command not found")


def test_scsynth_handles_our_bundle_at_its_time(client: Any, node: int) -> None:
    assert ask(client, "/notify", 1).args[0] == "/notify"
    due = time.time() + 0.5
    bundle = OscBundleBuilder(due)
    bundle.add_content(Message.of("/g_new", node, 0, 0))
    bundle.add_content(Message.of("/n_query", node))
    client.send(bundle.build())
    answers = client.get_messages(WAIT)
    assert [next(answers).address for _ in range(2)] == ["/n_go", "/n_info"]
    assert time.time() >= due - 0.1  # it computes one block of sound ahead
    assert ask(client, "/n_free", node).address == "/n_end"
    assert ask(client, "/notify", 0).address == "/done"


async def test_scsynth_handles_a_bundle_from_a_bridge_at_its_time(udp_port: int, node: int) -> None:
    text = f"""
    [bridge.in]
    listen = "udp://127.0.0.1:0"
    time_tags = "forward"
    [endpoint.synth]
    type = "osc"
    to = "udp://127.0.0.1:{udp_port}"
    [[route]]
    from = "in"
    to = "synth"
    """
    due = time.time() + 1.0
    bundle = OscBundleBuilder(due)
    bundle.add_content(Message.of("/g_new", node, 0, 0))
    bundle.add_content(Message.of("/n_query", node))
    async with running_bridge(text, record=["synth"]) as bridge:
        bridge.send("in", Message.of("/notify", 1))
        answers = bridge.received("synth")
        async with asyncio.timeout(WAIT):
            assert (await answers.get()).address == "/done"
            with udp(bridge.url("in").port) as client:
                client.send(bundle.build())
            await bridge.until(lambda: bridge.endpoint_status("synth").sent == 3)
            assert time.time() < due  # the bridge has not waited
            assert [(await answers.get()).address for _ in range(2)] == ["/n_go", "/n_info"]
            assert time.time() >= due - 0.1
            bridge.send("in", Message.of("/n_free", node))
            assert (await answers.get()).address == "/n_end"
            bridge.send("in", Message.of("/notify", 0))
            assert (await answers.get()).address == "/done"


@pytest.mark.parametrize("timestamp", [IMMEDIATELY, 1.0], ids=["immediately", "long past"])
def test_scsynth_handles_our_immediate_bundle(client: Any, timestamp: float) -> None:
    bundle = OscBundleBuilder(timestamp)
    for number in (1, 2):
        bundle.add_content(Message.of("/sync", number))
    client.send(bundle.build())
    answers = client.get_messages(WAIT)
    assert [next(answers).message for _ in (1, 2)] == [Message.of("/synced", n) for n in (1, 2)]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_our_dispatch_client_exchanges_messages_with_scsynth(
    transport: str, request: pytest.FixtureRequest, node: int
) -> None:
    port = request.getfixturevalue(f"{transport}_port")
    ended: list[Any] = []
    if transport == "udp":
        client: Any = DispatchClient(HOST, port)
    else:
        client = TCPDispatchClient(HOST, port, mode="1.0")
    with client:
        talk_about(client.dispatcher, node, ended.append)
        client.send_message("/notify", 1)
        wait_until(lambda: client.handle_messages(0.05) or ended)
    assert ended == [node]


async def test_our_asyncio_tcp_client_exchanges_messages_with_scsynth(tcp_port: int) -> None:
    async with AsyncSimpleTCPClient(HOST, tcp_port, mode="1.0") as client:
        await client.send_message("/sync", 7)
        async for answer in client.get_messages(WAIT):
            assert answer.message == Message.of("/synced", 7)
            break


# --- scsynth sends to our servers --------------------------------------------------------------


def talk_about(dispatcher: Dispatcher, node: int, ended: Callable[[int], object]) -> None:
    """Answer each reply of scsynth with the next request, until a node was created and freed."""

    def done(_address: str, command: str, *_rest: Any) -> Any:
        return ("/g_new", node, 0, 0) if command == "/notify" and not asked else None

    def info(_address: str, its_node: int, *_rest: Any) -> Any:
        return ("/n_free", node) if its_node == node else None

    def go(_address: str, its_node: int, *_rest: Any) -> Any:
        asked.append(its_node)
        return ("/n_query", node) if its_node == node else None

    def end(_address: str, its_node: int, *_rest: Any) -> Any:
        if its_node != node:
            return None
        ended(node)
        return "/notify", 0

    asked: list[int] = []
    for address, handler in (("/done", done), ("/n_go", go), ("/n_info", info), ("/n_end", end)):
        dispatcher.map(address, handler)


@pytest.mark.parametrize("kind", [BlockingOSCUDPServer, ThreadingOSCUDPServer])
def test_our_server_on_a_thread_exchanges_messages_with_scsynth(
    kind: Any, udp_port: int, node: int
) -> None:
    dispatcher = Dispatcher()
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    talk_about(dispatcher, node, ended.put)
    with kind((HOST, 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        server.socket.sendto(encode_message(Message.of("/notify", 1)), (HOST, udp_port))
        try:
            assert ended.get(timeout=WAIT) == node
        finally:
            server.shutdown()
            thread.join(WAIT)


async def test_our_asyncio_server_exchanges_messages_with_scsynth(udp_port: int, node: int) -> None:
    dispatcher, loop = Dispatcher(), asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()
    talk_about(dispatcher, node, ended.set_result)
    server = AsyncIOOSCUDPServer((HOST, 0), dispatcher, loop)
    transport, _ = await server.create_serve_endpoint()
    transport.sendto(encode_message(Message.of("/notify", 1)), (HOST, udp_port))
    try:
        assert await asyncio.wait_for(ended, WAIT) == node
    finally:
        transport.close()

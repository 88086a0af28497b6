"""The same routes in all four modes and over all transports, up to a real WebSocket client."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

import oscbridge
from oscbridge import Message, TimeTag
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.net.url import OSCURL
from oscbridge.osc.framing import stream_encoder
from oscbridge.plugins.manager import Plugins

MODES = ["asyncio", "blocking", "threading", "forking"]
WIRES = [
    ("udp", ""),
    ("tcp", "1.1"),
    ("tcp+1.0", "1.0"),
    ("tcp+auto", "1.0"),
    ("tcp+auto", "1.1"),
]
WAIT = 20.0

WEB = """
[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"
"""
BRIDGE = """
[bridge.{mode}]
listen = "{scheme}://{host}:0"
mode = "{mode}"
{more}
"""
ROUTES = """
[[route]]
from = "{mode}"
match = "/plain"
to = "web"

[[route]]
from = "{mode}"
match = "/fader{{n}}"
scale = [0.0, 1.0, 0, 100]
send = "/control {{n}} {{0}} 1.5 \\"text\\""
to = "web"

[[route]]
from = "{mode}"
match = "/double"
function = "{module}:double"
to = "web"
"""
MODULE = """
import os, threading, time
from oscbridge import Message

def double(message):
    (value,) = message.args
    yield Message.of("/doubled", 2 * value)
    yield Message.of("/doubled", 2 * value)

def sleep(message):
    time.sleep(0.05)
    return message
"""

Send = Callable[..., Awaitable[None]]


class Web:
    """A WebSocket client that records its messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._messages: list[Message] = []

    async def receive(self, count: int) -> list[Message]:
        """The next ``count`` messages."""
        async with asyncio.timeout(WAIT):
            while len(self._messages) < count:
                packet = oscbridge.decode_packet(await self._connection.recv(decode=False))
                self._messages += oscbridge.messages(packet)
        taken, self._messages = self._messages[:count], self._messages[count:]
        return taken


@pytest.fixture
def running() -> Callable[..., object]:
    """A system with the installed plugins, and a client of its endpoint ``web``."""

    @asynccontextmanager
    async def run(text: str) -> AsyncIterator[tuple[App, Web]]:
        plugins = Plugins()
        app = App(parse(WEB + text, plugins.endpoint_types, "test.toml"), plugins)
        await app.start()
        try:
            async with connect(app.endpoints["web"].endpoint.describe()) as connection:
                yield app, Web(connection)
        finally:
            await app.stop()

    return run


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a module with functions for routes, in its own folder."""
    name = f"functions_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


class Client:
    """A sender over UDP, or over TCP in one framing."""

    def __init__(self, address: OSCURL, wire: str) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        kind = socket.SOCK_STREAM if wire else socket.SOCK_DGRAM
        self._encode = stream_encoder(wire) if wire else bytes
        self.socket = socket.socket(family, kind)
        self.socket.connect((address.host, address.port))

    async def send(self, *messages: Message | bytes) -> None:
        for message in messages:
            packet = message if isinstance(message, bytes) else oscbridge.encode_message(message)
            self.socket.sendall(self._encode(packet))


@pytest.fixture
async def client() -> AsyncIterator[Callable[..., Client]]:
    async with AsyncExitStack() as stack:

        def make(address: OSCURL, wire: str = "") -> Client:
            made = Client(address, wire)
            stack.callback(made.socket.close)
            return made

        yield make


def numbers(messages: Sequence[Message]) -> list[object]:
    return [message.args[0] for message in messages]


def config(mode: str, scheme: str = "udp", host: str = "127.0.0.1", more: str = "") -> str:
    return BRIDGE.format(mode=mode, scheme=scheme, host=host, more=more)


# --- all modes, all transports -------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "wire"), WIRES)
@pytest.mark.parametrize("mode", MODES)
async def test_every_mode_applies_the_same_routes(
    mode: str, scheme: str, wire: str, running: Callable, client: Callable, module: str
) -> None:
    text = config(mode, scheme) + ROUTES.format(mode=mode, module=module)
    async with running(text) as (app, web):
        sender = client(app.listeners[mode].address, wire)
        for n in range(50):
            await sender.send(
                Message.of("/plain", n),
                Message.of(f"/fader{n}", 0.5),
                Message.of("/double", n),
                Message.of("/nobody", n),
            )
        received = await web.receive(200)
    by_address: dict[str, list[Message]] = {}
    for message in received:
        by_address.setdefault(message.address, []).append(message)
    plain, control, doubled = (by_address[a] for a in ("/plain", "/control", "/doubled"))
    if scheme == "udp" and mode in ("threading", "forking"):
        for each in (plain, control, doubled):  # no order is promised
            each.sort(key=lambda message: message.args[0])
    assert numbers(plain) == list(range(50))
    assert [message[1:3] for message in control] == [
        ("iifs", (n, 50, 1.5, "text")) for n in range(50)
    ]
    assert numbers(doubled) == [2 * n for n in range(50) for _ in range(2)]


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_each_connection_keeps_its_order(
    mode: str, running: Callable, client: Callable
) -> None:
    async with running(config(mode, "tcp")) as (app, web):
        one, two = (client(app.listeners[mode].address, "1.1") for _ in range(2))
        for n in range(100):
            await one.send(Message.of("/one", n))
            await two.send(Message.of("/two", n))
        received = await web.receive(200)
    for address in ("/one", "/two"):
        assert numbers([m for m in received if m.address == address]) == list(range(100))


async def test_blocking_bridge_serves_connections_one_after_the_other(
    running: Callable, client: Callable
) -> None:
    async with running(config("blocking", "tcp")) as (app, web):
        one, two = (client(app.listeners["blocking"].address, "1.1") for _ in range(2))
        await two.send(Message.of("/two"))
        await one.send(Message.of("/one"))
        first = await web.receive(1)
        one.socket.close()
        second = await web.receive(1)
    assert [first[0].address, second[0].address] == ["/one", "/two"]


async def test_bridges_of_all_modes_run_at_once(
    running: Callable, client: Callable, module: str
) -> None:
    text = "".join(
        config(mode, scheme) + ROUTES.format(mode=mode, module=module)
        for mode, scheme in zip(MODES, ["udp", "tcp", "tcp+1.0", "udp"], strict=True)
    )
    async with running(text) as (app, web):
        senders = [
            client(app.listeners[mode].address, wire)
            for mode, wire in zip(MODES, ["", "1.1", "1.0", ""], strict=True)
        ]
        for n in range(20):
            for number, sender in enumerate(senders):
                await sender.send(Message.of("/plain", 100 * number + n))
        received = await web.receive(80)
    assert sorted(numbers(received)) == [100 * b + n for b in range(4) for n in range(20)]


@pytest.mark.parametrize(("scheme", "wire"), WIRES[:2])
@pytest.mark.parametrize("mode", MODES)
async def test_default_route_of_a_plugin_delivers_messages(
    mode: str, scheme: str, wire: str, running: Callable, client: Callable
) -> None:
    message = Message.of(
        "/any/thing", 1, 2.5, "x", b"blob", True, None, [1, [2]], types="idsbTN[i[i]]"
    )
    async with running(config(mode, scheme)) as (app, web):
        await client(app.listeners[mode].address, wire).send(message)
        (received,) = await web.receive(1)
    assert received[:3] == message[:3]


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", MODES)
async def test_bridge_listens_on_ipv6(
    mode: str, scheme: str, running: Callable, client: Callable
) -> None:
    async with running(config(mode, scheme, "[::1]")) as (app, web):
        wire = "" if scheme == "udp" else "1.1"
        await client(app.listeners[mode].address, wire).send(Message.of("/six", 6))
        (received,) = await web.receive(1)
    assert received[:3] == ("/six", "i", (6,))


@pytest.mark.parametrize(("number", "mode"), list(enumerate(MODES)))
async def test_bridge_joins_a_multicast_group(number: int, mode: str, running: Callable) -> None:
    group = f"239.77.4.{number + 1}"
    text = config(mode, "udp", group, 'interface = "127.0.0.1"')
    async with running(text) as (app, web):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            near = socket.inet_aton("127.0.0.1")
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, near)
            packet = oscbridge.encode_message(Message.of("/group", mode))
            sender.sendto(packet, (group, app.listeners[mode].address.port))
        (received,) = await web.receive(1)
    assert received[:3] == ("/group", "s", (mode,))


@pytest.mark.parametrize(("scheme", "wire"), WIRES[:2])
@pytest.mark.parametrize("mode", MODES)
async def test_message_with_a_future_time_tag_waits_while_others_pass(
    mode: str, scheme: str, wire: str, running: Callable, client: Callable
) -> None:
    message = oscbridge.encode_message(Message.of("/later"))
    async with running(config(mode, scheme)) as (app, web):
        sender = client(app.listeners[mode].address, wire)
        due = time.time() + 0.5
        await sender.send(oscbridge.encode_bundle([message], TimeTag.from_unix(due)))
        await sender.send(Message.of("/now"))
        received = await web.receive(2)
        came = time.time()
    assert [message.address for message in received] == ["/now", "/later"]
    assert came >= due - 0.01


@pytest.mark.parametrize("mode", MODES)
async def test_bad_packets_are_counted_and_harmless(
    mode: str, running: Callable, client: Callable
) -> None:
    async with running(config(mode)) as (app, web):
        sender = client(app.listeners[mode].address)
        await sender.send(b"rubbish", b"/x\0\0,i\0\0", Message.of("/good"))
        (received,) = await web.receive(1)
        statistics = app.dispatchers[mode].statistics
        async with asyncio.timeout(WAIT):
            while sum(statistics.bad.values()) < 2:
                await asyncio.sleep(0.01)
    assert received.address == "/good"
    assert (statistics.packets, statistics.messages) == (3, 1)


# --- slow handlers -------------------------------------------------------------------------------


@pytest.mark.load
@pytest.mark.parametrize(
    ("mode", "least", "most"),
    [("blocking", 1.0, 2.5), ("threading", 0.05, 0.5), ("forking", 0.05, 0.5)],
)
async def test_slow_functions_run_concurrently_in_concurrent_modes(
    mode: str, least: float, most: float, running: Callable, client: Callable, module: str
) -> None:
    text = config(mode) + f'[[route]]\nfrom = "{mode}"\nto = "web"\nfunction = "{module}:sleep"'
    async with running(text) as (app, web):
        sender = client(app.listeners[mode].address)
        await sender.send(Message.of("/x", -1))  # a warm-up
        await web.receive(1)
        began = time.monotonic()
        await sender.send(*(Message.of("/x", n) for n in range(20)))
        received = await web.receive(20)
        took = time.monotonic() - began
    print(f"{mode}: 20 messages in {took:.3f} s")
    assert sorted(numbers(received)) == list(range(20))
    assert least <= took < most


# --- a port in use -------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", MODES)
async def test_occupied_port_is_one_clear_error(mode: str, scheme: str, running: Callable) -> None:
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if scheme == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        text = config(mode, scheme).replace(":0", f":{port}")
        with pytest.raises(oscbridge.OSCBridgeError) as caught:
            async with running(text):
                pass
    assert str(caught.value) == (
        f"bridge.{mode}: {scheme}://127.0.0.1:{port}: address already in use; "
        "end the other program or choose another port"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("host", "more", "says"),
    [
        ("192.0.2.1", "", "this machine has no such address"),
        ("no-such-host.invalid", "", "unknown host"),
        ("239.77.4.9", 'interface = "nowhere"', "nowhere"),
    ],
)
async def test_unavailable_address_is_one_clear_error(
    mode: str, host: str, more: str, says: str, running: Callable
) -> None:
    with pytest.raises(oscbridge.OSCBridgeError) as caught:
        async with running(config(mode, "udp", host, more)):
            pass
    assert str(caught.value).startswith(f"bridge.{mode}: udp://{host}:0: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)

"""Both directions: OSC to OSC, OSC to WebSocket and back, with real programs, and no echo."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from threading import Thread
from typing import Any

import pytest
from ports import free_port
from pythonosc.dispatcher import Dispatcher as TheirDispatcher
from pythonosc.osc_server import BlockingOSCUDPServer as TheirServer
from pythonosc.udp_client import SimpleUDPClient as TheirClient
from websockets.asyncio.client import ClientConnection, connect

from oscbridge import Endpoint, Message, encode_message
from oscbridge import messages as messages_of
from oscbridge.bridge.app import App
from oscbridge.endpoints.osc.endpoint import OSCEndpoint
from oscbridge.osc import decode_message, decode_packet
from oscbridge_websocket.endpoint import WebSocketEndpoint

Running = Callable[..., AbstractAsyncContextManager[App]]

WAIT = 10.0
HOST = "127.0.0.1"
END = Message("/end")
"""Sent last: when it has arrived, all earlier messages have arrived as well."""


@pytest.fixture(autouse=True)
def kinds(types: dict[str, type[Endpoint]]) -> None:
    types["osc"] = OSCEndpoint
    types["websocket"] = WebSocketEndpoint


class Device:
    """An OSC device on one UDP socket."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((HOST, 0))
        self.url = f"udp://{HOST}:{self.sock.getsockname()[1]}"

    def say(self, port: int, *messages: Message) -> None:
        for message in messages:
            self.sock.sendto(encode_message(message), (HOST, port))

    async def heard_until(self, address: str) -> list[str]:
        """The addresses of the received messages, up to this one."""
        loop, heard = asyncio.get_running_loop(), []
        async with asyncio.timeout(WAIT):
            while not heard or heard[-1] != address:
                heard.append(decode_message(await loop.sock_recv(self.sock, 65_536)).address)
        return heard


@pytest.fixture
def devices() -> Iterator[list[Device]]:
    made = [Device() for _ in range(3)]
    yield made
    for device in made:
        device.sock.close()


def port_of(app: App, endpoint: str) -> int:
    """The port that an OSC endpoint sends from and listens on."""
    return int(app.endpoints[endpoint].endpoint.describe().rpartition(":")[2])


def osc(name: str, to: object) -> str:
    return f'[endpoint.{name}]\ntype = "osc"\nto = "{to}"\n'


def route(source: str, *to: str) -> str:
    names = ", ".join(f'"{name}"' for name in to)
    return f'[[route]]\nfrom = "{source}"\nto = [{names}]\n'


WEB = '[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:0"\n'
IN = '[bridge.in]\nlisten = "udp://127.0.0.1:0"\n'


@asynccontextmanager
async def browser(app: App) -> AsyncIterator[ClientConnection]:
    async with connect(app.endpoints["web"].endpoint.describe(), proxy=None) as client:
        yield client


async def browser_heard_until(client: ClientConnection, address: str) -> list[str]:
    heard: list[str] = []
    async with asyncio.timeout(WAIT):
        while not heard or heard[-1] != address:
            frame = await client.recv()
            assert isinstance(frame, bytes)
            heard += [message.address for message in messages_of(decode_packet(frame))]
    return heard


# --- OSC to OSC --------------------------------------------------------------------------------


async def test_two_osc_peers_receive_each_other_and_not_themselves(
    running: Running, devices: list[Device]
) -> None:
    one, two, _ = devices
    text = osc("one", one.url) + osc("two", two.url)
    text += route("one", "one", "two") + route("two", "one", "two")
    async with running(text) as app:
        one.say(port_of(app, "one"), Message("/from/one"), END)
        assert await two.heard_until("/end") == ["/from/one", "/end"]
        two.say(port_of(app, "two"), Message("/from/two"), END)
        assert await one.heard_until("/end") == ["/from/two", "/end"]
        assert [delivery.drops for delivery in app.endpoints.values()] == [{}, {}]


async def test_device_that_sends_to_a_bridge_does_not_receive_its_own_messages(
    running: Running, devices: list[Device]
) -> None:
    one, two, _ = devices
    text = IN + osc("one", one.url) + osc("two", two.url) + route("in", "one", "two")
    async with running(text) as app:
        port = app.listeners["in"].address.port
        one.say(port, Message("/from/one"))
        assert await two.heard_until("/from/one") == ["/from/one"]
        two.say(port, Message("/from/two"))
        assert await one.heard_until("/from/two") == ["/from/two"]


async def test_device_seen_through_ipv6_does_not_receive_its_own_messages(
    running: Running, devices: list[Device]
) -> None:
    one, two, _ = devices
    text = '[bridge.in]\nlisten = "udp://[::]:0"\n'
    text += osc("one", one.url) + osc("two", two.url) + route("in", "one", "two")
    async with running(text) as app:
        port = app.listeners["in"].address.port
        one.say(port, Message("/from/one"))
        await two.heard_until("/from/one")
        two.say(port, Message("/from/two"))
        assert await one.heard_until("/from/two") == ["/from/two"]


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_bridge_that_sends_to_itself_does_so_once(
    mode: str, running: Running, types: dict[str, type[Endpoint]]
) -> None:
    port = free_port()
    text = f'[bridge.in]\nlisten = "udp://{HOST}:{port}"\nmode = "{mode}"\n'
    text += osc("back", f"udp://{HOST}:{port}")
    text += '[endpoint.seen]\ntype = "collect"\n' + route("in", "back", "seen")
    async with running(text) as app:
        seen: Any = app.endpoints["seen"].endpoint
        with Device().sock as sock:
            for address in ("/a", "/b", "/c"):
                sock.sendto(encode_message(Message(address)), (HOST, port))
                await seen.arrived(2)
                assert [message.address for message in seen.messages] == [address] * 2
                seen.messages.clear()


# --- OSC and WebSocket -------------------------------------------------------------------------


async def test_browser_and_mixer_receive_each_other_and_not_themselves(
    running: Running, devices: list[Device]
) -> None:
    mixer, *_ = devices
    text = osc("mixer", mixer.url) + WEB
    text += route("mixer", "mixer", "web") + route("web", "mixer", "web")
    async with running(text) as app, browser(app) as one, browser(app) as two:
        await one.send(encode_message(Message("/from/browser", "f", (0.5,))))
        await one.send(encode_message(END))
        assert await mixer.heard_until("/end") == ["/from/browser", "/end"]
        assert await browser_heard_until(two, "/end") == ["/from/browser", "/end"]
        mixer.say(port_of(app, "mixer"), Message("/from/mixer"))
        assert await browser_heard_until(one, "/from/mixer") == ["/from/mixer"]
        assert await browser_heard_until(two, "/from/mixer") == ["/from/mixer"]
        await two.send(encode_message(END))
        assert await mixer.heard_until("/end") == ["/end"]


async def test_types_are_kept_from_a_browser_to_a_mixer(
    running: Running, devices: list[Device]
) -> None:
    mixer, *_ = devices
    message = Message("/x", "fihdTNs", (1.0, 1, 1, 1.0, True, None, "1"))
    text = osc("mixer", mixer.url) + WEB + route("web", "mixer")
    async with running(text) as app, browser(app) as client:
        await client.send(encode_message(message))
        async with asyncio.timeout(WAIT):
            data = await asyncio.get_running_loop().sock_recv(mixer.sock, 65_536)
    assert decode_message(data) == message


# --- real programs -----------------------------------------------------------------------------


async def test_oscsend_reaches_oscdump_through_the_bridge(
    running: Running, devices: list[Device]
) -> None:
    port = free_port()
    text = IN + osc("dump", f"udp://{HOST}:{port}") + route("in", "dump")
    pipe = asyncio.subprocess.PIPE
    async with running(text) as app:
        dump = await asyncio.create_subprocess_exec("oscdump", "-L", str(port), stdout=pipe)
        try:
            assert dump.stdout is not None
            bridge = str(app.listeners["in"].address.port)
            async with asyncio.timeout(WAIT):
                line = b""
                while not line:  # until oscdump listens
                    send = await asyncio.create_subprocess_exec(
                        "oscsend", HOST, bridge, "/ch/01/fader", "fhs", "0.5", "3", "text"
                    )
                    assert await send.wait() == 0
                    try:
                        async with asyncio.timeout(0.2):
                            line = await dump.stdout.readline()
                    except TimeoutError:
                        pass
        finally:
            dump.kill()
            await dump.wait()
    assert line.decode().split(maxsplit=1)[1] == '/ch/01/fader fhs 0.500000 3 "text"\n'


@contextmanager
def their_server(address: str) -> Iterator[tuple[int, list[tuple[object, ...]]]]:
    """A server of python-osc that replies to messages: its port and the received messages."""
    heard: list[tuple[object, ...]] = []

    def handle(_client: tuple[str, int], name: str, *args: object) -> tuple[object, ...]:
        heard.append((name, *args))
        return ("/answer", *args)

    dispatcher = TheirDispatcher()
    dispatcher.map(address, handle, needs_reply_address=True)
    server = TheirServer((HOST, 0), dispatcher)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1], heard
    finally:
        server.shutdown()
        thread.join(WAIT)
        server.server_close()


async def test_python_osc_client_reaches_a_python_osc_server_through_the_bridge(
    running: Running, devices: list[Device]
) -> None:
    asker, *_ = devices
    with their_server("/ask") as (port, heard):
        text = IN + osc("server", f"udp://{HOST}:{port}") + osc("asker", asker.url)
        text += route("in", "server") + route("server", "asker")
        async with running(text) as app:
            client = TheirClient(HOST, app.listeners["in"].address.port)
            with client._sock:
                client.send_message("/ask", [1, 0.5, "text"])
            assert await asker.heard_until("/answer") == ["/answer"]
    assert heard == [("/ask", 1, 0.5, "text")]

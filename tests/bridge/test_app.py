"""A running system: sources and targets of routes, modes, failed starts, stop under load."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

import oscbridge
from oscbridge import Endpoint, Message, NotConnected, Options, OSCBridgeError
from oscbridge.bridge.app import App
from oscbridge.bridge.hops import MAX_HOPS, hops_of
from oscbridge.plugins.manager import Plugins
from oscbridge.udp_client import UDPClient

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]

ONE = """
[bridge.in]
listen = "udp://127.0.0.1:0"
mode = "{mode}"
[endpoint.out]
type = "{type}"
[[route]]
from = "in"
to = "out"
"""


def collected(app: App, name: str = "out") -> Endpoint:
    return app.endpoints[name].endpoint


@contextmanager
def nothing_left() -> Iterator[None]:
    """No thread and no task more than before."""
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    yield
    left = [
        t.name for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio")
    ]
    assert left == []
    assert asyncio.all_tasks() - tasks == set()


# --- routes ------------------------------------------------------------------------------------


async def test_message_keeps_its_types_and_its_origin(running: Running, send: Send) -> None:
    async with running(ONE.format(mode="asyncio", type="collect")) as app:
        await send(app, "in", Message.of("/x", 1, 1.0, "s", b"b", True, None, types="hdSbTN"))
        (message,) = await collected(app).arrived(1)
    assert message[:3] == ("/x", "hdSbTN", (1, 1.0, "s", b"b", True, None))
    assert message.origin[0] == "in"


async def test_match_selects_messages(running: Running, send: Send) -> None:
    text = ONE.format(mode="asyncio", type="collect") + 'match = "/1/fader{n}"'
    addresses = ["/1/fader", "/1/fader7", "/2/fader7", "/1/fader7/z", "/1/fader12"]
    async with running(text) as app:
        await send(app, "in", *(Message.of(address) for address in addresses))
        messages = await collected(app).arrived(2)
        unmatched = app.dispatchers["in"].statistics.unmatched
    assert [message.address for message in messages] == ["/1/fader7", "/1/fader12"]
    assert unmatched == 3


async def test_pattern_from_a_client_is_compared_with_the_match(
    running: Running, send: Send
) -> None:
    text = ONE.format(mode="asyncio", type="collect") + 'match = "/a/b"'
    async with running(text) as app:
        await send(app, "in", Message.of("/a/?"))
        (message,) = await collected(app).arrived(1)
    assert message.address == "/a/?"


async def test_route_has_several_sources_and_targets(running: Running, send: Send) -> None:
    text = """
    [bridge.a]
    listen = "udp://127.0.0.1:0"
    [bridge.b]
    listen = "udp://127.0.0.1:0"
    [endpoint.x]
    type = "collect"
    [endpoint.y]
    type = "batch"
    [[route]]
    from = ["a", "b"]
    to = ["x", "y"]
    """
    async with running(text) as app:
        await send(app, "a", Message.of("/from/a"))
        await collected(app, "y").arrived(1)
        await send(app, "b", Message.of("/from/b"))
        for name in ("x", "y"):
            messages = await collected(app, name).arrived(2)
            assert [message.address for message in messages] == ["/from/a", "/from/b"]


async def test_message_passes_each_matching_route_once(running: Running, send: Send) -> None:
    text = ONE.format(mode="asyncio", type="collect")
    text += '[[route]]\nfrom = "in"\nto = "out"\nmatch = "/x"'
    async with running(text) as app:
        await send(app, "in", Message.of("/x"), Message.of("/y"))
        messages = await collected(app).arrived(3)
    assert [message.address for message in messages] == ["/x", "/x", "/y"]


async def test_endpoint_can_be_a_source(running: Running) -> None:
    text = """
    [endpoint.sensor]
    type = "source"
    [endpoint.out]
    type = "collect"
    [[route]]
    from = "sensor"
    to = "out"
    """
    async with running(text) as app:
        collected(app, "sensor").receive(Message.of("/heat", 20.5))
        (message,) = await collected(app).arrived(1)
    assert (message.address, message.args) == ("/heat", (20.5,))


class AddedRoute:
    """A plugin that sends everything to endpoints that no route names."""

    asked: ClassVar[list[str]] = []

    @oscbridge.hookimpl
    def oscbridge_register_routes(self, routes: oscbridge.Routes, source: oscbridge.Source) -> None:
        self.asked.append(source.name)
        for sink in source.sinks.values():
            if not sink.is_routed and sink.type == "collect":
                routes.add("*", sink)


ADDED_ROUTE = AddedRoute()


async def test_plugin_adds_routes_to_every_source(running: Running, send: Send) -> None:
    ADDED_ROUTE.asked.clear()
    plugins = Plugins([EntryPoint("default", f"{__name__}:ADDED_ROUTE", "oscbridge")])
    text = ONE.format(mode="asyncio", type="collect") + '[endpoint.rest]\ntype = "collect"'
    async with running(text, plugins) as app:
        await send(app, "in", Message.of("/x"))
        await collected(app, "rest").arrived(1)
        assert len(await collected(app, "out").arrived(1)) == 1
    assert ADDED_ROUTE.asked == ["in", "out", "rest"]


class Loopback(Endpoint):
    """Returns its messages to the bridge, as messages from outside."""

    async def send(self, message: Message) -> None:
        self.receive(message, ("loop", 1))


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_loop_of_routes_ends_and_is_counted(
    mode: str,
    running: Running,
    send: Send,
    types: dict[str, type[Endpoint]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["loopback"] = Loopback
    text = (
        ONE.format(mode=mode, type="loopback")
        + """
    [endpoint.back]
    type = "loopback"
    [endpoint.seen]
    type = "collect"
    [[route]]
    from = "out"
    to = ["back", "seen"]
    [[route]]
    from = "back"
    to = ["out", "seen"]
    """
    )
    async with running(text) as app:
        await send(app, "in", Message.of("/round", 1))
        async with asyncio.timeout(10):
            while not any(each.statistics.dropped["loop"] for each in app.dispatchers.values()):
                await asyncio.sleep(0)
        messages = await collected(app, "seen").arrived(MAX_HOPS)
    assert [hops_of(message.origin) for message in messages] == list(range(1, MAX_HOPS + 1))
    assert [message.origin.source for message in messages] == ["out", "back"] * (MAX_HOPS // 2)
    assert sum(each.statistics.dropped["loop"] for each in app.dispatchers.values()) == 1
    assert not any(each.statistics.held for each in app.dispatchers.values())
    assert "do routes form a ring?" in caplog.text


# --- modes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["collect", "batch"])
@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_every_mode_delivers_every_message(
    mode: str, kind: str, running: Running, send: Send
) -> None:
    total, burst = 2_000, 50  # a burst fits into any receive buffer
    async with running(ONE.format(mode=mode, type=kind)) as app:
        for first in range(0, total, burst):
            await send(app, "in", *(Message.of("/n", n) for n in range(first, first + burst)))
            await collected(app).arrived(first + burst)
        numbers = [message.args[0] for message in collected(app).messages]
        assert app.endpoints["out"].sent == total
    if mode == "threading":
        numbers.sort()  # messages that arrive together may overtake each other
    assert numbers == list(range(total))


# --- start -------------------------------------------------------------------------------------


class Refused(Endpoint):
    """Cannot connect."""

    def describe(self) -> str:
        return "tcp://example"

    async def connect(self) -> None:
        raise NotConnected("refused")


async def test_start_closes_everything_again_if_an_endpoint_fails(
    make_app: Callable[..., App], types: dict[str, type[Endpoint]]
) -> None:
    types["refused"] = Refused
    app = make_app(
        '[endpoint.one]\ntype = "collect"\n[endpoint.two]\ntype = "refused"\n'
        '[endpoint.three]\ntype = "collect"'
    )
    with nothing_left(), pytest.raises(OSCBridgeError) as caught:
        await app.start()
    assert str(caught.value) == "endpoint.two: tcp://example: refused"
    assert collected(app, "one").events == ["connect", "close"]
    assert collected(app, "three").events == ["connect", "close"]


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_start_closes_everything_again_if_a_port_is_occupied(
    mode: str, make_app: Callable[..., App]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, nothing_left():
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        app = make_app(
            f'[bridge.free]\nlisten = "udp://127.0.0.1:0"\nmode = "{mode}"\n'
            f'[bridge.taken]\nlisten = "udp://127.0.0.1:{port}"\nmode = "{mode}"\n'
            '[endpoint.out]\ntype = "collect"'
        )
        with pytest.raises(OSCBridgeError) as caught:
            await app.start()
        assert str(caught.value) == (
            f"bridge.taken: udp://127.0.0.1:{port}: address already in use; "
            "end the other program or choose another port"
        )
        assert collected(app).events == ["connect", "close"]
        assert app.listeners == {}


async def test_address_of_another_machine_is_named(make_app: Callable[..., App]) -> None:
    app = make_app('[bridge.a]\nlisten = "udp://192.0.2.1:9000"')
    with pytest.raises(OSCBridgeError, match=r"bridge\.a: .*: this machine has no such address"):
        await app.start()


async def test_plugin_that_fails_to_connect_is_named_with_its_error(
    make_app: Callable[..., App], types: dict[str, type[Endpoint]]
) -> None:
    class Broken(Refused):
        async def connect(self) -> None:
            raise KeyError("a mistake of the author")

    types["broken"] = Broken
    app = make_app('[endpoint.x]\ntype = "broken"')
    with pytest.raises(OSCBridgeError) as caught:
        await app.start()
    text = "endpoint.x: tcp://example: the plugin failed: KeyError: 'a mistake of the author'"
    assert str(caught.value).startswith(f"{text} ({__file__}:")


def test_endpoint_that_cannot_be_created_is_named(
    make_app: Callable[..., App], types: dict[str, type[Endpoint]]
) -> None:
    class Broken(Endpoint):
        def __init__(self, name: str, options: Options) -> None:
            raise ValueError("no")

    types["broken"] = Broken
    with pytest.raises(OSCBridgeError) as caught:
        make_app('[endpoint.x]\ntype = "broken"')
    text = "endpoint.x: type broken: the plugin failed: ValueError: no"
    assert str(caught.value).startswith(f"{text} ({__file__}:")


# --- stop --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_stop_leaves_nothing_running_and_frees_the_port(mode: str, running: Running) -> None:
    with nothing_left():
        async with running(ONE.format(mode=mode, type="collect")) as app:
            port = app.listeners["in"].address.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_stop_under_load_ends_within_two_seconds_and_counts_everything(
    mode: str, make_app: Callable[..., App], types: dict[str, type[Endpoint]]
) -> None:
    class Slow(Endpoint):
        async def send(self, message: Message) -> None:
            await asyncio.sleep(0.01)

    types["slow"] = Slow
    app = make_app(
        ONE.format(mode=mode, type="slow").replace("[[route]]", "queue = 100\n[[route]]")
    )
    await app.start()
    address = app.listeners["in"].address
    stopped = threading.Event()

    def load() -> None:
        with UDPClient(address.host, address.port) as client:
            while not stopped.is_set():
                client.send(Message("/n"))

    loading = asyncio.create_task(asyncio.to_thread(load))
    delivery = app.endpoints["out"]
    async with asyncio.timeout(10):
        while not delivery.drops["full"]:
            await asyncio.sleep(0)
    begin = time.monotonic()
    await app.stop()
    took = time.monotonic() - begin
    stopped.set()
    await loading
    assert took < 2
    messages = app.dispatchers["in"].statistics.messages
    if mode != "threading":  # its counter is not exact
        assert delivery.sent + sum(delivery.drops.values()) == messages
    assert delivery.drops["stopped"] > 0


async def test_stuck_handler_is_logged_and_does_not_delay_a_stop(
    make_app: Callable[..., App], send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app('[bridge.in]\nlisten = "udp://127.0.0.1:0"\nmode = "blocking"')
    called, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def handler(*_: object) -> None:
        loop.call_soon_threadsafe(called.set)
        release.wait()

    app.dispatchers["in"].map("/x", handler)
    await app.start()
    await send(app, "in", Message.of("/x"))
    async with asyncio.timeout(5):
        await called.wait()
    begin = time.monotonic()
    await app.stop()
    took = time.monotonic() - begin
    release.set()
    assert took < 2
    assert "bridge.in: handlers did not return in time" in caplog.text

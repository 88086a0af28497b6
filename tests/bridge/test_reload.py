"""A reload: kept, changed and rejected parts; no message is lost."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar

import pytest
from ports import free_port

import oscbridge
from oscbridge import ConfigurationError, Endpoint, Message, NotConnected, OSCBridgeError
from oscbridge.bridge.announcing import BridgeAnnouncer
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import Configuration, parse
from oscbridge.osc import TimeTag, encode_bundle, encode_message
from oscbridge.plugins.manager import Plugins
from oscbridge.status.status import read_status
from oscbridge.testing import until
from oscbridge.udp_client import UDPClient

Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]

IN = '[bridge.in]\nlisten = "udp://127.0.0.1:0"\n'
OUT = '[endpoint.out]\ntype = "collect"\n'
ROUTE = '[[route]]\nfrom = "in"\nto = "out"\n'
NAMED = IN + 'announce = "stage"\n'
VARIABLES = "added variables.c; removed variables.a; changed variables.b"


class UpdatableOptions(oscbridge.Options):
    level: int = 0
    place: str = ""


class Updatable(
    Endpoint[UpdatableOptions], oscbridge.Reconfigurable[UpdatableOptions], oscbridge.RouteAware
):
    """Accepts a new ``level`` at once, needs a restart for a new ``place``."""

    made: ClassVar[list[Updatable]] = []

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.level = options.level
        self.events: list[str] = []
        if options.place == "nowhere":
            raise ConfigurationError("unknown place")

    async def connect(self) -> None:
        self.events.append("connect")

    async def send(self, message: Message) -> None:
        pass

    async def close(self) -> None:
        self.events.append("close")

    def update(self, options: oscbridge.Options) -> bool:
        if options.level < 0:
            raise ConfigurationError("level: must be at least 0")
        if options.place != self.options.place:
            return False
        self.level = options.level
        return True

    def on_routes_changed(self) -> None:
        self.events.append("on_routes_changed")


@pytest.fixture
def read(types: dict[str, type[Endpoint]]) -> Callable[[str], Configuration]:
    types["updatable"] = Updatable

    def read(text: str) -> Configuration:
        return parse(text, types, "test.toml")

    return read


Read = Callable[[str], Configuration]


@pytest.fixture
def without_announcing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announce no bridge in the local network."""
    monkeypatch.setattr(BridgeAnnouncer, "update", lambda *_arguments: None)


def can_bind(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def numbers(endpoint: Endpoint) -> list[int]:
    return [message.args[0] for message in endpoint.messages]


# --- unchanged parts -----------------------------------------------------------------------------


async def test_reload_of_the_same_configuration_changes_nothing(
    running: Running, read: Read
) -> None:
    text = IN + OUT + ROUTE
    async with running(text) as app:
        listener, delivery = app.listeners["in"], app.endpoints["out"]
        tail = app.routes[0].stateful
        changes = await app.reload(read(text))
        assert str(changes) == "nothing changed"
        assert app.listeners["in"] is listener
        assert app.endpoints["out"] is delivery
        assert app.routes[0].stateful is tail
        assert delivery.endpoint.events == ["connect"]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("", '[http]\nlisten = "127.0.0.1:0"\n', "added http"),
        ('[http]\nlisten = "127.0.0.1:0"\n', "", "removed http"),
        ("[http]\n", '[http]\nhosts = ["stage.example"]\n', "changed http"),
        ("", "[run]\ndrain_timeout = 3\n", "changed run.drain_timeout"),
        ("[variables]\na = 1\nb = 2\n", "[variables]\nb = 3\nc = 4\n", VARIABLES),
        ("[variables]\na = true\n", "[variables]\na = 1\n", "changed variables.a"),
        (NAMED, NAMED + 'advertise = "192.0.2.1"\n', "changed bridge.in.advertise"),
    ],
)
@pytest.mark.usefixtures("without_announcing")
async def test_summary_names_every_table_and_key_that_changed(
    before: str, after: str, text: str, running: Running, read: Read
) -> None:
    async with running(OUT + before) as app:
        assert str(await app.reload(read(OUT + after))) == text
        assert str(await app.reload(read(OUT + after))) == "nothing changed"


@pytest.mark.usefixtures("without_announcing")
async def test_added_bridge_is_named_once(running: Running, read: Read) -> None:
    text = NAMED.replace("[bridge.in]", "[bridge.more]")
    async with running(IN) as app:
        assert str(await app.reload(read(IN + text))) == "added bridge.more"


@pytest.mark.parametrize("mode", ["asyncio", "forking"])
async def test_reload_from_whole_numbers_to_floats_changes_a_scale(
    mode: str, running: Running, read: Read, send: Send
) -> None:
    text = IN + f'mode = "{mode}"\n' + OUT + ROUTE + "scale = [0, 1, 0, {}]\n"
    async with running(text.format("10")) as app:
        found = app.endpoints["out"].endpoint.messages
        await send(app, "in", Message("/x", "f", (0.25,)))
        await until(lambda: len(found) == 1)
        assert str(await app.reload(read(text.format("10.0")))) == "1 route new or changed"
        await send(app, "in", Message("/x", "f", (0.25,)))
        await until(lambda: len(found) == 2)
    assert [(each.types, each.args) for each in found] == [("i", (3,)), ("f", (2.5,))]


async def test_reload_of_a_route_closes_no_connection(
    running: Running, read: Read, send: Send
) -> None:
    async with running(IN + OUT + ROUTE) as app:
        endpoint, address = app.endpoints["out"].endpoint, app.listeners["in"].address
        await send(app, "in", Message.of("/a", 1))
        await endpoint.arrived(1)
        changes = await app.reload(read(IN + OUT + ROUTE + 'send = "/b {0}"'))
        await send(app, "in", Message.of("/a", 2))
        await endpoint.arrived(2)
        assert [message.address for message in endpoint.messages] == ["/a", "/b"]
        assert endpoint.events == ["connect"]
        assert app.listeners["in"].address == address
        assert str(changes) == "1 route new or changed"


async def test_cached_address_uses_the_new_routes(running: Running, read: Read, send: Send) -> None:
    async with running(IN + OUT + ROUTE + 'match = "/a"') as app:
        await send(app, "in", Message.of("/a", 1), Message.of("/b", 1))
        await app.endpoints["out"].endpoint.arrived(1)
        await app.reload(read(IN + OUT + ROUTE + 'match = "/b"'))
        await send(app, "in", Message.of("/a", 2), Message.of("/b", 2))
        messages = await app.endpoints["out"].endpoint.arrived(2)
        assert [(m.address, m.args) for m in messages] == [("/a", (1,)), ("/b", (2,))]


async def test_unchanged_route_keeps_its_state_at_a_reload(
    running: Running, read: Read, send: Send
) -> None:
    text = IN + OUT + ROUTE + "on_change = true\n"
    async with running(text) as app:
        await send(app, "in", Message.of("/a", 1))
        await app.endpoints["out"].endpoint.arrived(1)
        await app.reload(read('[[route]]\nfrom="in"\nmatch="/b"\nto="out"\n' + text))
        await send(app, "in", Message.of("/a", 1), Message.of("/a", 2))
        await app.endpoints["out"].endpoint.arrived(2)
        assert numbers(app.endpoints["out"].endpoint) == [1, 2]


@pytest.mark.parametrize("step", ["debounce", "hold", "ramp"])
async def test_messages_wait_in_an_unchanged_route_during_a_reload(
    step: str, running: Running, read: Read, send: Send
) -> None:
    text = IN + OUT + ROUTE + f"{step} = 0.2\n"
    async with running(text) as app:
        await send(app, "in", Message.of("/a", 1), Message.of("/a", 2))
        await app.reload(read('[[route]]\nfrom="in"\nmatch="/b"\nto="out"\n' + text))
        expected = [1, 2, 2] if step == "ramp" else [2]
        await app.endpoints["out"].endpoint.arrived(len(expected))
        assert numbers(app.endpoints["out"].endpoint) == expected


async def test_counters_survive_a_reload(running: Running, read: Read, send: Send) -> None:
    async with running(IN + OUT + ROUTE) as app:
        await send(app, "in", Message.of("/a", 1))
        await app.endpoints["out"].endpoint.arrived(1)
        await app.reload(read(IN.replace("\n", "\nworkers = 5\n", 1) + OUT + ROUTE))
        await send(app, "in", Message.of("/a", 2))
        await app.endpoints["out"].endpoint.arrived(2)
        assert app.dispatchers["in"].statistics.messages == 2
        assert app.endpoints["out"].offered == 2


async def test_endpoint_can_accept_new_options_without_a_restart(
    running: Running, read: Read
) -> None:
    text = IN + '[endpoint.out]\ntype = "updatable"\n' + ROUTE
    read(text)  # registers the type
    async with running(text) as app:
        endpoint = app.endpoints["out"].endpoint
        changes = await app.reload(read(text.replace("updatable", 'updatable"\nlevel = 5 #')))
        assert app.endpoints["out"].endpoint is endpoint
        assert (endpoint.level, endpoint.options.level) == (5, 5)
        assert endpoint.events == ["connect"]
        assert str(changes) == "changed endpoint.out"


async def test_on_routes_changed_is_called_only_if_the_routes_changed(
    running: Running, read: Read
) -> None:
    text = IN + '[endpoint.out]\ntype = "updatable"\n' + ROUTE
    read(text)
    async with running(text) as app:
        endpoint = app.endpoints["out"].endpoint
        await app.reload(read(text + '[endpoint.more]\ntype = "collect"\n'))
        assert endpoint.events == ["connect"]
        await app.reload(read(text + 'match = "/x"'))
        assert endpoint.events == ["connect", "on_routes_changed"]


async def test_on_routes_changed_is_called_if_a_route_that_reads_from_it_changed(
    running: Running, read: Read
) -> None:
    text = IN + '[endpoint.out]\ntype = "updatable"\n[endpoint.seen]\ntype = "collect"\n' + ROUTE
    read(text)
    async with running(text) as app:
        endpoint = app.endpoints["out"].endpoint
        assert not endpoint.host.takes("/x/1")
        await app.reload(read(text + '[[route]]\nfrom = "out"\nmatch = "/x/*"\nto = "seen"\n'))
        assert endpoint.events == ["connect", "on_routes_changed"]
        assert endpoint.host.takes("/x/1")
        assert not endpoint.host.takes("/y")


# --- changed parts -------------------------------------------------------------------------------


async def test_endpoint_with_new_options_is_restarted(running: Running, read: Read) -> None:
    text = IN + '[endpoint.out]\ntype = "updatable"\n' + ROUTE
    read(text)
    async with running(text) as app:
        old = app.endpoints["out"].endpoint
        changes = await app.reload(read(text.replace("updatable", 'updatable"\nplace = "b" #')))
        new = app.endpoints["out"].endpoint
        assert new is not old
        assert old.events == ["connect", "close"]
        assert new.events == ["connect"]
        assert str(changes) == "restarted endpoint.out; 1 route new or changed"


async def test_queued_messages_are_delivered_before_an_endpoint_is_removed(
    running: Running, read: Read, send: Send
) -> None:
    async with running(IN + OUT + ROUTE) as app:
        old = app.endpoints["out"]
        for number in range(100):
            old.offer(Message.of("/a", number))
        await app.reload(read(IN))
        assert numbers(old.endpoint) == list(range(100))
        assert old.endpoint.events == ["connect", "close"]


async def test_reload_adds_and_removes_bridges(running: Running, read: Read, send: Send) -> None:
    port = free_port()
    fixed = f'[bridge.fixed]\nlisten = "udp://127.0.0.1:{port}"\n'
    async with running(fixed + OUT) as app:
        assert not can_bind(port)
        changes = await app.reload(read(IN + OUT + ROUTE))
        assert can_bind(port)
        await send(app, "in", Message.of("/a", 1))
        await app.endpoints["out"].endpoint.arrived(1)
        assert changes.added == ("bridge.in",)
        assert changes.removed == ("bridge.fixed",)
        assert set(app.listeners) == set(app.dispatchers) - {"out"} == {"in"}


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
async def test_reload_changes_the_mode_of_a_bridge_on_its_port(
    mode: str, running: Running, read: Read, send: Send
) -> None:
    port = free_port()
    text = f'[bridge.in]\nlisten = "udp://127.0.0.1:{port}"\n'
    async with running(text + OUT + ROUTE) as app:
        first = mode if mode != "asyncio" else "blocking"
        for number, each in enumerate((first, "asyncio"), 1):
            changes = await app.reload(read(f'{text}mode = "{each}"\n' + OUT + ROUTE))
            assert changes.problems == ()
            await send(app, "in", Message.of("/a", number))
            await app.endpoints["out"].endpoint.arrived(number)
        assert numbers(app.endpoints["out"].endpoint) == [1, 2]


async def test_two_bridges_swap_their_ports(running: Running, read: Read, send: Send) -> None:
    ports = [free_port(), free_port()]

    def text(one: int, other: int) -> str:
        bridges = "".join(
            f'[bridge.{name}]\nlisten = "udp://127.0.0.1:{port}"\n'
            for name, port in (("a", one), ("b", other))
        )
        return bridges + OUT + '[[route]]\nfrom = "a"\nto = "out"\n'

    async with running(text(*ports)) as app:
        changes = await app.reload(read(text(*reversed(ports))))
        assert changes.problems == ()
        assert app.listeners["a"].address.port == ports[1]
        await send(app, "a", Message.of("/a", 1))
        await app.endpoints["out"].endpoint.arrived(1)


async def test_reload_renames_a_bridge_on_its_port(running: Running, read: Read) -> None:
    port = free_port()
    text = '[bridge.{}]\nlisten = "tcp://127.0.0.1:{}"\n'
    async with running(text.format("old", port)) as app:
        changes = await app.reload(read(text.format("new", port)))
        assert changes.problems == ()
        assert app.listeners["new"].address.port == port


@pytest.mark.parametrize("mode", ["asyncio", "threading", "forking"])
async def test_bridge_gets_new_routes_on_its_socket_in_every_mode(
    mode: str, running: Running, read: Read, send: Send
) -> None:
    text = f'{IN}mode = "{mode}"\n' + OUT + ROUTE
    async with running(text) as app:
        address = app.listeners["in"].address
        await send(app, "in", Message.of("/a", 1))
        await app.endpoints["out"].endpoint.arrived(1)
        await app.reload(read(text + 'send = "/b {0}"'))
        assert app.listeners["in"].address == address
        await send(app, "in", Message.of("/a", 2))
        await app.endpoints["out"].endpoint.arrived(2)
        assert [m.address for m in app.endpoints["out"].endpoint.messages] == ["/a", "/b"]


class Away(Endpoint):
    async def connect(self) -> None:
        raise NotConnected("it is away")

    async def send(self, message: Message) -> None:
        pass


async def test_endpoint_that_cannot_connect_yet_is_named_and_retried(
    running: Running, read: Read, types: dict[str, type[Endpoint]]
) -> None:
    types["away"] = Away
    async with running(IN) as app:
        changes = await app.reload(read(IN + '[endpoint.out]\ntype = "away"\n' + ROUTE))
        assert changes.problems == ("endpoint.out: not connected: it is away; retrying",)
        app.endpoints["out"].offer(Message.of("/a"))
        assert app.endpoints["out"].queued == 1


# --- rejected reloads ----------------------------------------------------------------------------


async def test_reload_onto_an_occupied_port_is_rejected_and_changes_nothing(
    running: Running, read: Read, send: Send
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with running(IN + OUT + ROUTE) as app:
            before = app.configuration
            new = f'[bridge.b]\nlisten = "udp://127.0.0.1:{port}"\n' + IN
            with pytest.raises(OSCBridgeError, match=r"bridge\.b: .*address already in use"):
                await app.reload(read(new + '[endpoint.other]\ntype = "collect"\n'))
            assert app.configuration is before
            assert list(app.listeners) == ["in"]
            assert list(app.endpoints) == ["out"]
            await send(app, "in", Message.of("/a", 1))
            await app.endpoints["out"].endpoint.arrived(1)


async def test_endpoint_that_cannot_be_created_rejects_the_reload_and_undoes_updates(
    running: Running, read: Read
) -> None:
    text = '[endpoint.one]\ntype = "updatable"\nlevel = 1\n'
    read(text)
    async with running(text) as app:
        new = text.replace("1", "2") + '[endpoint.two]\ntype = "updatable"\nplace = "nowhere"\n'
        with pytest.raises(OSCBridgeError, match=r"endpoint\.two: .*unknown place"):
            await app.reload(read(new))
        endpoint = app.endpoints["one"].endpoint
        assert (endpoint.level, endpoint.options.level) == (1, 1)
        assert endpoint.events == ["connect"]


async def test_endpoint_can_reject_its_new_options(running: Running, read: Read) -> None:
    text = '[endpoint.one]\ntype = "updatable"\n'
    read(text)
    async with running(text) as app:
        with pytest.raises(OSCBridgeError, match=r"endpoint\.one: level: must be at least 0"):
            await app.reload(read(text + "level = -1\n"))
        assert app.endpoints["one"].connected


# --- concurrent reloads --------------------------------------------------------------------------


async def test_concurrent_reloads_run_one_after_the_other(running: Running, read: Read) -> None:
    texts = [IN + f'[endpoint.e{n}]\ntype = "collect"\n' for n in range(5)]
    async with running(IN) as app:
        await asyncio.gather(*(app.reload(read(text)) for text in texts))
        assert list(app.endpoints) == ["e4"]


class Slow(Endpoint):
    """Is slow to connect."""

    async def connect(self) -> None:
        await asyncio.sleep(30)

    async def send(self, message: Message) -> None:
        pass


async def test_stop_during_a_reload_closes_old_and_new_parts(
    make_app: Callable[..., App], read: Read, types: dict[str, type[Endpoint]]
) -> None:
    types["slow"] = Slow
    port = free_port()
    app = make_app(IN + OUT)
    await app.start()
    before = asyncio.all_tasks()
    old = app.endpoints["out"].endpoint
    text = f'[bridge.b]\nlisten = "udp://127.0.0.1:{port}"\n[endpoint.s]\ntype = "slow"\n'
    reloading = asyncio.create_task(app.reload(read(text)))
    while "s" not in app.endpoints or "close" not in old.events:
        await asyncio.sleep(0.001)
    began = time.monotonic()
    await app.stop()
    assert time.monotonic() - began < 2
    with pytest.raises(asyncio.CancelledError):
        await reloading
    assert can_bind(port)
    assert old.events == ["connect", "close"]
    assert asyncio.all_tasks() <= before


class Stuck(Endpoint, oscbridge.RouteAware):
    """Delivers nothing, and does not close in time."""

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.events: list[str] = []

    async def send(self, message: Message) -> None:
        self.events.append("send")
        await asyncio.sleep(30)

    async def close(self) -> None:
        self.events.append("close")

    def on_routes_changed(self) -> None:
        raise RuntimeError("no good")


STUCK = '[endpoint.s]\ntype = "stuck"\npolicy = "block"\nqueue = 1\n'


async def test_stop_while_a_reload_closes_an_endpoint_logs_the_lost_messages(
    make_app: Callable[..., App],
    read: Read,
    types: dict[str, type[Endpoint]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["stuck"] = Stuck
    app = make_app(IN + STUCK)
    await app.start()
    delivery = app.endpoints["s"]
    delivery.offer(Message.of("/x"))
    await until(lambda: delivery.endpoint.events == ["send"])
    reloading = asyncio.create_task(app.reload(read(IN)))
    await until(lambda: "s" not in app.endpoints)
    await app.stop()
    with pytest.raises(asyncio.CancelledError):
        await reloading
    assert delivery.endpoint.events == ["send", "close"]
    assert delivery.drops == {"stopped": 1}
    assert "1 message lost" in caplog.text


async def test_failing_on_routes_changed_blocks_nothing(
    running: Running, read: Read, types: dict[str, type[Endpoint]], caplog: pytest.LogCaptureFixture
) -> None:
    types["stuck"] = Stuck
    route = '[[route]]\nfrom = "in"\nto = "s"\n'
    async with running(IN + STUCK + route) as app:
        changes = await app.reload(read(IN + STUCK + route + 'match = "/x"'))
        assert str(changes) == "1 route new or changed"
    assert f"on_routes_changed failed: RuntimeError: no good ({__file__}:" in caplog.text


async def test_full_endpoint_without_routes_pauses_no_bridge(
    running: Running, read: Read, send: Send, types: dict[str, type[Endpoint]]
) -> None:
    types["stuck"] = Stuck
    text = IN + STUCK + OUT
    async with running(text + '[[route]]\nfrom = "in"\nto = ["s", "out"]\n') as app:
        await send(app, "in", *(Message.of("/a", n) for n in range(20)))
        await until(lambda: app.endpoints["s"].backpressure.is_active)
        await app.reload(read(text + ROUTE))
        assert app.endpoints["s"].backpressure.is_active
        out = app.endpoints["out"].endpoint
        await until(lambda: 19 in numbers(out))
        assert numbers(out) == list(range(20))


class Everything:
    """A plugin whose route sends everything to each endpoint that no route names."""

    def register_routes(self, routes: oscbridge.Routes, source: oscbridge.Source) -> None:
        for sink in source.sinks.values():
            if not sink.is_routed:
                routes.add("*", sink)


async def test_plugin_route_is_added_and_removed_with_the_routes_of_the_file(
    running: Running, read: Read, send: Send
) -> None:
    async with running(IN + OUT + ROUTE, Everything()) as app:
        for number, text in enumerate((IN + OUT, IN + OUT + ROUTE, IN + OUT)):
            await app.reload(read(text))
            await send(app, "in", Message.of("/a", number), Message.of("/b", number))
            await app.endpoints["out"].endpoint.arrived(2 * number + 2)
        assert numbers(app.endpoints["out"].endpoint) == [0, 0, 1, 1, 2, 2]


async def test_plugin_route_pauses_its_bridge_when_its_endpoint_is_full(
    running: Running, send: Send, types: dict[str, type[Endpoint]]
) -> None:
    types["stuck"] = Stuck
    async with running(IN + STUCK, Everything()) as app:
        await send(app, "in", *(Message.of("/a", n) for n in range(20)))
        await until(lambda: app.endpoints["s"].backpressure.is_active)
        assert not app.endpoints["s"].drops


class Knows(Endpoint, oscbridge.RouteAware):
    """Records the addresses of its routes."""

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.known: list[tuple[str, list[str | None]]] = []

    def _note(self, when: str) -> None:
        self.known.append((when, [route.address for route in self.routes]))

    async def connect(self) -> None:
        self._note("connect")

    async def send(self, message: Message) -> None:
        pass

    def on_routes_changed(self) -> None:
        self._note("on_routes_changed")


async def test_endpoint_knows_its_routes_before_connect_and_after_a_reload(
    running: Running, read: Read, types: dict[str, type[Endpoint]]
) -> None:
    types["knows"] = Knows
    text = IN + '[endpoint.out]\ntype = "knows"\n' + ROUTE
    async with running(text + 'match = "/a"') as app:
        endpoint: object = app.endpoints["out"].endpoint
        assert isinstance(endpoint, Knows)
        await app.reload(read(text + 'match = "/b"'))
        await app.reload(read(IN + '[endpoint.out]\ntype = "knows"\n'))
        assert endpoint.known == [
            ("connect", ["/a"]),
            ("on_routes_changed", ["/b"]),
            ("on_routes_changed", []),
        ]


class Late(Endpoint):
    """Fails to connect the first time."""

    tries: ClassVar[int] = 0

    async def connect(self) -> None:
        Late.tries += 1
        if Late.tries == 1:
            raise NotConnected("not there yet")


async def test_reload_retries_an_ignored_endpoint(
    running: Running, read: Read, types: dict[str, type[Endpoint]], monkeypatch: pytest.MonkeyPatch
) -> None:
    types["late"] = Late
    monkeypatch.setattr(Late, "tries", 0)
    text = IN + '[endpoint.late]\ntype = "late"\non_start = "ignore"\n'
    async with running(text) as app:
        assert not app.endpoints["late"].connected
        assert str(await app.reload(read(text))) == "restarted endpoint.late"
        assert app.endpoints["late"].connected
        assert str(await app.reload(read(text))) == "nothing changed"


async def test_reload_retries_a_bridge_that_could_not_listen(running: Running, read: Read) -> None:
    port = free_port()
    text = '[bridge.in]\nlisten = "tcp://{}:{}"\n'
    async with running(text.format("127.0.0.1", port)) as app:
        with socket.socket() as other:
            other.bind(("127.0.0.2", port))
            other.listen()
            changes = await app.reload(read(text.format("0.0.0.0", port)))
            (problem,) = changes.problems
            assert problem.startswith(f"bridge.in: tcp://0.0.0.0:{port}: address already in use")
            assert read_status(app).problems == (problem,)
        changes = await app.reload(read(text.format("0.0.0.0", port)))
        assert str(changes) == "restarted bridge.in"
        assert read_status(app).problems == ()


async def test_forking_bridge_reports_a_problem_until_it_has_its_new_routes(
    running: Running, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"moody_{os.getpid()}"
    module = tmp_path / f"{name}.py"
    module.write_text("def same(message):\n    return message\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = f'{IN}mode = "forking"\n' + OUT + ROUTE
    new = read(text + f'function = "{name}:same"')
    module.write_text("raise RuntimeError('not today')\n")
    async with running(text) as app:
        changes = await app.reload(new)
        (problem,) = changes.problems
        assert "not today" in problem
        assert read_status(app).problems == (problem,)
        module.write_text("def same(message):\n    return message\n")
        changes = await app.reload(new)
        assert changes.problems == read_status(app).problems == ()


async def test_rejected_reload_keeps_the_limits_of_a_bridge(running: Running, read: Read) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        other = f'[bridge.b]\nlisten = "udp://127.0.0.1:{taken.getsockname()[1]}"\n'
        async with running(IN) as app:
            dispatcher = app.dispatchers["in"]
            limits, bound = dispatcher.limits, dispatcher.scheduler.max_pending
            with pytest.raises(OSCBridgeError, match=r"bridge\.b"):
                await app.reload(read(IN + "limits = { max_depth = 2, max_pending = 7 }\n" + other))
            assert app.dispatchers["in"] is dispatcher
            assert (dispatcher.limits, dispatcher.scheduler.max_pending) == (limits, bound)


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading"])
async def test_scheduled_messages_run_after_their_bridge_became_a_forking_one(
    mode: str, running: Running, read: Read
) -> None:
    text = '[bridge.in]\nlisten = "udp://127.0.0.1:0"\nmode = "{}"\n' + OUT + ROUTE
    async with running(text.format(mode)) as app:
        await later(app, "in", 3.0)
        await app.reload(read(text.format("forking")))
        assert len(app.dispatchers["in"].scheduler) == 1
        await app.endpoints["out"].endpoint.arrived(1)
        assert app.dispatchers["in"].statistics.messages == 1


async def test_messages_lost_with_a_bridge_or_a_route_are_logged(
    running: Running, read: Read, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(IN + OUT + ROUTE + "delay = 60\n") as app:
        await later(app, "in", 9.0)
        await send(app, "in", Message.of("/held"))
        await until(lambda: app.dispatchers["in"].statistics.messages == 2)
        await app.reload(read(OUT))
    assert "bridge.in: 1 message lost: their time tags lie ahead" in caplog.text
    assert "route 1 (*): 1 message lost: still delayed" in caplog.text


async def later(app: App, bridge: str, seconds: float) -> None:
    """Send a message with a future time tag, and wait until it is held."""
    address = app.listeners[bridge].address
    packet = encode_bundle(
        [encode_message(Message.of("/later"))], TimeTag.from_unix(time.time() + seconds)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(packet, (address.host, address.port))
    await until(lambda: len(app.dispatchers[bridge].scheduler))


async def test_bridge_with_a_new_mode_finishes_with_its_old_routes(
    running: Running, read: Read
) -> None:
    text = IN + OUT + ROUTE
    async with running(text) as app:
        old = app.dispatchers["in"]
        await app.reload(read(text.replace("\n", '\nmode = "forking"\n', 1)))
        new = app.dispatchers["in"]
        assert new.statistics is old.statistics
        assert (old.is_mapped, new.is_mapped) == (True, False)


async def test_suppressed_log_lines_are_summarised_after_a_reload(
    running: Running, read: Read, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    text = IN + OUT + ROUTE + 'match = "/a"\nsend = "/b {3}"\n'
    async with running(text) as app:
        await send(app, "in", *[Message.of("/a", 1)] * 5)
        await until(lambda: app.routes[0].counts.failed.total() == 5)
        await app.reload(read('[[route]]\nfrom = "in"\nmatch = "/x"\nto = "out"\n' + text))
        app.flush_reports(everything=True)
    lines = [each for each in caplog.messages if "1 message lost" in each]
    assert len(lines) == 2
    assert "(4 more in " in lines[1]


async def test_reload_of_thousands_of_routes_is_fast(running: Running, read: Read) -> None:
    def text(word: str) -> str:
        routes = (f'[[route]]\nfrom="in"\nmatch="/{word}/{n}"\nto="out"\n' for n in range(3000))
        return IN + OUT + "".join(routes)

    new = read(text("new"))
    async with running(text("old")) as app:
        began = time.process_time()
        await app.reload(new)
        assert time.process_time() - began < 3  # comparing each with each takes half a minute


def paced(address: object, count: int, rate: float, done: threading.Event) -> None:
    """Send ``/a number`` and ``/other number`` at a steady rate."""
    with UDPClient(address.host, address.port) as client:
        began = time.perf_counter()
        for number in range(count):
            client.send(Message.of("/a" if number % 2 else "/other", number))
            wait = began + (number + 1) / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
    done.set()


@pytest.mark.load
@pytest.mark.parametrize(
    ("mode", "rate"), [("asyncio", 5000), ("blocking", 5000), ("threading", 5000), ("forking", 200)]
)
async def test_reloads_under_load_lose_no_message_of_unchanged_routes(
    mode: str, rate: int, running: Running, read: Read
) -> None:
    base = f'{IN}mode = "{mode}"\n' + OUT + '[endpoint.extra]\ntype = "collect"\n'
    base += '[[route]]\nfrom = "in"\nmatch = "/a"\nto = "out"\n'
    changing = '[[route]]\nfrom = "in"\nmatch = "/other"\nto = "extra"\nsend = "/v{}"\n'
    count = rate * 3
    async with running(base + changing.format(0)) as app:
        out, done = app.endpoints["out"].endpoint, threading.Event()
        thread = threading.Thread(
            target=paced, args=(app.listeners["in"].address, count, rate, done)
        )
        thread.start()
        version = 0
        while not done.is_set():
            version += 1
            await app.reload(read(base + changing.format(version)))
            await asyncio.sleep(0.2)
        thread.join()
        await out.arrived(count // 2, seconds=60.0)
        assert sorted(numbers(out)) == list(range(1, count, 2))
        assert out.events == ["connect"]
        assert version > 3
        assert not app.endpoints["out"].drops


class Stubborn(Endpoint, oscbridge.RouteAware):
    """Accepts no routes, once ``fails`` is set."""

    fails: ClassVar[bool] = False

    @property
    def routes(self) -> tuple[object, ...]:  # type: ignore[override]
        return ()

    @routes.setter
    def routes(self, routes: object) -> None:
        if self.fails:
            raise ValueError("no routes")

    async def send(self, message: Message) -> None:
        """Nothing."""


async def test_failing_property_of_an_endpoint_stops_no_reload(
    running: Running,
    read: Read,
    send: Send,
    types: dict[str, type[Endpoint]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    types["stubborn"] = Stubborn
    text = IN + '[endpoint.bad]\ntype = "stubborn"\n' + OUT + ROUTE
    async with running(text) as app:
        monkeypatch.setattr(Stubborn, "fails", True)
        changes = await app.reload(read(text + 'send = "/new"\n'))
        (problem,) = changes.problems
        assert problem.startswith("endpoint.bad: options and routes cannot be set: ValueError: no")
        found = app.endpoints["out"].endpoint.messages
        await send(app, "in", Message("/x"))
        await until(lambda: found)
        assert [each.address for each in found] == ["/new"]


async def test_endpoint_with_a_failing_property_is_broken(
    read: Read, types: dict[str, type[Endpoint]], monkeypatch: pytest.MonkeyPatch
) -> None:
    types["stubborn"] = Stubborn
    monkeypatch.setattr(Stubborn, "fails", True)
    configuration = read('[endpoint.bad]\ntype = "stubborn"\n' + OUT)
    with pytest.raises(OSCBridgeError, match=r"endpoint\.bad: .* ValueError: no routes \("):
        App(configuration, Plugins([]))
    assert list(App(configuration, Plugins([]), allow_broken=True).endpoints) == ["bad", "out"]

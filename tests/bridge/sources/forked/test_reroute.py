"""Forking listeners whose routes change, or that are watched, while they run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_bundle, encode_message
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.forked import worker_process
from oscbridge.bridge.sources.forked.ipc_protocol import ReceivedPacket
from oscbridge.bridge.sources.forked.mirror import TrafficMirror
from oscbridge.bridge.sources.forked.supervisor import ForkingListener
from oscbridge.bridge.sources.forked.worker_ipc import MirrorWriter
from oscbridge.bridge.sources.listener import listen
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import TimeTag
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import until
from tests.support.processes import children_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")

WAIT = 20.0


class Box:
    """A sink that records its messages."""

    name = type = "box"
    routed = True
    takes_route = False

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def offer(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def addresses(self) -> list[str]:
        return [message.address for message in self.messages]


def route(box: Box, **steps: Any) -> Route:
    return Route(RouteConfig(**steps), [box])


class ReachableListener:
    """A running forking listener, and sockets that send to it."""

    def __init__(self, listener: ForkingListener, dispatcher: Dispatcher) -> None:
        self.listener = listener
        self.dispatcher = dispatcher

    def connect(self) -> socket.socket:
        kind = socket.SOCK_DGRAM if self.listener.address.scheme == "udp" else socket.SOCK_STREAM
        sock = socket.socket(socket.AF_INET, kind)
        sock.connect((self.listener.address.host, self.listener.address.port))
        return sock

    def send(self, *packets: bytes) -> None:
        with self.connect() as sock:
            for packet in packets:
                sock.send(packet)


def bridge_options(scheme: str, mode: str, **options: Any) -> BridgeOptions:
    keys = {"listen": f"{scheme}://127.0.0.1:0", "mode": mode, **options}
    return BridgeOptions.model_validate(keys)


Start = Callable[..., AbstractAsyncContextManager[ReachableListener]]


@pytest.fixture
def running() -> Start:
    @asynccontextmanager
    async def run(*routes: Route, listen_on: str = "udp", **options: Any) -> AsyncIterator[Any]:
        dispatcher = Dispatcher(name="in")
        model = bridge_options(listen_on, "forking", **options)
        before = descriptors()
        listener = await listen("in", model, dispatcher, routes)
        assert isinstance(listener, ForkingListener)
        try:
            yield ReachableListener(listener, dispatcher)
        finally:
            await listener.stop()
        await until(lambda: descriptors() <= before)
        assert children_of(os.getpid()) == []

    return run


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A file, and a function that returns a message only once the file exists."""
    path, name = tmp_path / "gate", f"gate_{os.getpid()}_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(
        "import os, time\n"
        "def wait(message):\n"
        f"    while not os.path.exists({str(path)!r}):\n"
        "        time.sleep(0.01)\n"
        "    return message\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield path, f"{name}:wait"
    path.touch()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def osc(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


# --- new routes ----------------------------------------------------------------------------------


@pytest.mark.load
async def test_new_routes_lose_no_message(running: Start) -> None:
    box = Box()
    async with running(route(box, send="/old {*}")) as bridge:
        sent = 0

        async def sending() -> None:
            nonlocal sent
            with bridge.connect() as sock:
                while True:
                    sock.send(osc("/x", sent))
                    sent += 1
                    await asyncio.sleep(1 / 300)

        task = asyncio.create_task(sending())
        await until(lambda: len(box.messages) > 20)
        for number in range(3):
            await bridge.listener.reroute([route(box, send=f"/new{number} {{*}}")])
            after = sent
            await until(lambda: sent > after + 20)  # noqa: B023
        task.cancel()
        await until(lambda: len(box.messages) == sent)
        assert bridge.listener.drops == {}
    print(f"{sent} messages, 3 changes of routes, none lost")
    assert sorted(message.args[0] for message in box.messages) == list(range(sent))  # type: ignore[type-var]
    assert set(box.addresses) == {"/old", "/new0", "/new1", "/new2"}


async def test_messages_after_a_reroute_use_the_new_routes(running: Start) -> None:
    old, new = Box(), Box()
    async with running(route(old)) as bridge:
        bridge.send(osc("/x"))
        await until(lambda: old.messages)
        pid = bridge.listener.pid
        await bridge.listener.reroute([route(new, match="/y", send="/z")])
        assert bridge.listener.pid != pid
        assert bridge.listener.problem == ""
        bridge.send(osc("/x"), osc("/y"))
        await until(lambda: new.messages)
    assert (old.addresses, new.addresses) == (["/x"], ["/z"])


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_worker_and_connections_stay_if_only_the_targets_change(
    scheme: str, running: Start
) -> None:
    old, new = Box(), Box()
    async with running(route(old, match="/x"), listen_on=scheme) as bridge:
        with bridge.connect() as sock:
            packet = osc("/x") if scheme == "udp" else stream_encoder("1.1")(osc("/x"))
            sock.send(packet)
            await until(lambda: old.messages)
            pid = bridge.listener.pid
            await bridge.listener.reroute([route(new, match="/x")])
            assert bridge.listener.pid == pid
            sock.send(packet)
            await until(lambda: new.messages)
    assert old.addresses == ["/x"]


async def test_children_finish_with_the_old_routes(running: Start, gate: tuple[Path, str]) -> None:
    path, function = gate
    old, new = Box(), Box()
    async with running(route(old, match="/slow", function=function), workers=2) as bridge:
        first = bridge.listener.pid
        bridge.send(*[osc("/slow")] * 3)  # one more than there are workers
        await until(lambda: len(children_of(first)) == 2)
        rerouting = asyncio.create_task(bridge.listener.reroute([route(new)]))
        await until(lambda: bridge.listener.pid != first)
        bridge.send(osc("/new"))
        await until(lambda: new.messages)
        assert not rerouting.done()
        path.touch()
        await rerouting
        await until(lambda: len(old.messages) + len(new.messages) == 4)
        assert children_of(first) == []
        assert bridge.listener.drops == {}
    assert old.addresses[:2] == ["/slow"] * 2


async def test_scheduled_messages_of_a_replaced_worker_run_or_are_counted(
    running: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "FINISH_TIMEOUT", 1.0)
    old, new = Box(), Box()
    async with running(route(old)) as bridge:
        now = time.time_ns()
        for address, seconds in (("/soon", 0.8), ("/late", 9.5)):
            due = TimeTag.from_unix_ns(now + round(seconds * 1e9))
            bridge.send(encode_bundle([osc(address)], due))
        await until(lambda: bridge.dispatcher.statistics.messages == 2)
        await bridge.listener.reroute([route(new, match="/x")])
        await until(lambda: bridge.listener.drops == {"waiting": 1})
    assert (old.addresses, new.addresses) == (["/soon"], [])


async def test_children_that_do_not_finish_are_killed_and_counted(
    running: Start, gate: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "FINISH_TIMEOUT", 0.3)
    async with running(route(Box(), function=gate[1])) as bridge:
        first = bridge.listener.pid
        bridge.send(osc("/slow"))
        await until(lambda: children_of(first))
        began = time.monotonic()
        await bridge.listener.reroute([route(Box(), match="/x")])
        assert time.monotonic() - began < 5
        assert children_of(first) == []
        assert bridge.listener.drops == {"child": 1}


async def test_old_worker_keeps_running_if_the_new_one_cannot_start(
    running: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"elsewhere_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text(
        f"import os\nassert os.getpid() == {os.getpid()}, 'not here'\ndef f(message): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    old = Box()
    async with running(route(old)) as bridge:
        pid = bridge.listener.pid
        with pytest.raises(OSError, match="cannot be imported: AssertionError: not here"):
            await bridge.listener.reroute([route(Box(), function=f"{name}:f")])
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/bin/false")
            with pytest.raises(OSError, match="ended before it listened"):
                await bridge.listener.reroute([route(Box(), match="/x")])
        assert (bridge.listener.pid, bridge.listener.problem) == (pid, "")
        bridge.send(osc("/x"))
        await until(lambda: old.messages)
        os.kill(pid or 0, signal.SIGKILL)  # the worker is still supervised
        await until(lambda: bridge.listener.pid not in (pid, None))
        bridge.send(osc("/y"))
        await until(lambda: old.addresses == ["/x", "/y"])


async def test_worker_that_just_died_is_replaced_by_one_with_the_new_routes(
    running: Start,
) -> None:
    old, new = Box(), Box()
    async with running(route(old)) as bridge:
        os.kill(bridge.listener.pid or 0, signal.SIGKILL)
        bridge.send(osc("/x"))
        await bridge.listener.reroute([route(new, match="/x")])
        await until(lambda: new.messages)
        assert bridge.listener.problem == ""
    assert old.messages == []


async def test_connections_of_a_replaced_worker_end_and_clients_can_reconnect(
    running: Start,
) -> None:
    old, new = Box(), Box()
    packet = stream_encoder("1.1")(osc("/x"))
    loop = asyncio.get_running_loop()
    async with running(route(old), listen_on="tcp") as bridge:
        with bridge.connect() as sock:
            sock.send(packet)
            await until(lambda: old.messages)
            await bridge.listener.reroute([route(new, match="/x")])
            sock.setblocking(False)
            async with asyncio.timeout(WAIT):
                assert await loop.sock_recv(sock, 1) == b""
        with bridge.connect() as sock:
            sock.send(packet)
            await until(lambda: new.messages)


async def test_stop_during_a_reroute_ends_both_workers(
    running: Start, gate: tuple[Path, str]
) -> None:
    async with running(route(Box(), function=gate[1])) as bridge:
        first = bridge.listener.pid
        bridge.send(osc("/slow"))
        await until(lambda: children_of(first))
        rerouting = asyncio.create_task(bridge.listener.reroute([route(Box(), match="/x")]))
        await until(lambda: bridge.listener.pid != first)
        began = time.monotonic()
        await bridge.listener.stop()
        assert time.monotonic() - began < 2
        await asyncio.wait([rerouting], timeout=WAIT)
        assert rerouting.done()


async def test_stop_while_a_new_worker_starts_leaves_nothing_running(
    running: Start,
) -> None:
    async with running(route(Box())) as bridge:
        for _ in range(2):
            rerouting = asyncio.create_task(bridge.listener.reroute([route(Box(), match="/x")]))
            await until(lambda: rerouting.done() or len(children_of(os.getpid())) == 2)  # noqa: B023
            await bridge.listener.stop()
            with pytest.raises(OSError, match="the bridge has stopped"):
                await rerouting


# --- watching ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tcp+1.0"])
async def test_watcher_sees_packets_only_while_it_watches(scheme: str, running: Start) -> None:
    box, seen = Box(), Box()
    async with running(route(box), listen_on=scheme) as bridge:
        framing = bridge.listener.address.framing
        bridge.dispatcher.watch(seen.offer)
        with bridge.connect() as sock:

            async def send(address: str) -> None:
                packet = osc(address, 1)
                sock.send(stream_encoder(framing)(packet) if framing else packet)
                await until(lambda: address in box.addresses)

            await send("/before")
            bridge.listener.watch(True)
            bridge.listener.watch(True)
            await send("/while")
            await until(lambda: seen.messages)
            bridge.listener.watch(False)
            await send("/after")
            bridge.listener.watch(True)
            await send("/again")
            await until(lambda: len(seen.messages) == 2)
    assert seen.addresses == ["/while", "/again"]
    (message, _) = seen.messages
    assert message.args == (1,)
    assert message.origin is not None
    assert message.origin[:2][0] == "in"
    assert message.origin.peer[0] == "127.0.0.1"  # type: ignore[index]


async def test_new_worker_is_watched_too(running: Start) -> None:
    box, seen = Box(), Box()
    async with running(route(box)) as bridge:
        bridge.dispatcher.watch(seen.offer)
        bridge.listener.watch(True)
        await bridge.listener.reroute([route(box, match="/x")])
        bridge.send(osc("/x"))
        await until(lambda: seen.addresses == ["/x"])


async def test_mirror_writer_drops_packets_without_a_reader() -> None:
    shown: list[ReceivedPacket] = []
    mirror = TrafficMirror(shown.append)
    switch, far = map(os.dup, mirror.descriptors)
    sock = socket.socket(fileno=far)
    writer = MirrorWriter(switch, sock)
    mirror.watch(True)
    for _ in range(100):  # the loop does not run meanwhile: a write that waits would never return
        writer.write(bytes(40_000), ("127.0.0.1", 1))
    await until(lambda: shown)
    writer.write(b"last", ("127.0.0.1", 1))
    await until(lambda: shown[-1].data == b"last")
    assert 1 < len(shown) < 100
    mirror.close()
    sock.close()


async def test_watched_bridge_delivers_a_burst_of_large_packets(running: Start) -> None:
    box = Box()
    async with running(route(box)) as bridge:
        bridge.listener.watch(True)
        for part in range(4):
            for _ in range(20):
                bridge.send(osc("/x", bytes(40_000)))
            await until(lambda: len(box.messages) == 20 * (part + 1))  # noqa: B023
        assert bridge.listener.drops == {}


# --- processes and threads -----------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_listener_reports_its_children(
    scheme: str, running: Start, gate: tuple[Path, str]
) -> None:
    path, function = gate
    box = Box()
    async with running(route(box, function=function), listen_on=scheme) as bridge:
        listener = bridge.listener
        assert (listener.children, listener.connections, listener.threads) == (0, 0, 0)
        packet = osc("/x") if scheme == "udp" else stream_encoder("1.1")(osc("/x"))
        with bridge.connect() as one, bridge.connect() as two:
            one.send(packet)
            two.send(packet)
            await until(lambda: listener.children == 2)
            assert listener.connections == (0 if scheme == "udp" else 2)
            path.touch()
            await until(lambda: len(box.messages) == 2)
        await until(lambda: listener.children == listener.connections == 0)


@pytest.mark.parametrize(
    ("mode", "scheme", "idle", "busy"),
    [
        ("asyncio", "udp", 0, 0),
        ("asyncio", "tcp", 0, 0),
        ("blocking", "udp", 1, 1),
        ("blocking", "tcp", 1, 1),
        ("threading", "udp", 2, 3),  # one of them waits for the next packet
        ("threading", "tcp", 1, 2),
    ],
)
async def test_listener_reports_its_threads_and_connections(
    mode: str, scheme: str, idle: int, busy: int
) -> None:
    dispatcher = Dispatcher(name="in")
    called, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def handler(*_: object) -> None:
        loop.call_soon_threadsafe(called.set)
        if mode != "asyncio":
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    dispatcher.map("/x", handler)
    options = bridge_options(scheme, mode)
    listener = await listen("in", options, dispatcher, ())
    try:
        await until(lambda: listener.threads == idle)
        assert (listener.connections, listener.children) == (0, 0)
        kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.connect((listener.address.host, listener.address.port))
            sock.send(osc("/x") if scheme == "udp" else stream_encoder("1.1")(osc("/x")))
            async with asyncio.timeout(WAIT):
                await called.wait()
            assert listener.connections == (scheme == "tcp")
            await until(lambda: listener.threads == busy)
            release.set()
        await until(lambda: listener.connections == 0)
    finally:
        release.set()
        await listener.stop()
    assert listener.threads == 0


async def test_reroute_and_watch_do_nothing_in_other_modes() -> None:
    dispatcher = Dispatcher(name="in")
    listener = await listen("in", bridge_options("udp", "asyncio"), dispatcher, ())
    try:
        await listener.reroute([])
        listener.watch(True)
        listener.flush_reports(everything=True)
        assert listener.problem == ""
    finally:
        await listener.stop()

"""A forking bridge: its listener process, its children, and their link to the bridge process."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import oscbridge
from oscbridge import Delivery, Endpoint, Message, Options, OSCBridgeError
from oscbridge.bridge.app import App
from oscbridge.bridge.sources.forked import worker_process
from oscbridge.bridge.sources.forked.supervisor import ForkingListener
from oscbridge.osc.framing import stream_encoder
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import until
from tests.support.processes import children_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork")

WAIT = 20.0
Start = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]
Write = Callable[[str], str]

CONFIG = """
[bridge.in]
listen = "{listen}"
mode = "forking"
workers = {workers}
[endpoint.out]
type = "{type}"
[[route]]
from = "in"
to = "out"
"""


def config(
    *keys: str,
    listen: str = "udp://127.0.0.1:0",
    workers: int = 32,
    type: str = "collect",
) -> str:
    """A forking bridge with one route, which has these keys."""
    return "\n".join([CONFIG.format(listen=listen, workers=workers, type=type), *keys])


def listener(app: App) -> ForkingListener:
    found = app.listeners["in"]
    assert isinstance(found, ForkingListener)
    return found


def out(app: App) -> Any:
    return app.endpoints["out"].endpoint


def addresses(messages: list[Message]) -> list[str]:
    return [message.address for message in messages]


def is_sending(pid: int) -> bool:
    """Whether a process is blocked in the system call sendto."""
    try:
        number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except OSError:
        return False  # it has ended meanwhile
    return number == {"x86_64": "44", "aarch64": "206"}[platform.machine()]


def waits(pid: int | None) -> int:
    """Number of voluntary context switches; a worker has one per iteration of its loop."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(") ", 1)[1][0] not in "ZX"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Write:
    """Writes a module with functions for routes. Returns its name."""

    def write(text: str) -> str:
        name = f"functions_{abs(hash(request.node.nodeid))}"
        head = "import os, signal, sys, time\nfrom oscbridge import Message\n"
        (tmp_path / f"{name}.py").write_text(head + text)
        monkeypatch.syspath_prepend(tmp_path)
        return name

    return write


@pytest.fixture
def stuck(write: Write) -> str:
    """The key of a route whose function writes a file and never returns for "/stuck"."""
    name = write(
        "def stick(message):\n"
        "    while message.address == '/stuck':\n"
        "        open(f'{__file__}.{os.getpid()}.stuck', 'w').close()\n"
        "        time.sleep(60)\n"
        "    return message\n"
    )
    return f'function = "{name}:stick"'


class Marking:
    """A function for a route that writes a file for each message."""

    def __init__(self, write: Write, folder: Path) -> None:
        name = write(
            "def mark(message):\n"
            "    open(f'{__file__}.{os.getpid()}.mark', 'w').close()\n"
            "    return message\n"
        )
        self.key = f'function = "{name}:mark"'
        self._folder = folder

    def count(self) -> int:
        """Number of messages that the function has seen."""
        return len(list(self._folder.glob("*.mark")))


@pytest.fixture
def marking(write: Write, tmp_path: Path) -> Marking:
    return Marking(write, tmp_path)


class Stream:
    """A TCP client of a bridge."""

    def __init__(self, app: App) -> None:
        address = app.listeners["in"].address
        self._encode = stream_encoder(address.framing)
        self.socket = socket.create_connection((address.host, address.port))

    def send(self, *messages: Message) -> None:
        for message in messages:
            self.socket.sendall(self._encode(oscbridge.encode_message(message)))

    async def ended(self) -> bool:
        self.socket.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            return await loop.sock_recv(self.socket, 1) == b""

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


# --- delivered messages --------------------------------------------------------------------------


async def test_message_keeps_its_types_and_its_origin(running: Start, send: Send) -> None:
    async with running(config()) as app:
        await send(app, "in", Message.of("/x", 1, 1.0, "s", b"b", True, None, types="hdSbTN"))
        (message,) = await out(app).arrived(1)
    assert message[:3] == ("/x", "hdSbTN", (1, 1.0, "s", b"b", True, None))
    assert message.origin is not None
    assert message.origin.source == "in"
    assert message.origin.peer[0] == "127.0.0.1"  # type: ignore[index]


class CapturingRoute(Options):
    channel: int = 1


class Capturing(Endpoint[Options, Delivery[CapturingRoute]]):
    """Records the captures of the match."""

    def __init__(self, name: str, options: Options) -> None:
        super().__init__(name, options)
        self.deliveries: asyncio.Queue[Delivery[CapturingRoute]] = asyncio.Queue()

    async def send(self, delivery: Delivery[CapturingRoute]) -> None:
        self.deliveries.put_nowait(delivery)


async def test_captures_and_the_options_of_the_route_reach_the_endpoint(
    running: Start, send: Send, types: dict[str, type[Endpoint]]
) -> None:
    types["capturing"] = Capturing
    text = config('match = "/{page}/fader{n}"', "capturing = { channel = 7 }", type="capturing")
    async with running(text) as app:
        await send(app, "in", Message.of("/one/fader12", 0.5))
        async with asyncio.timeout(WAIT):
            delivery = await out(app).deliveries.get()
    assert delivery.captures == {"page": "one", "n": "12"}
    assert delivery.options == CapturingRoute(channel=7)


async def test_stateful_steps_work_in_a_forking_bridge(running: Start, send: Send) -> None:
    async with running(config("on_change = true", listen="tcp://127.0.0.1:0")) as app:
        with Stream(app) as stream:
            stream.send(*(Message.of("/x", n) for n in (1, 1, 2, 2, 1)))
            messages = await out(app).arrived(3)
    assert [message.args for message in messages] == [(1,), (2,), (1,)]


class Everything:
    """A plugin that forwards everything under another address."""

    @oscbridge.hookimpl
    def oscbridge_register_routes(self, routes: oscbridge.Routes, source: oscbridge.Source) -> None:
        routes.add("*", source.sinks["out"], function=lambda m: m._replace(address="/by/plugin"))


EVERYTHING = Everything()


async def test_routes_of_plugins_run_alongside_those_of_the_configuration(
    running: Start, send: Send
) -> None:
    plugins = Plugins([EntryPoint("everything", f"{__name__}:EVERYTHING", "oscbridge")])
    async with running(config(), plugins) as app:
        await send(app, "in", Message.of("/x", 1))
        messages = await out(app).arrived(2)
        statistics = app.dispatchers["in"].statistics
        await until(lambda: statistics.packets)
        assert statistics.messages == 1
    assert sorted(addresses(messages)) == ["/by/plugin", "/x"]


async def test_function_in_a_worker_has_the_same_module_path(
    running: Start, send: Send, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write("def where(message):\n    return Message.of('/path', *sys.path)\n")
    async with running(config(f'function = "{name}:where"')) as app:
        path = tuple(sys.path)
        monkeypatch.syspath_prepend("/elsewhere")
        await send(app, "in", Message.of("/x"))
        (message,) = await out(app).arrived(1)
    assert message.args == path


async def test_user_modules_do_not_shadow_modules_of_the_worker(
    running: Start, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "socket", "signal", "selectors", "ctypes", "struct", "enum"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    async with running(config()) as app:
        await send(app, "in", Message.of("/x"))
        await out(app).arrived(1)


async def test_worker_finds_a_function_from_the_working_directory(
    running: Start, send: Send, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"here_{os.getpid()}"
    (tmp_path / f"{name}.py").write_text("def same(message):\n    return message\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    async with running(config(f'function = "{name}:same"')) as app:
        await send(app, "in", Message.of("/x"))
        await out(app).arrived(1)


async def test_worker_accepts_very_many_routes(running: Start, send: Send) -> None:
    long = "x" * 3_000
    routes = [
        f'[[route]]\nfrom = "in"\nto = "out"\nmatch = "/{long}/{number}"\n' for number in range(300)
    ]
    routes.append('[[route]]\nfrom = "in"\nto = "out"\nmatch = "/x"\nsend = "/last"')
    async with running(config('match = "/none"', *routes)) as app:
        await send(app, "in", Message.of("/x"))
        assert addresses(await out(app).arrived(1)) == ["/last"]


# --- harmful functions ---------------------------------------------------------------------------


HARM = {
    "exits": "os._exit(1)",
    "raises": "raise ValueError('no')",
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "ends the program": "sys.exit(1)",
}


@pytest.mark.parametrize("harm", HARM)
async def test_harmful_function_loses_only_its_message(
    harm: str, running: Start, send: Send, write: Write
) -> None:
    name = write(
        "def harm(message):\n"
        "    if message.args == (5,):\n"
        f"        {HARM[harm]}\n"
        "    return message\n"
    )
    async with running(config(f'function = "{name}:harm"')) as app:
        bridge = listener(app)
        pid = bridge.pid
        await send(app, "in", *(Message.of("/x", n) for n in range(10)))
        messages = await out(app).arrived(9)
        failed = app.routes[0].counts.failed
        await until(lambda: bridge.drops or failed)
        assert (bridge.pid, bridge.problem) == (pid, "")
    assert sorted(str(message.args) for message in messages) == [
        f"({n},)" for n in range(10) if n != 5
    ]
    if harm in ("raises", "ends the program"):
        assert (bridge.drops, failed) == ({}, {"function": 1})
    else:
        assert (bridge.drops, failed) == ({"child": 1}, {})


async def test_errors_of_a_function_are_logged_at_a_limited_rate(
    running: Start, send: Send, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    name = write("def harm(message):\n    raise ValueError('no good')\n")
    async with running(config(f'function = "{name}:harm"')) as app:
        await send(app, "in", *[Message.of("/x")] * 20)
        await until(lambda: app.routes[0].counts.failed["function"] == 20)
    record, summary = caplog.records
    text = record.getMessage()
    assert text.startswith(
        f"route 1 (*): 1 message lost: {name}:harm failed: ValueError: no good ("
    )
    assert text.endswith(f"{name}.py:4)")
    assert summary.getMessage().startswith(f"{text} (19 more in ")
    assert f'{name}.py", line 4, in harm' in record.detail  # type: ignore[attr-defined]
    assert record.levelname == "ERROR"


async def test_killed_child_ends_only_its_own_connection(running: Start, write: Write) -> None:
    name = write(
        "def harm(message):\n"
        "    if message.address == '/kill':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return message\n"
    )
    text = config(f'function = "{name}:harm"', listen="tcp://127.0.0.1:0")
    async with running(text) as app:
        with Stream(app) as one, Stream(app) as two:
            two.send(Message.of("/before"))
            await out(app).arrived(1)
            one.send(Message.of("/kill"))
            assert await one.ended()
            two.send(Message.of("/after"))
            assert addresses(await out(app).arrived(2)) == ["/before", "/after"]
            await until(lambda: listener(app).drops["child"] == 1)


@pytest.mark.parametrize("workers", [1, 3])
async def test_workers_limits_the_children(
    workers: int, running: Start, send: Send, write: Write, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    name = write(
        "def wait(message):\n"
        f"    while not os.path.exists({str(gate)!r}):\n"
        "        time.sleep(0.01)\n"
        "    return message\n"
    )
    async with running(config(f'function = "{name}:wait"', workers=workers)) as app:
        pid = listener(app).pid
        await send(app, "in", *(Message.of("/x", n) for n in range(8)))
        await until(lambda: len(children_of(pid)) == workers)
        for _ in range(20):
            assert len(children_of(pid)) == workers
            await asyncio.sleep(0.005)
        gate.touch()
        await out(app).arrived(8)


async def test_workers_limits_the_connections(running: Start) -> None:
    async with running(config(listen="tcp://127.0.0.1:0", workers=2)) as app:
        with Stream(app) as one, Stream(app) as two:
            for stream in (one, two):
                stream.send(Message.of("/x"))
            await out(app).arrived(2)
            with Stream(app) as three:
                assert await three.ended()
        await until(lambda: app.dispatchers["in"].statistics.closed["max_connections"] == 1)


# --- counters ------------------------------------------------------------------------------------


async def test_drops_of_children_are_counted_in_the_bridge_process(
    running: Start, send: Send
) -> None:
    async with running(config('send = "/y {1}"', 'match = "/x"')) as app:
        await send(app, "in", Message.of("/x", 1), Message.of("/x", 1, 2), Message.of("/x"))
        await out(app).arrived(1)
        await until(lambda: app.routes[0].counts.failed["arguments"] == 2)


async def test_message_that_is_too_large_for_a_record_is_dropped_and_counted(
    running: Start, send: Send, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    name = write(
        "def enlarge(message):\n"
        "    (size,) = message.args\n"
        "    return Message.of('/large', bytes(size))\n"
    )
    async with running(config(f'function = "{name}:enlarge"')) as app:
        for size in (200_000, 5_000_000):
            await send(app, "in", Message.of("/x", size))
        await until(lambda: app.routes[0].stateful.counts.failed["oversize"] == 2)
        await send(app, "in", Message.of("/x", 100_000))
        (message,) = await out(app).arrived(1)
    assert message.args == (bytes(100_000),)
    assert (
        "route 1 (*): 1 message lost: the message that a route made is larger than 131072 bytes"
        in caplog.text
    )


async def test_garbage_from_a_child_is_counted_and_harmless(
    running: Start, send: Send, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    name = write(
        "import socket\n"
        "from oscbridge.bridge.sources.forked.child_counts import ChildHeader\n"
        "from oscbridge.bridge.sources.forked.ipc_protocol import *\n"
        "from oscbridge.osc import encode_values\n"
        "ALL = [b'rubbish', b'/x\\0\\0', bytes(1000), WorkerReady().encode(),\n"
        "    Emission(9, Message('/x'), {}).encode(), Emission(-2, Message('/x'), {}).encode(),\n"
        "    CountsRecord({'unknown': 1}).encode(), encode_values('/dropped', [1, 2])]\n"
        "def is_link(fd):\n"
        "    try:\n"
        "        found = socket.socket(fileno=fd)\n"
        "    except OSError:\n"
        "        return False\n"
        "    kind = (found.family, found.type)\n"
        "    found.detach()\n"
        "    return kind == (socket.AF_UNIX, SOCKET_TYPE)\n"
        "def spoil(message):\n"
        "    for fd in [fd for fd in range(3, 100) if is_link(fd)]:\n"
        "        link = socket.socket(fileno=os.dup(fd))\n"
        "        for each in ALL:\n"
        "            link.send(ChildHeader().encode() + each)\n"
        "        link.send(b'short')\n"
        "    return message\n"
    )
    async with running(config(f'function = "{name}:spoil"')) as app:
        await send(app, "in", Message.of("/x"))
        await out(app).arrived(1)
        address = listener(app).address
        assert app.dispatchers["in"].statistics.bad == {"record": 7}
        await send(app, "in", Message.of("/x"))
        await out(app).arrived(2)
        assert listener(app).address == address
    assert "1 message lost: " in caplog.text


async def test_counts_of_an_open_connection_are_reported(running: Start) -> None:
    async with running(config('match = "/x"', listen="tcp+1.0://127.0.0.1:0")) as app:
        statistics = app.dispatchers["in"].statistics
        with Stream(app) as stream:
            stream.send(Message.of("/x"), Message.of("/nobody"))
            await until(lambda: (statistics.messages, statistics.unmatched) == (2, 1))
            stream.socket.sendall(b"\0\0\0\x04none")
            await until(lambda: statistics.bad.total() == 1)


# --- backpressure from the bridge process --------------------------------------------------------


async def test_children_wait_while_the_bridge_does_not_read(
    running: Start, send: Send, write: Write
) -> None:
    name = write("def enlarge(message):\n    return message._replace(types='ib',\n"
                 "        args=(*message.args, bytes(100_000)))\n")  # fmt: skip
    async with running(config(f'function = "{name}:enlarge"', workers=4)) as app:
        bridge = listener(app)
        bridge.pause(True)
        await send(app, "in", *(Message.of("/x", n) for n in range(100)))
        await until(lambda: sum(map(is_sending, children_of(bridge.pid))) == 4)
        assert out(app).messages == []
        bridge.pause(False)
        messages = await out(app).arrived(100)
    assert sorted(str(message.args[0]) for message in messages) == sorted(map(str, range(100)))
    assert bridge.drops == {}


async def test_new_worker_of_a_paused_bridge_is_paused(
    running: Start, send: Send, marking: Marking
) -> None:
    async with running(config(marking.key)) as app:
        bridge = listener(app)
        bridge.pause(True)
        os.kill(bridge.pid or 0, signal.SIGKILL)
        await until(lambda: bridge.problem)
        await until(lambda: not bridge.problem)
        await send(app, "in", Message.of("/x"))
        await until(lambda: marking.count() == 1 and not children_of(bridge.pid))
        assert out(app).messages == []
        bridge.pause(False)
        await out(app).arrived(1)


async def test_accepted_messages_are_delivered_at_a_stop(
    running: Start, send: Send, write: Write, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    name = write(
        "def wait(message):\n"
        f"    while not os.path.exists({str(gate)!r}):\n"
        "        time.sleep(0.01)\n"
        "    return message\n"
    )
    async with running(config(f'function = "{name}:wait"')) as app:
        pid = listener(app).pid
        await send(app, "in", *(Message.of("/x", n) for n in range(10)))
        await until(lambda: len(children_of(pid)) == 10)
        gate.touch()
    assert len(out(app).messages) == 10


@pytest.mark.load
async def test_children_killed_while_sending_leave_whole_records(
    running: Start, send: Send, write: Write
) -> None:
    name = write(
        "import random\n"
        "def flood(message):\n"
        "    if not message.args:\n"
        "        return message\n"
        "    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.02))\n"
        "    return flooding()\n"
        "def flooding():\n"
        "    for n in range(1_000):\n"
        "        yield Message.of('/x', n, bytes([n % 256]) * 3000)\n"
    )
    async with running(config(f'function = "{name}:flood"', workers=8)) as app:
        bridge, counts = listener(app), app.dispatchers["in"].statistics
        await send(app, "in", *(Message.of("/x", n) for n in range(150)))
        await until(lambda: counts.routed + bridge.drops["child"] == 150)
        await until(lambda: not children_of(bridge.pid))
        await send(app, "in", Message.of("/last"))
        await until(lambda: out(app).messages and out(app).messages[-1].address == "/last")
        messages = out(app).messages[:-1]
    print(f"{len(messages)} whole records of 150 children that were killed")
    assert messages
    for message in messages:
        number, data = message.args
        assert data == bytes([number % 256]) * 3000
    # A message of which one record has left its child is not lost.
    assert counts.routed + bridge.drops["child"] == 151
    assert set(bridge.drops) <= {"child"}


# --- the listener process dies -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_killed_worker_is_replaced_on_its_port(
    scheme: str, running: Start, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def deliver(count: int) -> None:
        if scheme == "tcp":
            with Stream(app) as stream:
                stream.send(Message.of("/x"))
                await out(app).arrived(count)
        else:
            await send(app, "in", Message.of("/x"))
            await out(app).arrived(count)

    async with running(config(listen=f"{scheme}://127.0.0.1:0")) as app:
        bridge = listener(app)
        address, pid = bridge.address, bridge.pid or 0
        await deliver(1)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: bridge.problem)
        assert bridge.problem == "its worker was killed by SIGKILL"
        await until(lambda: not bridge.problem)
        assert bridge.address == address
        assert bridge.pid != pid
        await deliver(2)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "bridge.in: its worker was killed by SIGKILL; starting another",
        f"bridge.in: listening again on {address}",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_stuck_children_end_with_their_worker(
    scheme: str, running: Start, send: Send, stuck: str
) -> None:
    async with running(config(stuck, listen=f"{scheme}://127.0.0.1:0")) as app:
        bridge = listener(app)
        if scheme == "udp":
            await send(app, "in", Message.of("/stuck"))
        else:
            stream = Stream(app)
            stream.send(Message.of("/stuck"))
        pid = bridge.pid or 0
        await until(lambda: children_of(pid))
        (child,) = children_of(pid)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: bridge.problem)
        await until(lambda: not bridge.problem, 5)
        assert not runs(child)
        if scheme == "tcp":
            stream.socket.close()


async def test_records_sent_before_the_worker_died_are_delivered(
    running: Start, send: Send, marking: Marking
) -> None:
    async with running(config(marking.key)) as app:
        bridge = listener(app)
        bridge.pause(True)
        await send(app, "in", *(Message.of("/x", n) for n in range(10)))
        statistics = app.dispatchers["in"].statistics
        await until(lambda: marking.count() == 10 and not children_of(bridge.pid))
        before = waits(bridge.pid)
        await until(lambda: waits(bridge.pid) > before + 5)  # by then it has sent its counts
        os.kill(bridge.pid or 0, signal.SIGKILL)
        assert len(await out(app).arrived(10)) == 10
        await until(lambda: not bridge.problem)
        assert statistics.messages == 10


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_packets_wait_while_there_is_no_worker(
    scheme: str, running: Start, send: Send
) -> None:
    async with running(config(listen=f"{scheme}://127.0.0.1:0")) as app:
        bridge = listener(app)
        os.kill(bridge.pid or 0, signal.SIGKILL)
        await until(lambda: bridge.problem)
        if scheme == "udp":
            await send(app, "in", *(Message.of("/x", n) for n in range(50)))
            await out(app).arrived(50)
        else:
            with Stream(app) as stream:
                stream.send(*(Message.of("/x", n) for n in range(50)))
                await out(app).arrived(50)
        assert bridge.problem == ""


async def test_port_stays_occupied_without_a_worker(running: Start) -> None:
    async with running(config()) as app:
        bridge = listener(app)
        os.kill(bridge.pid or 0, signal.SIGKILL)
        await until(lambda: bridge.problem)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError):
            other.bind((bridge.address.host, bridge.address.port))
        await until(lambda: not bridge.problem)


async def test_listener_can_be_stopped_while_its_worker_is_replaced(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(config())
    await app.start()
    bridge = listener(app)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    os.kill(bridge.pid or 0, signal.SIGKILL)
    await until(lambda: "ended before it listened" in bridge.problem)
    await app.stop()
    assert children_of(os.getpid()) == []


# --- a listener process that does not start ------------------------------------------------------


@contextmanager
def program(tmp_path: Path, text: str) -> Iterator[str]:
    """A program that replaces the interpreter."""
    file = tmp_path / "program"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    yield str(file)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("exit 3", "the worker ended before it listened"),
        ("exec sleep 60", "the worker did not answer within 0.3 s"),
        (None, "No such file or directory"),
    ],
)
async def test_worker_that_does_not_start_is_one_clear_error(
    does: str | None,
    says: str,
    make_app: Callable[..., App],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "within 0.3 s" in says:
        monkeypatch.setattr(worker_process, "START_TIMEOUT", 0.3)
    monkeypatch.setattr(worker_process, "STOP_TIMEOUT", 0.1)
    app = make_app(config())
    before = descriptors()
    with program(tmp_path, does or "") as path:
        monkeypatch.setattr(sys, "executable", path if does else str(tmp_path / "none"))
        with pytest.raises(OSCBridgeError) as caught:
            await app.start()
    assert str(caught.value) == f"bridge.in: udp://127.0.0.1:0: {says}"
    assert children_of(os.getpid()) == []
    await until(lambda: descriptors() <= before)


async def test_module_that_fails_only_in_the_worker_is_named(
    make_app: Callable[..., App], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_PROCESS", str(os.getpid()))
    name = write(
        "if os.environ['BRIDGE_PROCESS'] != str(os.getpid()):\n"
        "    raise RuntimeError('not here')\n"
        "def same(message):\n    return message\n"
    )
    app = make_app(config(f'function = "{name}:same"'))
    with pytest.raises(OSCBridgeError) as caught:
        await app.start()
    assert str(caught.value).startswith(
        f"bridge.in: udp://127.0.0.1:0: {name!r} cannot be imported: RuntimeError: not here ("
    )


async def test_cancelled_start_leaves_nothing_open(
    make_app: Callable[..., App], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = descriptors()
    stages: list[Callable[[], object]] = [
        lambda: True,
        lambda: descriptors() > before,
        lambda: children_of(os.getpid()),
        lambda: app.listeners,
    ]
    for reached in stages:
        app = make_app(config())
        starting = asyncio.create_task(app.start())
        await until(reached)
        starting.cancel()
        await asyncio.wait([starting])
        if not starting.cancelled():
            await app.stop()
        assert children_of(os.getpid()) == []
    await until(lambda: descriptors() <= before)


# --- stop and restart ----------------------------------------------------------------------------


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_start_and_stop_leave_nothing_open(
    scheme: str, make_app: Callable[..., App], send: Send
) -> None:
    async def once() -> None:
        app = make_app(config(listen=f"{scheme}://127.0.0.1:0"))
        await app.start()
        if scheme == "tcp":
            with Stream(app) as stream:
                stream.send(Message.of("/x"))
                await out(app).arrived(1)
        else:
            await send(app, "in", Message.of("/x"))
            await out(app).arrived(1)
        await app.stop()

    await once()
    before, threads = descriptors(), threading.active_count()
    for _ in range(3):
        await once()
        assert children_of(os.getpid()) == []
    await until(lambda: descriptors() <= before and threading.active_count() <= threads)


async def test_bridge_restarts_at_once_on_its_port(
    make_app: Callable[..., App], send: Send
) -> None:
    app = make_app(config())
    await app.start()
    address = listener(app).address
    await app.stop()
    for _ in range(3):
        app = make_app(config(listen=str(address)))
        await app.start()
        assert listener(app).address == address
        await send(app, "in", Message.of("/x"))
        await out(app).arrived(1)
        await app.stop()


async def test_idle_connection_does_not_delay_a_stop(
    make_app: Callable[..., App],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_process, "STOP_TIMEOUT", 30.0)  # it is not killed instead
    app = make_app(config(listen="tcp://127.0.0.1:0"))
    await app.start()
    with Stream(app) as stream:
        stream.send(Message.of("/x"))
        await out(app).arrived(1)
        began = time.monotonic()
        await app.stop()
        assert time.monotonic() - began < 10
        assert await stream.ended()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
async def test_stuck_children_do_not_delay_a_stop(
    scheme: str, make_app: Callable[..., App], send: Send, stuck: str, tmp_path: Path
) -> None:
    app = make_app(config(stuck, listen=f"{scheme}://127.0.0.1:0", workers=2))
    await app.start()
    bridge = listener(app)
    streams = [Stream(app), Stream(app)] if scheme == "tcp" else []
    for stream in streams:
        stream.send(Message.of("/stuck"))
    if scheme == "udp":
        await send(app, "in", *[Message.of("/stuck")] * 5)
    await until(lambda: len(list(tmp_path.glob("*.stuck"))) == 2)
    left = children_of(bridge.pid)
    began = time.monotonic()
    await app.stop()
    took = time.monotonic() - began
    for stream in streams:
        stream.socket.close()
    assert took < 2
    assert not any(map(runs, left))
    assert bridge.drops["child"] == 2


async def test_children_that_ignore_signals_are_killed(
    make_app: Callable[..., App], send: Send, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    name = write(
        "def stick(message):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    while True:\n"
        "        time.sleep(60)\n"
    )
    app = make_app(config(f'function = "{name}:stick"'))
    await app.start()
    pid = listener(app).pid
    await send(app, "in", Message.of("/x"))
    await until(lambda: children_of(pid))
    (child,) = children_of(pid)
    began = time.monotonic()
    await app.stop()
    assert time.monotonic() - began < 2
    await until(lambda: not runs(child), 2)
    assert "bridge.in: handlers did not return in time" in caplog.text

"""The control socket of a running system, and its clients."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from stopwatch import Stopwatch

from oscbridge import ConfigurationError, Endpoint, Message, OSCBridgeError, decode_packet
from oscbridge.bridge.app import App, AppWatcher
from oscbridge.bridge.config.config import parse
from oscbridge.bridge.reload import Changes
from oscbridge.bridge.routes.pairing import RouteChanges
from oscbridge.monitoring import (
    control_client,
    control_requests,
    control_server,
    control_socket,
    runtime_dir,
    traffic,
)
from oscbridge.monitoring.control_client import RunningProcess, ask, choose, processes, reload, tap
from oscbridge.monitoring.control_server import ControlServer
from oscbridge.monitoring.operations import Operations
from oscbridge.monitoring.snapshots import Snapshot, snapshots
from oscbridge.testing import until
from oscbridge.udp_client import UDPClient

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.mixer]
type = "collect"
[[route]]
from = "stage"
to = "mixer"
"""
NOTHING = Changes((), (), (), (), RouteChanges(), ())

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system has no Unix sockets")


class ControlledApp:
    """A running app with its control socket."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.watched: list[bool] = []
        """Whether it was watched, each time that this was changed."""
        self.changes: Changes | OSCBridgeError = NOTHING
        self.control = ControlServer(Operations(self.app, self.reload, "show.toml"))
        watch = self.app.watch

        def record(watcher: AppWatcher | None) -> None:
            self.watched.append(watcher is not None)
            watch(watcher)

        self.app.watch = record  # type: ignore[method-assign]

    async def reload(self) -> Changes:
        if isinstance(self.changes, OSCBridgeError):
            raise self.changes
        return self.changes

    @property
    def path(self) -> Path:
        assert self.control.path is not None
        return self.control.path

    def send(self, *messages: Message) -> None:
        address = self.app.listeners["stage"].address
        with UDPClient(address.host, address.port) as client:
            for message in messages:
                client.send(message)

    async def raw(self, data: bytes) -> list[dict[str, object]]:
        """All that is answered to these bytes."""
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_unix_connection(str(self.path))
            writer.write(data)
            answer = await reader.read()
            writer.close()
        return [json.loads(line) for line in answer.splitlines()]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path, as sockets require."""
    with TemporaryDirectory(prefix="osc") as path:
        folder = Path(path, "run")
        monkeypatch.setenv(runtime_dir.VARIABLE, str(folder))
        yield folder


Controlled = Callable[[], AbstractAsyncContextManager[ControlledApp]]


@pytest.fixture
def controlled(running: Callable[..., AbstractAsyncContextManager[App]]) -> Controlled:
    """Runs an app with its control socket."""

    @asynccontextmanager
    async def run() -> AsyncIterator[ControlledApp]:
        async with running(CONFIGURATION) as app:
            system = ControlledApp(app)
            await system.control.start()
            try:
                yield system
            finally:
                await system.control.stop()

    return run


@pytest.fixture
async def system(folder: Path, controlled: Controlled) -> AsyncIterator[ControlledApp]:
    async with controlled() as system:
        yield system


# --- the socket ------------------------------------------------------------------------------


async def test_socket_is_reachable_by_its_user_only(system: ControlledApp, folder: Path) -> None:
    assert stat.S_IMODE(system.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_stop_leaves_no_socket(folder: Path, controlled: Controlled) -> None:
    async with controlled() as system:
        assert system.path.exists()
    assert list(folder.iterdir()) == []
    assert system.control.path is None


async def test_directory_with_open_permissions_is_restricted(
    folder: Path, controlled: Controlled
) -> None:
    folder.mkdir(mode=0o755)
    async with controlled():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_symbolic_link_as_directory_is_rejected(
    folder: Path, controlled: Controlled, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    async with controlled() as system:
        assert system.control.path is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no control socket, so attaching to this process is not possible" in caplog.text
    assert "is not a directory" in caplog.text
    assert list(elsewhere.iterdir()) == []


async def test_directory_of_another_user_is_rejected(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setattr(runtime_dir.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="belongs to another user"):
        runtime_dir.open_folder(folder)
    assert list(runtime_dir.sockets(folder)) == []


async def test_next_directory_is_used_when_one_is_unusable(
    folder: Path, controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = folder.with_name("good")
    too_long = folder.with_name("x" * 120)
    candidates = [Path("/nowhere/at/all"), too_long, good]
    monkeypatch.setattr(control_socket, "folders", lambda: candidates)
    async with controlled() as system:
        assert system.path.parent == good


def test_session_directories_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.getuid()
    monkeypatch.delenv(runtime_dir.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/session")
    monkeypatch.setenv("TMPDIR", "/temporary")
    assert [str(each) for each in runtime_dir.folders()] == [
        "/session/oscbridge",
        f"/run/user/{user}/oscbridge",
        f"/temporary/oscbridge-{user}",
        f"/dev/shm/oscbridge-{user}",
    ]


async def test_sockets_without_a_listener_are_removed(folder: Path, controlled: Controlled) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder.mkdir(mode=0o700)
    names = (os.getppid(), gone.pid, os.getpid(), 1)
    starting, dead, ours, settled = (folder / f"{pid}.sock" for pid in names)
    other = folder / "notes.txt"
    for path in (starting, dead, ours, settled):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(path))
    os.utime(settled, (1, 1))
    other.write_text("")
    async with controlled():
        assert set(folder.iterdir()) == {starting, ours, other}
        found, silent = await processes()
        assert ([each.socket for each in found], silent) == ([ours], [])


async def test_answering_socket_is_kept_whatever_its_id(
    folder: Path, controlled: Controlled
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as sock:
        path = folder / f"{gone.pid}.sock"
        sock.bind(str(path))
        sock.listen()
        async with controlled():
            assert path.exists()


# --- requests --------------------------------------------------------------------------------


async def test_about_identifies_the_process(system: ControlledApp) -> None:
    (answer,) = await system.raw(b'{"command": "about"}\n')
    about = answer["about"]
    assert isinstance(about, dict)
    assert (about["pid"], about["configuration"]) == (os.getpid(), "show.toml")
    assert abs(about["since"] - time.time()) < 60


async def test_status_command_returns_the_status(system: ControlledApp) -> None:
    (answer,) = await system.raw(b'{"command": "status"}\n')
    status = answer["status"]
    assert isinstance(status, dict)
    assert [each["name"] for each in status["bridges"]] == ["stage"]
    assert [each["connected"] for each in status["endpoints"]] == [True]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"no JSON\n", "expected a line with a JSON object"),
        (b"[1]\n", "expected a line with a JSON object"),
        (b"[" * 10_000 + b"\n", "expected a line with a JSON object"),
        (b"\xff\xfe\n", "expected a line with a JSON object"),
        (b"x" * 70_000 + b"\n", "the request is larger than 65536 bytes"),
        (b"{}\n", "unknown command None"),
        (b'{"command": "explode"}\n', "unknown command 'explode'"),
        (b'{"command": "top", "every": 0}\n', "every: expected a number from 0.2 to 3600"),
        (b'{"command": "top", "every": NaN}\n', "every: expected a number"),
        (b'{"command": "top", "rows": true}\n', "rows: expected a number"),
        (b'{"command": "tap", "names": "stage"}\n', "names: expected a list of names"),
        (b'{"command": "mute", "names": [], "on": true}\n', "names: expected a list of 1 to"),
        (b'{"command": "mute", "names": ["1"], "on": 1}\n', "on: expected true or false"),
        (b'{"command": "mute", "names": ["x"], "on": true}\n', "'x': no such route; "),
        (b'{"command": "tap", "names": [["stage"]]}\n', "no such bridge or endpoint"),
        (b'{"command": "tap", "match": 1}\n', "match: expected a pattern"),
        (b'{"command": "tap", "match": "/["}\n', "unclosed '['"),
        (b'{"command": "tap", "rate": -1}\n', "rate: expected a number"),
    ],
)
async def test_invalid_request_is_answered_with_the_reason(
    data: bytes, error: str, system: ControlledApp, caplog: pytest.LogCaptureFixture
) -> None:
    (answer,) = await system.raw(data)
    assert error in str(answer["error"])
    assert answer["code"] == 2
    assert caplog.text == ""
    assert await system.raw(b'{"command": "about"}\n')


async def test_silent_client_is_disconnected(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_requests, "REQUEST_TIMEOUT", 0.05)
    (answer,) = await system.raw(b'{"command": "about"}')
    assert answer["error"] == "no request within 0.05 s"


async def test_client_without_a_request_is_ignored(
    system: ControlledApp, caplog: pytest.LogCaptureFixture
) -> None:
    for data in (b"", b'{"comm'):
        _, writer = await asyncio.open_unix_connection(str(system.path))
        writer.write(data)
        writer.close()
        await writer.wait_closed()
    assert await system.raw(b'{"command": "about"}\n')
    assert caplog.text == ""


async def test_streaming_clients_do_not_lock_out_others(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "MAX_STREAMS", 1)
    process = await choose()
    async with tap(process) as one:
        await anext(one.batches())
        for command in (b"tap", b"top"):
            (answer,) = await system.raw(b'{"command": "%b"}\n' % command)
            assert "too many tap and top clients: at most 1" in str(answer["error"])
        assert await reload(process) == ("nothing changed", [])


async def test_answer_of_any_size_arrives_complete(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.changes = Changes((), (), (), (), RouteChanges(), ("x" * 3_000_000,))
    _, (problem,) = await reload(await choose())
    assert len(problem) == 3_000_000


async def test_removed_socket_is_created_again(system: ControlledApp) -> None:
    process = await choose()
    async with tap(process) as one:
        await anext(one.batches())
        shutil.rmtree(system.path.parent)
        await system.control.look_after()
        again = await choose()
        assert again.pid == process.pid
        assert again.since == process.since
        system.send(Message.of("/x"))  # connected streams continue
        while not (batch := await anext(one.batches())):
            pass
        assert decode_packet(batch[0].packet) == Message.of("/x")
    before = system.path
    await system.control.look_after()  # the socket exists: nothing to do
    assert system.path == before


async def test_concurrent_clients_are_bounded(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "MAX_CLIENTS", 2)
    process = await choose()
    async with tap(process) as one, tap(process) as other:
        await anext(one.batches())
        await anext(other.batches())
        (answer,) = await system.raw(b'{"command": "about"}\n')
        assert "too many clients: at most 2" in str(answer["error"])


# --- reload ----------------------------------------------------------------------------------


async def test_reload_reports_the_changes(system: ControlledApp) -> None:
    system.changes = Changes(
        ("bridge.new",), (), (), (), RouteChanges(unnamed=1), ("endpoint.desk: not connected",)
    )
    changes, problems = await reload(await choose())
    assert changes == "added bridge.new; 1 route new or changed"
    assert problems == ["endpoint.desk: not connected"]


@pytest.mark.parametrize("kind", [ConfigurationError, OSCBridgeError])
async def test_rejected_reload_raises_the_original_error(
    kind: type[OSCBridgeError], system: ControlledApp
) -> None:
    system.changes = kind("show.toml: one\nshow.toml: two")
    with pytest.raises(OSCBridgeError, match=r"^show.toml: one\nshow.toml: two$") as caught:
        await reload(await choose())
    assert caught.type is kind


# --- tap -------------------------------------------------------------------------------------


async def test_tap_shows_received_and_delivered_messages(system: ControlledApp) -> None:
    async with tap(await choose()) as tapped:
        packets = tapped.packets()
        batches = tapped.batches()
        await anext(batches)
        assert tapped.names == ["stage", "mixer"]
        system.send(Message.of("/x", 1))
        found = [await anext(packets) for _ in range(2)]
    assert [(each.direction, each.name) for each in found] == [("in", "stage"), ("out", "mixer")]
    assert {each.peer.partition(":")[0] for each in found} == {"127.0.0.1"}
    assert {decode_packet(each.packet) for each in found} == {Message.of("/x", 1)}
    assert abs(found[0].time_ns / 1e9 - time.time()) < 60


async def test_tap_filters_by_name_and_pattern(system: ControlledApp) -> None:
    async with tap(await choose(), ["mixer"], "/1/*") as tapped:
        await anext(tapped.batches())
        system.send(Message.of("/2/x", 1), Message.of("/1/x", 2))
        packet = await anext(tapped.packets())
    assert (packet.name, decode_packet(packet.packet)) == ("mixer", Message.of("/1/x", 2))


async def test_tap_of_an_unknown_name_suggests_the_nearest(system: ControlledApp) -> None:
    text = "'stge': no such bridge or endpoint; did you mean 'stage'?"
    with pytest.raises(ConfigurationError) as caught:
        async with tap(await choose(), ["stge"]) as tapped:
            await anext(tapped.batches())
    assert str(caught.value) == text


async def test_nothing_is_watched_after_the_last_tap(system: ControlledApp) -> None:
    system.watched.clear()
    process = await choose()
    async with tap(process) as one:
        await anext(one.batches())
        async with tap(process) as other:
            await anext(other.batches())
    await until(lambda: system.watched == [True, False])


async def test_tap_continues_through_a_reload(
    system: ControlledApp, types: dict[str, type[Endpoint]]
) -> None:
    async with tap(await choose()) as tapped:
        await anext(tapped.batches())
        text = CONFIGURATION + '[endpoint.more]\ntype = "collect"\n[[route]]\n'
        text += 'from = "stage"\nto = "more"\n'
        await system.app.reload(parse(text, types, "test.toml"))
        system.send(Message.of("/x", 1))
        packets = tapped.packets()
        assert {(await anext(packets)).name for _ in range(3)} == {"stage", "mixer", "more"}


async def test_messages_above_the_rate_are_counted(system: ControlledApp) -> None:
    async with tap(await choose(), ["stage"], rate=5) as tapped:
        batches = tapped.batches()
        await anext(batches)
        system.send(*(Message.of("/x", number) for number in range(200)))
        shown = 0
        async with asyncio.timeout(10):
            while shown + tapped.skipped["rate"] < 200:
                shown += len(await anext(batches))
    assert shown <= 20
    assert shown + tapped.skipped["rate"] == 200


async def test_client_that_does_not_read_slows_nothing_and_gets_its_skipped_count(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MAX_WAITING", 20_000)
    count = 20_000
    blob = bytes(400)
    async with tap(await choose(), ["mixer"]) as tapped:
        await anext(tapped.batches())
        offer = system.app.endpoints["mixer"].offer
        began = time.monotonic()
        for number in range(count):
            offer(Message.of("/x", number, blob))
            if number % 1_000 == 999:
                await until(lambda: not system.app.endpoints["mixer"].queued)
        assert time.monotonic() - began < 10
        assert system.app.endpoints["mixer"].sent == count
        shown = 0
        async with asyncio.timeout(20):
            async for batch in tapped.batches():
                shown += len(batch)
                if shown + tapped.skipped["slow"] == count:
                    break
    assert 0 < shown < count


async def test_stop_disconnects_clients_immediately(folder: Path, controlled: Controlled) -> None:
    async with controlled() as system, tap(await choose()) as tapped, asyncio.timeout(10):
        await anext(tapped.batches())
        stopwatch = Stopwatch()
        await system.control.stop()
        assert stopwatch.seconds < 0.4
        assert [batch async for batch in tapped.batches()] == []


# --- top -------------------------------------------------------------------------------------


async def test_snapshots_contain_status_and_addresses(system: ControlledApp) -> None:
    async with snapshots(await choose(), 0.2, 10) as coming, asyncio.timeout(10):
        picture: Snapshot = await anext(coming)
        assert picture.rows == []
        assert system.watched[-1]
        system.send(Message.of("/x", 7))
        while not picture.rows or not picture.rows[0].sinks:
            picture = await anext(coming)
    (row,) = picture.rows
    assert (row.address, row.sources, row.sinks) == ("/x", ("stage",), ("mixer",))
    assert (row.types, row.values) == ("i", "7")
    assert picture.status.bridges[0].received.messages == 1
    assert picture.status.endpoints[0].sent == 1
    assert sum(picture.status.endpoints[0].latency.counts) == 1
    await until(lambda: not system.watched[-1])


async def test_incompatible_version_is_named(
    system: ControlledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = (await choose())._replace(version="9.9")
    monkeypatch.setattr(system.control, "_status", lambda: {"status": {"bridges": []}})
    with pytest.raises(OSCBridgeError, match=r"runs version 9\.9 and this is"):
        async with snapshots(process, 1, 10) as coming:
            await anext(coming)


# --- choice of the process -------------------------------------------------------------------


async def test_error_without_a_running_bridge_says_how_to_start_one(folder: Path) -> None:
    with pytest.raises(OSCBridgeError, match="no bridge of this user is running here; start one"):
        await choose()


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> list[RunningProcess]:
    """Three simulated processes."""
    found = [
        RunningProcess(Path("/1"), 1, "a.toml", "/home/one/a.toml", 0, "0"),
        RunningProcess(Path("/2"), 2, "b.toml", "/home/one/b.toml", 0, "0"),
        RunningProcess(Path("/3"), 3, "../two/b.toml", "/home/two/b.toml", 0, "0"),
    ]

    async def processes() -> tuple[list[RunningProcess], list[int]]:
        return found, [9]

    monkeypatch.setattr(control_client, "processes", processes)
    return found


async def test_process_is_chosen_by_id(several: list[RunningProcess]) -> None:
    assert await choose(2) is several[1]


@pytest.mark.parametrize(
    ("file", "index"), [("a.toml", 0), ("/home/two/b.toml", 2), ("/elsewhere/a.toml", 0)]
)
async def test_process_is_chosen_by_file(
    file: str, index: int, several: list[RunningProcess]
) -> None:
    assert await choose(file=Path(file)) is several[index]


async def test_ambiguous_choice_is_an_error(several: list[RunningProcess]) -> None:
    with pytest.raises(OSCBridgeError) as caught:
        await choose(file=Path("b.toml"))
    first, *others = str(caught.value).splitlines()
    assert first == "several bridges are running here; choose one with --pid:"
    assert [each.split()[:2] for each in others] == [["2", "b.toml"], ["3", "../two/b.toml"]]


async def test_unknown_process_is_answered_with_the_running_ones(
    several: list[RunningProcess],
) -> None:
    with pytest.raises(OSCBridgeError) as caught:
        await choose(7)
    first, *others = str(caught.value).splitlines()
    assert (first, len(others)) == ("no bridge with process 7 is running here; available:", 3)


async def test_process_that_does_not_answer_is_named(
    folder: Path, several: list[RunningProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSCBridgeError, match="process 9 does not answer"):
        await choose(9)


async def test_blocked_process_is_reported_as_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_client, "CONNECT_TIMEOUT", 0.05)
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "4711.sock"))
        sock.listen()
        assert await processes() == ([], [4711])


async def test_process_with_a_full_backlog_is_reported_as_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_client, "CONNECT_TIMEOUT", 0.5)
    folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_UNIX))
        sock.bind(str(folder / "4711.sock"))
        sock.listen(0)
        with suppress(BlockingIOError):
            while True:
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(folder / "4711.sock"))
        with pytest.raises(OSCBridgeError, match="process 4711 does not answer"):
            await choose()


async def test_process_that_closes_without_an_answer_is_reported_as_silent(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    server = await asyncio.start_unix_server(
        lambda _reader, writer: writer.close(), folder / "4711.sock"
    )
    async with server:
        assert await processes() == ([], [4711])


async def test_process_that_ends_meanwhile_is_an_error(folder: Path) -> None:
    with pytest.raises(OSCBridgeError, match="cannot reach the bridge"):
        async with ask(folder / "4711.sock", {"command": "about"}):
            pass

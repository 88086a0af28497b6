"""Listeners in the real program: how they start and end, and that nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext, suppress
from pathlib import Path

import pytest
from waiting import wait_until
from websockets.sync.client import connect

import oscbridge
from oscbridge import Message
from oscbridge.bridge.app import App
from oscbridge.net.url import OSCURL
from oscbridge.osc.framing import stream_encoder
from oscbridge.testing import OscbridgeProcess
from oscbridge.udp_client import UDPClient
from tests.support.processes import children_of, members_of_session

WAIT = 20.0
END_TIMEOUT = 2.0
MODES = ["asyncio", "blocking", "threading", "forking"]
CONFIG = """
[bridge.stage]
listen = "{listen}"
mode = "{mode}"

[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"

[[route]]
from = "stage"
to = "web"
function = "show:stick"
"""
MODULE = """
import time

def stick(message):
    while message.address == "/stuck":
        time.sleep(60)
    return message
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")
Start = Callable[..., "ProgramSession"]
Running = Callable[..., AbstractAsyncContextManager[App]]
Send = Callable[..., Awaitable[None]]


class ProgramSession:
    """``oscbridge run`` in its own session, and all processes of that."""

    def __init__(self, process: OscbridgeProcess, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def banner(self) -> str:
        return self.process.output

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self.process.process.pid

    @property
    def address(self) -> OSCURL:
        found = re.search(r"(udp|tcp)\S*://127\.0\.0\.1:\d+", self.banner)
        assert found, self.banner + self.log
        return OSCURL.parse(found[0])

    @property
    def web(self) -> str:
        found = re.search(r"ws://127\.0\.0\.1:\d+", self.banner)
        assert found, self.banner + self.log
        return found[0]

    def connect(self) -> socket.socket:
        return socket.create_connection((self.address.host, self.address.port))

    def send(self, address: str, stream: socket.socket | None = None) -> None:
        if stream is not None:
            packet = oscbridge.encode_message(Message.of(address))
            stream.sendall(stream_encoder(self.address.framing)(packet))
            return
        with UDPClient(self.address.host, self.address.port) as client:
            client.send(Message.of(address))

    def session(self) -> list[int]:
        """All processes of the session that run."""
        return members_of_session(self.pid)

    def listener(self) -> int:
        """The listener process."""
        (pid,) = children_of(self.pid)
        return pid

    def wait(self, seconds: float = END_TIMEOUT) -> int:
        try:
            return self.process.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {seconds} s: {self.log}") from None

    def close(self) -> None:
        for pid in self.session():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs, and waits until they are ready; kills the processes that remain."""
    started: list[ProgramSession] = []
    with ExitStack() as stack:

        def run(
            mode: str = "forking", listen: str = "udp://127.0.0.1:0", *, ready: bool = True
        ) -> ProgramSession:
            folder = tmp_path / f"program-{len(started)}"
            folder.mkdir()
            (folder / "show.py").write_text(MODULE)
            file = folder / "show.toml"
            file.write_text(CONFIG.format(listen=listen, mode=mode))
            log = folder / "stderr.txt"
            stderr = stack.enter_context(log.open("wb"))
            process = OscbridgeProcess(
                "run", str(file), env=os.environ, stderr=stderr, new_session=True
            )
            started.append(ProgramSession(process, log))
            if ready:
                process.wait_for("Ctrl-C stops it")
            return started[-1]

        yield run
        for program in started:
            program.close()


def is_free(address: OSCURL) -> bool:
    kind = socket.SOCK_DGRAM if address.scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        if address.scheme != "udp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address.host, address.port))
        except OSError:
            return False
    return True


# --- the program is killed -----------------------------------------------------------------------


@needs_fork
@pytest.mark.parametrize("address", ["/idle", "/stuck"])
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_killed_program_leaves_no_process_and_no_port(
    scheme: str, address: str, start: Start
) -> None:
    program = start(listen=f"{scheme}://127.0.0.1:0")
    where = program.address
    with program.connect() if scheme == "tcp" else nullcontext() as stream:
        program.send(address, stream)
        if address == "/stuck" or scheme == "tcp":
            wait_until(lambda: children_of(program.listener()))
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        wait_until(lambda: not program.session(), END_TIMEOUT)
    assert is_free(where)


@needs_fork
def test_killing_the_process_group_leaves_nothing_running(start: Start) -> None:
    program = start()
    where = program.address
    program.send("/stuck")
    wait_until(lambda: children_of(program.listener()))
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    wait_until(lambda: not program.session(), END_TIMEOUT)
    assert is_free(where)


# --- signals to the program ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("address", ["/idle", "/stuck"])
@pytest.mark.parametrize("mode", MODES[1:])
def test_signal_to_the_process_group_ends_everything_cleanly(
    mode: str, address: str, number: int, start: Start
) -> None:
    program = start(mode)
    where = program.address
    with connect(program.web) as client:
        if address == "/stuck":
            program.send("/stuck")
        else:
            program.send(address)
            client.recv(timeout=WAIT)
        os.killpg(program.pid, number)
        assert program.wait() == 0
    assert program.session() == []
    assert is_free(where)
    assert "Traceback" not in program.log
    assert "ended with" not in program.log


@needs_fork
def test_signal_to_every_process_ends_everything_cleanly(start: Start) -> None:
    program = start()
    program.send("/stuck")
    wait_until(lambda: children_of(program.listener()))
    for pid in program.session():  # as systemd does
        os.kill(pid, signal.SIGTERM)
    assert program.wait() == 0
    assert program.session() == []
    assert "Traceback" not in program.log


# --- its listener is killed ----------------------------------------------------------------------


@needs_fork
def test_killed_worker_does_not_stop_traffic(start: Start) -> None:
    program = start()
    with connect(program.web) as client:
        for _ in range(2):
            old = program.listener()
            os.kill(old, signal.SIGKILL)
            wait_until(lambda old=old: children_of(program.pid) not in ([old], []))
            wait_until(lambda: not is_free(program.address))
            program.send("/again")
            packet = oscbridge.decode_packet(client.recv(timeout=WAIT, decode=False))
            assert [m.address for m in oscbridge.messages(packet)] == ["/again"]
    assert program.log.count("its worker was killed by SIGKILL") == 2
    wait_until(lambda: program.log.count("listening again on") == 2)


# --- a port in use -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_occupied_port_ends_the_program_with_one_line(mode: str, start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"udp://127.0.0.1:{taken.getsockname()[1]}"
        program = start(mode, listen, ready=False)
        assert program.process.ended(WAIT) == 1
    assert program.banner == ""
    line, *others = program.log.splitlines()
    # The others are about bridges of tests that run beside this one.
    assert all(each.startswith("error: running already: ") for each in others)
    assert line.endswith(
        f"bridge.stage: {listen}: address already in use; "
        "end the other program or choose another port"
    )
    assert program.session() == []


# --- listeners in this process -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("mode", ["blocking", "threading"])
async def test_stuck_handler_does_not_delay_a_stop(
    mode: str, scheme: str, make_app: Callable[..., App], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(f'[bridge.in]\nlisten = "{scheme}://127.0.0.1:0"\nmode = "{mode}"')
    called, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def handler(*_: object) -> None:
        loop.call_soon_threadsafe(called.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    app.dispatchers["in"].map("/x", handler)
    await app.start()
    address = app.listeners["in"].address
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.connect((address.host, address.port))
        packet = oscbridge.encode_message(Message.of("/x"))
        sock.sendall(packet if scheme == "udp" else stream_encoder("1.1")(packet))
        async with asyncio.timeout(WAIT):
            await called.wait()
        began = time.monotonic()
        await app.stop()
        took = time.monotonic() - began
    release.set()
    assert took < END_TIMEOUT
    text = {"blocking": "did not return in time", "threading": "still running"}[mode]
    assert text in caplog.text


async def test_listener_reports_that_its_thread_has_ended(
    running: Running, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(*_: object) -> None:
        raise SystemExit(3)

    async with running('[bridge.in]\nlisten = "udp://127.0.0.1:0"\nmode = "blocking"') as app:
        app.dispatchers["in"].map("/x", handler)
        listener = app.listeners["in"]
        assert listener.problem == ""
        await send(app, "in", Message.of("/x"))
        async with asyncio.timeout(WAIT):
            while not listener.problem:
                await asyncio.sleep(0.01)
        assert listener.problem == "its thread ended with SystemExit(3)"
    assert "bridge.in: its thread ended with SystemExit(3)" in caplog.text


# --- other systems -------------------------------------------------------------------------------


def test_modules_can_be_imported_without_os_fork() -> None:
    program = """
import asyncio, logging, os, pydantic, random, socket, ssl, subprocess, threading
del os.fork, os.killpg, os.register_at_fork, socket.AF_UNIX, socket.socketpair
import oscbridge.bridge.app, oscbridge.bridge.sources.listener
import oscbridge.bridge.sources.thread_listener, oscbridge.bridge.sources.tcp_listener
import oscbridge.bridge.sources.forked.ipc_protocol, oscbridge.bridge.sources.forked.supervisor
from oscbridge.bridge.config.bridge_models import BridgeOptions
try:
    BridgeOptions(mode="forking")
except ValueError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
    assert done.stderr == ""
    assert "not available on this system; use 'threading'" in done.stdout

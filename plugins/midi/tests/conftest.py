"""A running bridge, MIDI over TCP as mido uses it, and a JACK server with programs."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from programs import find_program

import oscbridge
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.plugins import Plugins
from oscbridge_midi import MidiEndpoint

WAIT = 10.0
"""Seconds to wait for an event."""
PEER = Path(__file__).parent / "peer.py"
JACK = Path(__file__).parent / "jack.sh"

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.synth]
type = "midi"
{endpoint}

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{port}"

[[route]]
from = "osc"
to   = "synth"
{route}

[[route]]
from = "synth"
to   = "out"
"""


@dataclass
class Bridge:
    """A running bridge from UDP to MIDI, and from MIDI back to UDP."""

    app: App
    output: socket.socket
    udp: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.app.listeners["osc"].address.port))

    @property
    def endpoint(self) -> MidiEndpoint:
        endpoint = self.app.endpoints["synth"].endpoint
        assert isinstance(endpoint, MidiEndpoint)
        return endpoint

    @property
    def port(self) -> int:
        return int(self.endpoint.describe().rpartition(":")[2])

    @property
    def drops(self) -> Counter[str]:
        return self.app.endpoints["synth"].drops

    @property
    def bad(self) -> Counter[str]:
        """Bad input from MIDI, by reason."""
        return self.app.endpoints["synth"].dispatcher.statistics.bad

    def send(self, address: str, *args: oscbridge.Argument, types: str | None = None) -> None:
        message = oscbridge.Message.of(address, *args, types=types)
        self.udp.send(oscbridge.encode_message(message))

    async def reload(self, endpoint: str, route: str = "") -> None:
        """Reload with another configuration."""
        out = self.output.getsockname()[1]
        text = CONFIGURATION.format(endpoint=endpoint, route=route, port=out)
        await self.app.reload(parse(text, Plugins().endpoint_types, "test"))

    async def receive(self) -> oscbridge.Message:
        """The next message received from MIDI."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            data = await loop.sock_recv(self.output, 65_536)
        packet = oscbridge.decode_packet(data)
        assert isinstance(packet, oscbridge.Message)
        return packet


class Wire:
    """The other end of a TCP connection, as bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)

    async def read(self, count: int) -> bytes:
        """Read exactly this number of bytes."""
        data = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            while len(data) < count:
                more = await loop.sock_recv(self.sock, count - len(data))
                assert more, f"the connection ended after {data.hex(' ')}"
                data += more
        return data

    async def rest(self) -> bytes:
        """Read until the connection ends."""
        data = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            while more := await loop.sock_recv(self.sock, 65_536):
                data += more
        return data

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


async def until(condition: Callable[[], object]) -> None:
    """Poll a condition that has no event."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    return until


Start = Callable[..., Awaitable[Bridge]]
Connect = Callable[[Bridge], Awaitable[Wire]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; ``endpoint`` and ``route`` are lines of TOML."""
    bridges: list[Bridge] = []

    async def start(
        endpoint: str = 'listen = "127.0.0.1:0"',
        route: str = "",
        configuration: str = CONFIGURATION,
    ) -> Bridge:
        plugins = Plugins()
        output = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        output.bind(("127.0.0.1", 0))
        output.setblocking(False)
        text = configuration.format(endpoint=endpoint, route=route, port=output.getsockname()[1])
        app = App(parse(text, plugins.endpoint_types, "test"), plugins)
        await app.start()
        bridges.append(Bridge(app, output))
        return bridges[-1]

    yield start
    for bridge in bridges:
        bridge.udp.close()
        bridge.output.close()
        await bridge.app.stop()


@pytest.fixture
async def join() -> AsyncIterator[Connect]:
    """Connects to a bridge that listens."""
    wires: list[Wire] = []

    async def join(bridge: Bridge) -> Wire:
        loop = asyncio.get_running_loop()
        before = bridge.endpoint.clients
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", bridge.port))
        wires.append(Wire(sock))
        await until(lambda: bridge.endpoint.clients > before)
        return wires[-1]

    yield join
    for wire in wires:
        wire.sock.close()


# --- programs ---------------------------------------------------------------------------------


def find_tool(name: str) -> str:
    """The path of a program; fails with the package to install."""
    found = shutil.which(name)
    package = PACKAGES.get(name, name)
    assert found, f"{name} is missing: install {package} (tests/system-packages.txt)"
    return found


class Program:
    """A running program and the lines that it prints."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None) -> None:
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.all: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def child(self) -> int:
        """The process in the namespace that ``nsenter`` or ``unshare`` waits for."""
        deadline = time.monotonic() + WAIT
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        while not (found := path.read_text().split()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return int(found[0])

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.all.append(line.rstrip("\n"))
            self._lines.put(self.all[-1])
        self._lines.put(None)

    def line(self, text: str, wait: float = WAIT) -> str:
        """Wait for the next line that contains the text."""
        deadline = time.monotonic() + wait
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {text!r} in {self.all[-20:]}") from None
            assert line is not None, f"ended without {text!r}: {self.all[-20:]}"
            if text in line:
                return line

    def said(self, text: str, wait: float = WAIT) -> str:
        """Wait for a line that contains the text, also among those printed before."""
        deadline = time.monotonic() + wait
        while True:
            for line in tuple(self.all):
                if text in line:
                    return line
            assert time.monotonic() < deadline, f"no {text!r} in {self.all[-20:]}"
            time.sleep(0.02)

    def write(self, line: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program within the namespace."""
        os.kill(self.child, number)

    def wait(self) -> int:
        return self._popen.wait(WAIT)

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(WAIT)
        self._reader.join(WAIT)
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


class Jack:
    """A JACK server, and programs that use it."""

    def __init__(self) -> None:
        for tool in ("unshare", "nsenter", "jackd"):
            find_program(tool)
        self._server = Program([str(JACK)])
        self._programs: list[Program] = []
        try:
            self._server.line("ready")
        except BaseException:
            self.stop()
            raise
        self._into = ["nsenter", "-t", str(self._server.child), "-U", "-m", "-p"]
        self._into.append("--preserve-credentials")
        self._env = {**os.environ, "JACK_DEFAULT_SERVER": "tests", "JACK_NO_START_SERVER": "1"}

    def start(self, name: str, *arguments: object) -> Program:
        """Start a program that uses the server."""
        command = [*self._into, find_program(name), *map(str, arguments)]
        self._programs.append(Program(command, self._env))
        return self._programs[-1]

    def run(self, name: str, *arguments: object) -> str:
        """The output of a program that must exit with code 0."""
        command = [*self._into, find_tool(name), *map(str, arguments)]
        result = subprocess.run(
            command, env=self._env, capture_output=True, text=True, timeout=WAIT
        )
        assert result.returncode == 0, result
        return result.stdout

    def peer(self, name: str) -> Program:
        """A MIDI client that prints received messages and sends those written to it."""
        peer = self.start(sys.executable, PEER, name)
        peer.line("ready")
        return peer

    def bridge(self, file: Path) -> Program:
        """``oscbridge run``."""
        bridge = self.start(str(Path(sys.executable).with_name("oscbridge")), "run", file)
        bridge.line("Ctrl-C")
        return bridge

    def ports(self) -> list[str]:
        return self.run("jack_lsp").splitlines()

    def wait_for_port(self, part: str) -> str:
        """Wait for a port. Returns its full name."""
        deadline = time.monotonic() + WAIT
        while True:
            found = [port for port in self.ports() if part in port]
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"no port {part!r} in {self.ports()}"
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server."""
        self.run("sh", "-c", f"kill -{number.name[3:]} $(cat /dev/shm/jackd.pid)")

    def serve_again(self) -> None:
        """Restart the killed server, and wait until it is ready."""
        self.run("touch", "/dev/shm/again")
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self.ports()
                return
            except AssertionError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    @property
    def xruns(self) -> int:
        return sum("XRun" in line for line in self._server.all)

    def stop(self) -> None:
        self._server.kill()  # and everything in its namespace
        for program in self._programs:
            program.kill()


@pytest.fixture
def jack() -> Iterator[Jack]:
    """A JACK server for one test."""
    server = Jack()
    yield server
    print(f"{server.xruns} XRuns")
    server.stop()

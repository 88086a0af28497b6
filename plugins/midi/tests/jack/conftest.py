"""A JACK server with programs, and a bridge that uses it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ports import free_port
from programs import find_program

import oscbridge

WAIT = 10.0
"""Seconds to wait for an event."""
PEER = Path(__file__).parent / "peer.py"
JACK = Path(__file__).parent / "jack.sh"


class JackProgram:
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
        self._server = JackProgram([str(JACK)])
        self._programs: list[JackProgram] = []
        try:
            self._server.line("ready")
        except BaseException:
            self.stop()
            raise
        self._into = ["nsenter", "-t", str(self._server.child), "-U", "-m", "-p"]
        self._into.append("--preserve-credentials")
        self._env = {**os.environ, "JACK_DEFAULT_SERVER": "tests", "JACK_NO_START_SERVER": "1"}

    def start(self, name: str, *arguments: object) -> JackProgram:
        """Start a program that uses the server."""
        command = [*self._into, find_program(name), *map(str, arguments)]
        self._programs.append(JackProgram(command, self._env))
        return self._programs[-1]

    def run(self, name: str, *arguments: object) -> str:
        """The output of a program that must exit with code 0."""
        command = [*self._into, find_program(name), *map(str, arguments)]
        result = subprocess.run(
            command, env=self._env, capture_output=True, text=True, timeout=WAIT
        )
        assert result.returncode == 0, result
        return result.stdout

    def peer(self, name: str) -> JackProgram:
        """A MIDI client that prints received messages and sends those written to it."""
        peer = self.start(sys.executable, PEER, name)
        peer.line("ready")
        return peer

    def bridge(self, file: Path) -> JackProgram:
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
        self.run("sh", "-c", ": > /dev/shm/again")
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


CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:{port}"

[endpoint.synth]
type    = "midi"
backend = "jack"
{endpoint}

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{out}"

[[route]]
from = "osc"
to   = "synth"

[[route]]
from = "synth"
to   = "out"
"""


class JackStage:
    """A bridge that uses a JACK server; sends to it and receives from it."""

    def __init__(self, jack: Jack, file: Path, port: int, endpoint: str) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(10)
        text = CONFIGURATION.format(port=port, endpoint=endpoint, out=self.udp.getsockname()[1])
        file.write_text(text)
        self._to = ("127.0.0.1", port)
        self.program = jack.bridge(file)

    def send(self, address: str, *args: oscbridge.Argument) -> None:
        self.udp.sendto(oscbridge.encode_message(oscbridge.Message.of(address, *args)), self._to)

    def receive(self) -> oscbridge.Message:
        packet = oscbridge.decode_packet(self.udp.recv(65_536))
        assert isinstance(packet, oscbridge.Message)
        return packet


@pytest.fixture
def stage(jack: Jack, tmp_path: Path) -> Iterator[Callable[[str], JackStage]]:
    """Starts a bridge; the argument is TOML of its MIDI endpoint."""
    stages: list[JackStage] = []

    def start(endpoint: str) -> JackStage:
        stages.append(JackStage(jack, tmp_path / "midi.toml", free_port(), endpoint))
        return stages[-1]

    yield start
    for each in stages:
        each.udp.close()

"""Handlers that raise KeyboardInterrupt or SystemExit: the servers do what python-osc's do."""

from __future__ import annotations

import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from oscbridge.osc import Message, encode_message
from oscbridge.osc.framing import encode_slip
from oscbridge.testing import free_port

WAIT = 20.0

PROGRAM = """
import asyncio, sys, threading
from {package} import dispatcher, osc_server, osc_tcp_server

def leave(address):
    print("leaving", flush=True)
    raise {error}

async def leave_later(address):
    await asyncio.sleep(0)
    leave(address)

def note(address):
    print("note", flush=True)

async def main():
    if "{scheme}" == "udp":
        server = osc_server.AsyncIOOSCUDPServer(
            ("127.0.0.1", {port}), handlers, asyncio.get_running_loop()
        )
        await server.create_serve_endpoint()
        print("ready", flush=True)
        await asyncio.sleep(60)
    server = osc_tcp_server.AsyncOSCTCPServer("127.0.0.1", {port}, handlers)
    starting = asyncio.create_task(server.start())
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await starting

handlers = dispatcher.Dispatcher()
handlers.map("/leave", leave_later if "{kind}" == "Coroutine" else leave)
handlers.map("/note", note)
module = osc_server if "{scheme}" == "udp" else osc_tcp_server
try:
    if "{kind}" in ("AsyncIO", "Coroutine"):
        asyncio.new_event_loop().run_until_complete(main())
    else:
        server_class = getattr(module, "{kind}OSC" + "{scheme}".upper() + "Server")
        with server_class(("127.0.0.1", {port}), handlers) as server:
            print("ready", flush=True)
            server.serve_forever()
except {error}:
    print("raised", flush=True)
"""

Run = Callable[..., str]


class Server:
    """A program with a server, and the lines that it prints."""

    def __init__(self, package: str, kind: str, scheme: str, error: str) -> None:
        self._scheme = scheme
        self._port = free_port()
        text = PROGRAM.format(
            package=package, kind=kind, scheme=scheme, error=error, port=self._port
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._clients: list[socket.socket] = []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def line(self) -> str:
        return self._lines.get(timeout=WAIT)

    def send(self, address: str) -> None:
        """Send a message; over TCP on a connection of its own."""
        kind = socket.SOCK_DGRAM if self._scheme == "udp" else socket.SOCK_STREAM
        client = socket.socket(socket.AF_INET, kind)
        self._clients.append(client)
        client.connect(("127.0.0.1", self._port))
        packet = encode_message(Message(address))
        client.sendall(packet if self._scheme == "udp" else encode_slip(packet))

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a server until its handler has raised. Returns what it prints after that: "raised"
    if the exception left the server, "note" if the server handles the next message."""
    servers: list[Server] = []

    def run(*args: str) -> str:
        server = Server(*args)
        servers.append(server)
        assert server.line() == "ready"
        server.send("/leave")
        assert server.line() == "leaving"
        try:
            server.send("/note")
        except ConnectionError:
            assert server.line() == "raised"
            return "raised"
        return server.line()

    yield run
    for server in servers:
        server.close()


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("Blocking", "raised"), ("AsyncIO", "raised"), ("Threading", "note"), ("Forking", "note")],
)
def test_exit_in_a_handler_leaves_the_server_as_in_python_osc(
    kind: str, outcome: str, scheme: str, error: str, run: Run
) -> None:
    assert run("pythonosc", kind, scheme, error) == outcome
    assert run("oscbridge", kind, scheme, error) == outcome


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_exit_in_a_coroutine_handler_leaves_the_server(scheme: str, error: str, run: Run) -> None:
    if scheme == "tcp":  # python-osc awaits no coroutines over UDP
        assert run("pythonosc", "Coroutine", scheme, error) == "raised"
    assert run("oscbridge", "Coroutine", scheme, error) == "raised"

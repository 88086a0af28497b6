"""Fixtures of several test files."""

from __future__ import annotations

import asyncio
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from app_fixtures import make_app, running, send, types  # noqa: F401
from hypothesis import settings

from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import Argument, Message, decode_message, encode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.osc_tcp_server import (
    AsyncOSCTCPServer,
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)
from oscbridge.server.connection_limits import StreamLimits

WAIT = 10.0

# Examples take as long as a busy machine needs.
settings.register_profile("oscbridge", deadline=None)
settings.load_profile("oscbridge")


@pytest.fixture
def udp_socket() -> Iterator[Callable[..., socket.socket]]:
    """Makes UDP sockets, bound to a free port, that give up waiting after 5 s."""
    made: list[socket.socket] = []

    def make(host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        made.append(sock)
        sock.settimeout(5)
        sock.bind((host, 0))
        return sock

    yield make
    for sock in made:
        sock.close()


class TCPClient:
    """A TCP client that sends given bytes."""

    def __init__(self, address: tuple[Any, ...], wire: str, **options: int) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.sock.settimeout(WAIT)
        for name, value in options.items():
            self.sock.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        self.address = self.sock.getsockname()
        self._encode = stream_encoder(wire)
        self._framing = stream_decoder(wire)
        self._packets: list[bytes] = []

    def send(self, address: str, *args: Argument) -> None:
        self.send_packet(encode_message(Message.of(address, *args)))

    def send_packet(self, *packets: bytes) -> None:
        self.sock.sendall(b"".join(map(self._encode, packets)))

    def receive(self) -> Message:
        """The next reply. Raises ``EOFError`` at the end of the connection."""
        while not self._packets:
            data = self.sock.recv(65_536)
            if not data:
                raise EOFError
            self._packets += self._framing.feed(data)
        return decode_message(self._packets.pop(0))

    def is_ended(self) -> bool:
        """Wait for the server to end the connection; earlier data is discarded."""
        try:
            while self.sock.recv(65_536):
                pass
        except ConnectionError:
            pass
        return True

    def finish(self) -> None:
        """Close the sending side, and keep reading."""
        self.sock.shutdown(socket.SHUT_WR)


@pytest.fixture
def connect() -> Iterator[Callable[..., TCPClient]]:
    """Makes TCP clients: an address, and "1.0" or "1.1"."""
    made: list[TCPClient] = []

    def make(address: tuple[Any, ...], wire: str = "1.1", **options: int) -> TCPClient:
        made.append(TCPClient(address, wire, **options))
        return made[-1]

    yield make
    for client in made:
        client.sock.close()


class RunningTCP:
    """A TCP server that runs on a thread. ``kind`` is blocking, threading or asyncio."""

    def __init__(
        self, kind: str, dispatcher: Dispatcher, mode: str, host: str, attributes: dict[str, object]
    ) -> None:
        self.dispatcher = dispatcher
        self.leftovers: list[object] = []
        """Unhandled errors on the server's event loop, and tasks left there."""
        self._bound: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._stop: Callable[[], object] = lambda: None
        if kind == "asyncio":
            base = type("Server", (AsyncOSCTCPServer,), attributes)
            work = self._run_loop(base, host, mode)
            self.thread = threading.Thread(target=lambda: asyncio.run(work))
        else:
            plain = {"blocking": BlockingOSCTCPServer, "threading": ThreadingOSCTCPServer}[kind]
            server = type("Server", (plain,), attributes)((host, 0), dispatcher, mode)
            self.thread = threading.Thread(target=self._run, args=(server,))
        self.thread.start()
        self.address = self._bound.get(timeout=WAIT)

    def _run(self, server: OSCTCPServer) -> None:
        self._stop = server.shutdown
        with server:
            self._bound.put(server.server_address)
            server.serve_forever(0.05)

    async def _run_loop(self, base: type[AsyncOSCTCPServer], host: str, mode: str) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: self.leftovers.append(context))
        server = base(host, 0, self.dispatcher, mode)
        await server.listen()
        stopping = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        serving = loop.create_task(server.start())
        self._bound.put(server.sockets[0].getsockname())
        await stopping.wait()
        await server.stop()
        await serving
        self.leftovers += asyncio.all_tasks() - {asyncio.current_task()}

    def stop(self) -> float:
        """Stop the server. Returns the duration in seconds."""
        started = time.monotonic()
        if self.thread.is_alive():
            self._stop()
        self.thread.join(WAIT)
        assert not self.thread.is_alive()
        assert self.leftovers == []
        return time.monotonic() - started


@pytest.fixture
def serve_tcp() -> Iterator[Callable[..., RunningTCP]]:
    """Starts TCP servers with given class attributes, and stops them at the end."""
    started: list[RunningTCP] = []

    def serve(
        kind: str,
        dispatcher: Dispatcher,
        mode: str = "1.1",
        host: str = "127.0.0.1",
        limits: StreamLimits | None = None,
        **attributes: object,
    ) -> RunningTCP:
        if limits is not None:
            attributes["limits"] = limits
        started.append(RunningTCP(kind, dispatcher, mode, host, attributes))
        return started[-1]

    yield serve
    for server in started:
        server.stop()


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that switch as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)

"""Our servers on threads, and the processes of real peers."""

from __future__ import annotations

import asyncio
import json
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from programs import find_program

from oscbridge import Dispatcher, Message
from oscbridge.osc_server import (
    AsyncIOOSCUDPServer,
    BlockingOSCUDPServer,
    ThreadingOSCUDPServer,
)
from oscbridge.osc_tcp_server import (
    AsyncOSCTCPServer,
    BlockingOSCTCPServer,
    ThreadingOSCTCPServer,
)

HOST = "127.0.0.1"
WAIT = 10.0
"""Timeout for events expected within a moment, in seconds."""
TRIES = 100
"""Seconds between checks whether a peer is ready."""
TESTS = Path(__file__).parent.parent
"""The packages of programs that do not identify their package."""

UDP_SERVERS: dict[str, Any] = {
    "blocking": BlockingOSCUDPServer,
    "threading": ThreadingOSCUDPServer,
}
TCP_SERVERS: dict[str, Any] = {
    "blocking": BlockingOSCTCPServer,
    "threading": ThreadingOSCTCPServer,
}


class Inbox:
    """A handler for all messages, which queues them."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def __call__(self, message: Message) -> None:
        self._messages.put(message)

    def whole(self) -> Message:
        """The next message, with its time tag and its origin."""
        return self._messages.get(timeout=WAIT)

    def take(self) -> Message:
        """The next message: address, types and arguments."""
        return self.whole()._replace(timetag=None, origin=None)

    def __len__(self) -> int:
        return self._messages.qsize()


@pytest.fixture
def dispatcher() -> Dispatcher:
    """A dispatcher that puts every message into ``inbox``, and replies to requests.

    ``/ask`` and arguments is answered with ``/answer`` and these arguments; after ``/echo``
    they have the same types as well.
    """
    dispatcher = Dispatcher()
    dispatcher.map("/ask", lambda _address, *args: ("/answer", *args))
    dispatcher.map("/echo", lambda m: m._replace(address="/answer"), needs_message=True)
    return dispatcher


@pytest.fixture
def inbox(dispatcher: Dispatcher) -> Inbox:
    inbox = Inbox()
    dispatcher.map("/*", inbox, needs_message=True)
    return inbox


# --- our servers -------------------------------------------------------------------------------


class OnThread:
    """A blocking server, theirs or ours."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(WAIT)
        self._server.server_close()
        assert not self._thread.is_alive()


class OnLoop:
    """An asyncio server, on a thread with its own loop."""

    def __init__(self, start: Callable[[], Any]) -> None:
        """``start`` binds; it is a coroutine function with a port and a closing coroutine."""
        self._start = start
        bound: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(bound)))
        self._thread.start()
        self.port = bound.get(timeout=WAIT)

    async def _main(self, bound: queue.SimpleQueue[int]) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        port, close = await self._start()
        bound.put(port)
        await self._stopped.wait()
        await close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(WAIT)
        assert not self._thread.is_alive()


Server = OnThread | OnLoop


def our_udp_server(kind: str, dispatcher: Dispatcher) -> Server:
    if kind != "asyncio":
        return OnThread(UDP_SERVERS[kind]((HOST, 0), dispatcher))

    async def start() -> Any:
        loop = asyncio.get_running_loop()
        server = AsyncIOOSCUDPServer((HOST, 0), dispatcher, loop)
        transport, _ = await server.create_serve_endpoint()

        async def close() -> None:
            transport.close()
            await asyncio.sleep(0)

        return transport.get_extra_info("sockname")[1], close

    return OnLoop(start)


def our_tcp_server(kind: str, dispatcher: Dispatcher, mode: str) -> Server:
    if kind != "asyncio":
        return OnThread(TCP_SERVERS[kind]((HOST, 0), dispatcher, mode))

    async def start() -> Any:
        server = AsyncOSCTCPServer(HOST, 0, dispatcher, mode)
        await server.listen()
        return server.sockets[0].getsockname()[1], server.stop

    return OnLoop(start)


@pytest.fixture
def on_thread() -> Iterator[Callable[..., Server]]:
    """Runs servers on threads, and stops them at the end."""
    with ExitStack() as stack:

        def run(make: Callable[..., Server], *args: Any) -> Server:
            server = make(*args)
            stack.callback(server.stop)
            return server

        yield run


@pytest.fixture
def udp_server(on_thread: Callable[..., Server], dispatcher: Dispatcher) -> Callable[[str], int]:
    """Starts our UDP server of a kind, and returns its port."""
    return lambda kind: on_thread(our_udp_server, kind, dispatcher).port


@pytest.fixture
def tcp_server(
    on_thread: Callable[..., Server], dispatcher: Dispatcher
) -> Callable[[str, str], int]:
    """Starts our TCP server of a kind and a mode, and returns its port."""
    return lambda kind, mode: on_thread(our_tcp_server, kind, dispatcher, mode).port


@pytest.fixture
def their_server(on_thread: Callable[..., Server]) -> Callable[..., int]:
    """Runs a server of python-osc, or a function that starts one on a loop; returns its port."""

    def run(server: Any) -> int:
        return on_thread(OnLoop if callable(server) else OnThread, server).port

    return run


# --- processes ---------------------------------------------------------------------------------


class Process:
    """A real peer, and the lines that it prints."""

    def __init__(self, *command: object) -> None:
        name, *arguments = map(str, command)
        self._name = name
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._all: list[str] = []
        self._popen = subprocess.Popen(
            [find_program(name), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._all.append(line.decode().rstrip("\n"))
            self._lines.put(self._all[-1])
        self._lines.put(None)

    def line(self, wait: float = WAIT) -> str:
        """The next line. Raises ``queue.Empty`` if none comes."""
        line = self._lines.get(timeout=wait)
        assert line is not None, f"{self._name} ended, and had said {self._all}"
        return line

    def _search(self, pattern: str, wait: float) -> tuple[re.Match[str] | None, list[str]]:
        """The next line that matches a pattern, if any in time, and all lines up to it."""
        deadline = time.monotonic() + wait
        seen: list[str] = []
        while True:
            try:
                seen.append(self.line(max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                return None, seen
            if match := re.search(pattern, seen[-1]):
                return match, seen

    def find(self, pattern: str, wait: float = WAIT) -> re.Match[str]:
        """The next line that matches a pattern; earlier lines are skipped."""
        match, seen = self._search(pattern, wait)
        assert match, f"{self._name}: no {pattern!r} in {seen}"
        return match

    def json(self) -> Any:
        """The next line, of JSON."""
        line = self.line()
        try:
            return json.loads(line)
        except ValueError:
            raise AssertionError(f"{self._name} says: {line}") from None

    def send(self, value: object) -> None:
        """Write a line of JSON to its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(value).encode() + b"\n")
        self._popen.stdin.flush()

    def probe(self, send: Callable[[], object]) -> None:
        """Send packets that contain "probe" until a line contains it: then the peer is ready."""
        for _ in range(TRIES):
            send()
            if self._search("probe", 0.1)[0]:
                return
        raise AssertionError(f"{self._name} took none of {TRIES} probes")

    def wait(self) -> int:
        """Wait until it ends by itself."""
        return self._popen.wait(WAIT)

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.terminate()
        try:
            self._popen.wait(WAIT)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise AssertionError(f"{self._name} did not end within {WAIT} s") from None
        finally:
            self._reader.join(WAIT)
            for pipe in (self._popen.stdin, self._popen.stdout):
                assert pipe is not None
                pipe.close()


def launcher() -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def launch(*command: object) -> Process:
            process = Process(*command)
            stack.callback(process.stop)
            return process

        yield launch


@pytest.fixture
def launch() -> Iterator[Callable[..., Process]]:
    """Starts processes and ends them when the test is done."""
    yield from launcher()


@pytest.fixture(scope="module")
def launch_for_module() -> Iterator[Callable[..., Process]]:
    """Starts processes and ends them when the module's tests are done."""
    yield from launcher()


@pytest.fixture
def node(launch: Callable[..., Process]) -> Callable[..., Process]:
    """Starts a script of tests/js with arguments."""
    return lambda script, *arguments: launch("node", TESTS / "js" / script, *arguments)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds programs, and fails with the package to install if one is missing."""
    return find_program

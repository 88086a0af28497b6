"""Servers under their python-osc names on event loops: how they are run, stopped and reopened."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest

from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_server import AsyncIOOSCUDPServer, BlockingOSCUDPServer
from oscbridge.udp_client import SimpleUDPClient

WAIT = 10.0

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def new_loop_of_uvloop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


every_loop = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, new_loop_of_uvloop], ids=["asyncio", "uvloop"]
)


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found: int = sock.getsockname()[1]
        return found


@pytest.fixture
def client(port: int) -> Iterator[SimpleUDPClient]:
    with SimpleUDPClient("127.0.0.1", port, timeout=WAIT) as made:
        yield made


def can_bind(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@every_loop
def test_endpoint_of_serve_stays_open_until_the_loop_is_closed(
    new_loop: NewLoop, port: int, client: SimpleUDPClient
) -> None:
    loop = new_loop()
    dispatcher, calls = Dispatcher(), list[object]()
    dispatcher.map("/stop", lambda address, number: (calls.append(number), loop.stop())[0])
    server = AsyncIOOSCUDPServer(("127.0.0.1", port), dispatcher, loop)
    loop.call_later(0.2, client.send_message, "/stop", 1)
    server.serve()
    assert calls == [1]
    client.send_message("/stop", 2)  # waits in the socket
    loop.run_forever()
    client.send_message("/stop", 3)
    server.serve()
    assert calls == [1, 2, 3]
    assert not can_bind(port)
    loop.close()
    assert can_bind(port)


@every_loop
def test_coroutine_handler_continues_in_a_second_run_of_the_loop(
    new_loop: NewLoop, port: int, client: SimpleUDPClient
) -> None:
    loop = new_loop()
    dispatcher, cleaned = Dispatcher(), list[str]()

    async def handler(_address: str) -> str:
        try:
            loop.stop()
            await asyncio.sleep(0.05)
            return "/done"
        finally:
            cleaned.append("/done")

    dispatcher.map("/wait", handler)
    server = AsyncIOOSCUDPServer(("127.0.0.1", port), dispatcher, loop)
    loop.call_later(0.2, client.send_message, "/wait", None)
    server.serve()
    assert cleaned == []
    loop.call_later(0.2, loop.stop)
    loop.run_forever()
    assert cleaned == ["/done"]
    assert client.receive().startswith(b"/done")
    loop.call_later(0.2, client.send_message, "/wait", None)
    server.serve()
    loop.close()
    assert cleaned == ["/done", "/done"]  # cancelled


def test_program_that_never_closes_its_loop_gets_no_warning_of_the_socket(port: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop = asyncio.new_event_loop()
        server = AsyncIOOSCUDPServer(("127.0.0.1", port), Dispatcher(), loop)
        loop.call_later(0.2, loop.stop)
        server.serve()
        loop.close()
        del server, loop
        gc.collect()
    assert [str(each.message) for each in caught if "socket" in str(each.message)] == []


@every_loop
def test_server_can_be_reopened_in_the_same_turn_of_the_loop(
    new_loop: NewLoop, port: int, client: SimpleUDPClient
) -> None:
    async def main() -> list[bytes]:
        dispatcher = Dispatcher()
        dispatcher.map("/ask", lambda address, number: ("/answer", number))
        loop = asyncio.get_running_loop()
        server = AsyncIOOSCUDPServer(("127.0.0.1", port), dispatcher, loop)
        answers = []
        transport, _ = await server.create_serve_endpoint()
        for number in range(3):
            transport.close()
            transport, _ = await server.create_serve_endpoint()
            client.send_message("/ask", number)
            answers.append(await asyncio.to_thread(client.receive))
        transport.abort()
        other = AsyncIOOSCUDPServer(("127.0.0.1", port), dispatcher, loop)
        transport, _ = await other.create_serve_endpoint()
        transport.close()
        return answers

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert [answer[-1] for answer in runner.run(main())] == [0, 1, 2]


@every_loop
def test_endpoint_can_be_reopened_between_two_runs_of_the_loop(
    new_loop: NewLoop, port: int
) -> None:
    loop = new_loop()
    server = AsyncIOOSCUDPServer(("127.0.0.1", port), Dispatcher(), loop)
    for _ in range(3):
        transport, _protocol = loop.run_until_complete(server.create_serve_endpoint())
        transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert can_bind(port)


def test_handler_that_closes_the_transport_can_still_reply(
    port: int, client: SimpleUDPClient
) -> None:
    async def main() -> bytes:
        dispatcher = Dispatcher()
        server = AsyncIOOSCUDPServer(("127.0.0.1", port), dispatcher, asyncio.get_running_loop())
        transport, _ = await server.create_serve_endpoint()
        dispatcher.map("/quit", lambda address: transport.close() or "/bye")
        client.send_message("/quit", None)
        return await asyncio.to_thread(client.receive)

    assert asyncio.run(main()).startswith(b"/bye")


def test_shutdown_from_a_handler_of_a_blocking_server_returns_at_once(
    port: int, client: SimpleUDPClient
) -> None:
    dispatcher, took = Dispatcher(), list[float]()

    def stop(_address: str) -> None:
        begun = time.monotonic()
        server.shutdown()
        server.server_close()
        took.append(time.monotonic() - begun)

    dispatcher.map("/stop", stop)
    server = BlockingOSCUDPServer(("127.0.0.1", port), dispatcher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client.send_message("/stop", None)
    thread.join(WAIT)
    assert not thread.is_alive()
    assert took[0] < 1

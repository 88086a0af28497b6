"""The event loop of the program: its own readers beside those of asyncio."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from oscbridge.dispatcher import Dispatcher
from oscbridge.net.direct_readers import add_reader, new_event_loop, remove_reader
from oscbridge.osc import Message, encode_message
from oscbridge.osc_server import AsyncIOOSCUDPServer
from oscbridge.testing.waiting import until

Pair = tuple[socket.socket, socket.socket]

if sys.platform != "linux":
    pytest.skip("epoll exists on Linux only", allow_module_level=True)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        yield runner


@pytest.fixture
def pair() -> Iterator[Pair]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


def watch(sock: socket.socket, call: Callable[[], object]) -> None:
    """Call a function when a socket is readable, after reading from it."""

    def read() -> None:
        sock.recv(100)
        call()

    add_reader(asyncio.get_running_loop(), sock, read)


def test_reader_is_called_each_time_until_it_is_removed(runner: asyncio.Runner, pair: Pair) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        seen: list[int] = []
        watch(pair[0], lambda: seen.append(1))
        for count in (1, 2):
            pair[1].send(b"x")
            await until(lambda count=count: len(seen) == count)  # type: ignore[misc]
        remove_reader(loop, pair[0])
        remove_reader(loop, pair[0])  # again: no effect
        pair[1].send(b"x")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(seen) == 2
        watch(pair[0], lambda: seen.append(1))
        await until(lambda: len(seen) == 3)

    runner.run(run())


def test_reader_that_another_one_removes_in_the_same_turn_is_not_called(
    runner: asyncio.Runner,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        pairs = [socket.socketpair() for _ in range(2)]
        called: list[int] = []

        def read(number: int) -> None:
            called.append(number)
            for sock, _ in pairs:
                remove_reader(loop, sock)

        for number, (sock, other) in enumerate(pairs):
            add_reader(loop, sock, lambda number=number: read(number))  # type: ignore[misc]
            other.send(b"x")
        await until(lambda: called)
        await asyncio.sleep(0)
        assert len(called) == 1
        for each in pairs:
            for sock in each:
                sock.close()

    runner.run(run())


def test_exception_of_a_reader_is_reported_and_the_loop_continues(
    runner: asyncio.Runner, pair: Pair
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        reported: list[object] = []
        loop.set_exception_handler(lambda _loop, context: reported.append(context["exception"]))
        error = RuntimeError("no")

        def fail() -> None:
            raise error

        watch(pair[0], fail)
        for count in (1, 2):
            pair[1].send(b"x")
            await until(lambda count=count: len(reported) == count)  # type: ignore[misc]
        assert reported == [error, error]

    runner.run(run())


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_reader_can_end_the_program(
    runner: asyncio.Runner, pair: Pair, kind: type[BaseException]
) -> None:
    def end() -> None:
        raise kind

    async def run() -> None:
        watch(pair[0], end)
        pair[1].send(b"x")
        await asyncio.sleep(60)

    with pytest.raises(kind):
        runner.run(run())


def test_streams_and_timers_work_beside_readers(runner: asyncio.Runner) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    async def run() -> None:
        data = bytes(5_000_000)  # more than the buffers: it registers and unregisters writers
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.01)
        with closing(writer):
            server.close()

    runner.run(run())


def test_server_receives_pauses_and_closes(runner: asyncio.Runner) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        dispatcher, seen, proceed = Dispatcher(), [], asyncio.Event()

        async def handle(_address: str, number: int) -> None:
            seen.append(number)
            await proceed.wait()

        dispatcher.map("/n", handle)
        server = AsyncIOOSCUDPServer(("127.0.0.1", 0), dispatcher, loop)
        server.max_tasks = 2
        transport, _ = await server.create_serve_endpoint()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in range(5):
                packet = encode_message(Message.of("/n", number))
                sock.sendto(packet, transport.get_extra_info("sockname"))
        await until(lambda: len(seen) == 2)
        await asyncio.sleep(0)
        assert seen == [0, 1]
        proceed.set()
        await until(lambda: len(seen) == 5)
        transport.close()
        transport.close()

    runner.run(run())


def test_names_are_looked_up_while_a_plugin_occupies_all_threads(runner: asyncio.Runner) -> None:
    release = threading.Event()

    async def look_up() -> list[str]:
        loop = asyncio.get_running_loop()
        busy = [loop.run_in_executor(None, release.wait) for _ in range(64)]
        try:
            async with asyncio.timeout(10):
                found = await loop.getaddrinfo("127.0.0.1", 9, type=socket.SOCK_DGRAM)
        finally:
            release.set()
            await asyncio.gather(*busy)
        return [str(each[4][0]) for each in found]

    assert runner.run(look_up()) == ["127.0.0.1"]


def schedule_callback(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_soon(call)


def schedule_from_a_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(call,))
    thread.start()
    thread.join()


def schedule_timer(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    loop.call_later(0.001, call)


@pytest.mark.parametrize("schedule", [schedule_callback, schedule_from_a_thread, schedule_timer])
@pytest.mark.parametrize("has_later_timer", [False, True])
def test_loop_runs_at_once_what_a_reader_schedules(
    runner: asyncio.Runner,
    pair: Pair,
    schedule: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], None],
    has_later_timer: bool,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        began = loop.time()
        if has_later_timer:
            loop.call_later(30, done.cancel)
        watch(pair[0], lambda: schedule(loop, lambda: done.set_result(None)))
        threading.Timer(0.05, pair[1].send, (b"x",)).start()
        await done
        assert loop.time() - began < 10

    runner.run(run())


def test_timers_run_in_time_while_readers_are_called_all_the_time(
    runner: asyncio.Runner, pair: Pair
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        calls = 0

        def read() -> None:
            nonlocal calls
            calls += 1
            pair[0].recv(100)
            pair[1].send(b"x")

        add_reader(loop, pair[0], read)
        pair[1].send(b"x")
        began = loop.time()
        await asyncio.sleep(0.05)
        assert loop.time() - began < 5
        assert calls > 10
        remove_reader(loop, pair[0])

    runner.run(run())


def test_reader_can_stop_the_loop(pair: Pair) -> None:
    loop = new_event_loop()
    try:
        add_reader(loop, pair[0], loop.stop)
        loop.call_later(30, lambda: pytest.fail("the loop was not stopped"))
        pair[1].send(b"x")
        loop.run_forever()
    finally:
        remove_reader(loop, pair[0])
        loop.close()

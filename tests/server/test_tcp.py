"""The TCP servers, over real sockets."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc import (
    Argument,
    Message,
    TimeTag,
    encode_bundle,
    encode_message,
)
from oscbridge.osc.framing import encode_length_prefix, encode_slip, stream_encoder
from oscbridge.osc_tcp_server import (
    MODE_1_0,
    MODE_1_1,
    AsyncOSCTCPServer,
    BlockingOSCTCPServer,
    OSCTCPServer,
    ThreadingOSCTCPServer,
)
from oscbridge.server.connection_limits import StreamLimits

WAIT = 10.0
Serve = Callable[..., Any]
Connect = Callable[..., Any]
END = b"\xc0"

every_kind = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
at_once = pytest.mark.parametrize("kind", ["threading", "asyncio"])
on_threads = pytest.mark.parametrize("base", [BlockingOSCTCPServer, ThreadingOSCTCPServer])
every_mode = pytest.mark.parametrize(
    ("mode", "wire"), [("1.0", "1.0"), ("1.1", "1.1"), ("auto", "1.0"), ("auto", "1.1")]
)


def osc(address: str, *args: Argument) -> bytes:
    return encode_message(Message.of(address, *args))


def soon(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))


class Inbox:
    """A handler that queues its arguments."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def __call__(self, *args: Any) -> None:
        self._calls.put(args)

    def take(self) -> tuple[Any, ...]:
        return self._calls.get(timeout=WAIT)

    def __len__(self) -> int:
        return self._calls.qsize()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def dispatcher(inbox: Inbox) -> Dispatcher:
    """``/note`` goes to the inbox, ``/echo`` sends its arguments back."""
    dispatcher = Dispatcher()
    dispatcher.map("/note", inbox)
    dispatcher.map("/echo", lambda address, *args: ("/echoed", *args))
    return dispatcher


# --- all servers -------------------------------------------------------------------------------


@every_kind
@every_mode
def test_messages_arrive_in_order(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect,
    dispatcher: Dispatcher, inbox: Inbox,
) -> None:  # fmt: skip
    client = connect(serve_tcp(kind, dispatcher, mode).address, wire)
    for n in range(500):
        client.send("/note", n)
    assert [inbox.take() for _ in range(500)] == [("/note", n) for n in range(500)]


@every_kind
@every_mode
def test_reply_uses_the_framing_of_the_client(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    client = connect(serve_tcp(kind, dispatcher, mode).address, wire)
    client.send("/echo", 1, b"\xc0\xdb\xdc\xdd")
    expected = stream_encoder(wire)(osc("/echoed", 1, b"\xc0\xdb\xdc\xdd"))
    received = b""
    while len(received) < len(expected):
        received += client.sock.recv(len(expected) - len(received))
    assert received == expected


@every_kind
@every_mode
def test_stream_can_be_split_anywhere(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect,
    dispatcher: Dispatcher, inbox: Inbox,
) -> None:  # fmt: skip
    client = connect(serve_tcp(kind, dispatcher, mode).address, wire)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = stream_encoder(wire)(osc("/note", b"\xc0\xdb")) * 3
    for cut in range(1, len(stream)):
        client.sock.send(stream[:cut])
        client.sock.send(stream[cut:])
    for byte in stream:
        client.sock.send(bytes([byte]))
    for _ in range(3 * len(stream)):
        assert inbox.take() == ("/note", b"\xc0\xdb")


@every_kind
@every_mode
def test_many_frames_can_arrive_at_once(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect,
    dispatcher: Dispatcher, inbox: Inbox,
) -> None:  # fmt: skip
    client = connect(serve_tcp(kind, dispatcher, mode).address, wire)
    client.send_packet(*(osc("/note", n) for n in range(1_000)))
    assert [inbox.take()[1] for _ in range(1_000)] == list(range(1_000))


@every_kind
@pytest.mark.parametrize("mode", ["1.1", "auto"])
@pytest.mark.parametrize(
    "stream",
    [
        osc("/note", 1) + END + osc("/note", 2) + END,
        END + osc("/note", 1) + END + osc("/note", 2) + END,
        END + END + END + osc("/note", 1) + END + END + END + osc("/note", 2) + END + END,
        END + osc("/note", 1) + END + END + osc("/note", 2) + END,
    ],
    ids=["END after", "shared END", "empty frames", "END at both ends"],
)
def test_every_slip_form_of_the_rfc_is_accepted(
    kind: str, mode: str, stream: bytes, serve_tcp: Serve, connect: Connect,
    dispatcher: Dispatcher, inbox: Inbox,
) -> None:  # fmt: skip
    client = connect(serve_tcp(kind, dispatcher, mode).address)
    client.sock.sendall(stream)
    assert [inbox.take()[1], inbox.take()[1]] == [1, 2]
    assert dispatcher.statistics.bad == {}


@every_kind
def test_server_supports_ipv6(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/who", lambda client, address: ("/you", client[0]), needs_reply_address=True)
    client = connect(serve_tcp(kind, dispatcher, host="::1").address)
    client.send("/who")
    assert client.receive() == Message("/you", "s", ("::1",))


@every_kind
def test_handler_receives_the_address_of_its_client(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map(
        "/who",
        lambda client, address, fixed, value: ("/you", *client, *fixed, value),
        "fixed",
        needs_reply_address=True,
    )
    client = connect(serve_tcp(kind, dispatcher).address)
    client.send("/who", 7)
    assert client.receive().args == (*client.address, "fixed", 7)


@every_kind
@every_mode
def test_client_that_disconnects_within_a_packet_affects_no_other(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect,
    dispatcher: Dispatcher, inbox: Inbox,
) -> None:  # fmt: skip
    server = serve_tcp(kind, dispatcher, mode)
    leaver = connect(server.address, wire)
    leaver.send("/note", 1)
    leaver.sock.sendall(stream_encoder(wire)(osc("/note", 2))[:-3])
    leaver.sock.close()
    client = connect(server.address, wire)
    client.send("/note", 3)
    assert sorted([inbox.take()[1], inbox.take()[1]]) == [1, 3]
    server.stop()
    assert len(inbox) == 0


@every_kind
@every_mode
def test_half_closed_client_still_receives_its_replies(
    kind: str, mode: str, wire: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    client = connect(serve_tcp(kind, dispatcher, mode).address, wire)
    client.send_packet(*(osc("/echo", n) for n in range(100)))
    client.finish()
    assert [client.receive().args[0] for _ in range(100)] == list(range(100))
    assert client.is_ended()


@every_kind
def test_reply_larger_than_the_buffers_arrives_completely(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/much", lambda address: ("/much", bytes(60_000)))
    client = connect(serve_tcp(kind, dispatcher).address, SO_RCVBUF=4_096)
    for _ in range(50):
        client.send("/much")
    client.finish()
    for _ in range(50):
        assert client.receive().args == (bytes(60_000),)


@every_kind
def test_bad_packets_are_counted_and_end_no_connection(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    client = connect(serve_tcp(kind, dispatcher).address)
    client.send_packet(b"nope", b"/a\0\0,x\0\0", b"/a\0\0,i\0\0", b"#bundle\0", osc("/echo", 1))
    assert client.receive().args == (1,)
    assert dispatcher.statistics.bad == {"address": 1, "type": 1, "truncated": 1, "bundle": 1}


@every_kind
def test_handler_that_raises_ends_no_connection(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/bad", lambda address: 1 // 0)
    client = connect(serve_tcp(kind, dispatcher).address)
    for _ in range(3):
        client.send("/bad")
    client.send("/echo", 1)
    assert client.receive().args == (1,)
    assert dispatcher.statistics.failed == 3


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@every_kind
@pytest.mark.parametrize("result", ["no address", b"/\xff", ("/a", object()), Unprintable()],
                         ids=["text", "bytes", "object", "unprintable"])  # fmt: skip
def test_reply_that_cannot_be_sent_ends_no_connection(
    kind: str, result: object, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/bad", lambda address: result)
    client = connect(serve_tcp(kind, dispatcher).address)
    client.send("/bad")
    client.send("/echo", 1)
    assert client.receive().args == (1,)
    assert dispatcher.statistics.failed == 1


@every_kind
def test_future_bundle_delays_nothing_and_runs_at_its_time(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    arrivals: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    dispatcher.map("/at/*", lambda address: arrivals.put((address, time.time_ns())))
    client = connect(serve_tcp(kind, dispatcher).address)
    due = soon(0.3)
    client.send_packet(encode_bundle([osc("/at/later")], due), osc("/at/now"))
    first, second = arrivals.get(timeout=WAIT), arrivals.get(timeout=WAIT)
    assert (first[0], second[0]) == ("/at/now", "/at/later")
    assert second[1] >= due.unix_ns() > first[1]


@every_kind
def test_scheduler_clock_decides_when_messages_are_due(
    kind: str, serve_tcp: Serve, connect: Connect
) -> None:
    now = 1_000_000_000_000_000_000
    dispatcher = Dispatcher(scheduler=Scheduler(clock_ns=lambda: now))
    dispatcher.map("/*", lambda address: address)
    client = connect(serve_tcp(kind, dispatcher).address)
    past, future = TimeTag.from_unix_ns(now - 10**9), TimeTag.from_unix_ns(now + 10**9)
    client.send_packet(encode_bundle([osc("/future")], future), encode_bundle([osc("/past")], past))
    assert client.receive().address == "/past"
    assert len(dispatcher.scheduler) == 1


@every_kind
def test_reply_of_a_future_message_goes_to_its_client(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    client = connect(serve_tcp(kind, dispatcher).address)
    client.send_packet(encode_bundle([osc("/echo", 1), osc("/echo", 2)], soon(0.1)))
    assert [client.receive().args, client.receive().args] == [(1,), (2,)]


@every_kind
def test_future_message_of_a_client_that_left_still_runs(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher, inbox: Inbox
) -> None:
    server = serve_tcp(kind, dispatcher)
    leaver = connect(server.address)
    leaver.send_packet(encode_bundle([osc("/echo", 1), osc("/note", 2)], soon(0.2)))
    leaver.finish()
    assert leaver.is_ended()
    assert inbox.take() == ("/note", 2)


@every_kind
@pytest.mark.parametrize("at", ["nothing", "a message", "half a frame"])
def test_stop_is_fast_with_connected_clients(
    kind: str, at: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher, inbox: Inbox
) -> None:
    before = set(threading.enumerate())
    server = serve_tcp(kind, dispatcher)
    clients = [connect(server.address) for _ in range(5)]
    if at != "nothing":
        clients[0].send("/note", 1)
        inbox.take()
    if at == "half a frame":
        clients[0].sock.sendall(b"\xc0/not")
    assert server.stop() < 2
    assert all(client.is_ended() for client in clients)
    assert set(threading.enumerate()) <= before
    with socket.create_server(server.address[:2]):
        pass  # the port is free again


@every_kind
def test_stopped_server_accepts_no_clients(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher)
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(server.address)


@pytest.mark.parametrize("mode", ["", "1", "1.2", "SLIP", None])
@pytest.mark.parametrize("base", [BlockingOSCTCPServer, ThreadingOSCTCPServer, AsyncOSCTCPServer])
def test_unknown_mode_is_rejected(base: Any, mode: Any, dispatcher: Dispatcher) -> None:
    where = ("127.0.0.1", 0) if base is AsyncOSCTCPServer else (("127.0.0.1", 0),)
    with pytest.raises(ValueError, match="framing"):
        base(*where, dispatcher, mode)


def test_mode_names_are_as_documented(dispatcher: Dispatcher) -> None:
    assert (MODE_1_0, MODE_1_1) == ("1.0", "1.1")
    with BlockingOSCTCPServer(("127.0.0.1", 0), dispatcher) as server:
        assert server.mode == "1.1"


@every_kind
def test_port_in_use_is_an_error(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    address = serve_tcp("blocking", dispatcher).address
    with pytest.raises(OSError):
        if kind == "asyncio":
            asyncio.run(AsyncOSCTCPServer(*address, dispatcher).start())
        elif kind == "threading":
            ThreadingOSCTCPServer(address, dispatcher)
        else:
            BlockingOSCTCPServer(address, dispatcher)


# --- one client after another, or several at once ----------------------------------------------


@at_once
def test_several_clients_are_served_concurrently(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, "auto")
    clients = [connect(server.address, "1.0" if n % 2 else "1.1") for n in range(50)]
    for turn in range(3):
        for n, client in enumerate(clients):
            client.send("/echo", n, turn)
    for turn in range(3):
        for n, client in enumerate(clients):
            assert client.receive().args == (n, turn)


@at_once
def test_client_with_a_partial_frame_blocks_no_other(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher)
    slow, quick = connect(server.address), connect(server.address)
    packet = encode_slip(osc("/echo", 1))
    slow.sock.sendall(packet[:7])
    quick.send("/echo", 2)
    assert quick.receive().args == (2,)
    slow.sock.sendall(packet[7:])
    assert slow.receive().args == (1,)


def test_handlers_of_several_clients_run_concurrently_on_threads(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    together = threading.Barrier(6)
    dispatcher.map("/wait", lambda address: together.wait(WAIT) and None)
    server = serve_tcp("threading", dispatcher)
    for _ in range(5):
        connect(server.address).send("/wait")
    together.wait(WAIT)


def test_blocking_server_serves_the_next_client_when_the_first_leaves(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp("blocking", dispatcher)
    first, second, third = (connect(server.address) for _ in range(3))
    second.send("/echo", 2)
    third.send("/echo", 3)
    first.send("/echo", 1)
    assert first.receive().args == (1,)
    second.sock.settimeout(0.1)
    with pytest.raises(TimeoutError):
        second.receive()
    first.sock.close()
    second.sock.settimeout(WAIT)
    assert second.receive().args == (2,)
    second.finish()
    assert third.receive().args == (3,)


# --- the servers on socketserver ---------------------------------------------------------------


@on_threads
def test_handle_request_serves_one_client(
    base: type[OSCTCPServer], connect: Connect, dispatcher: Dispatcher, inbox: Inbox
) -> None:
    with base(("127.0.0.1", 0), dispatcher) as server:
        first, second = connect(server.server_address), connect(server.server_address)
        first.send("/note", 1)
        second.send("/note", 2)
        first.finish()
        second.finish()
        server.handle_request()
        assert inbox.take() == ("/note", 1)
        assert first.is_ended()
        assert len(inbox) == 0
        server.handle_request()
        assert inbox.take() == ("/note", 2)


@on_threads
def test_handle_request_returns_after_its_timeout(
    base: type[OSCTCPServer], dispatcher: Dispatcher
) -> None:
    with base(("127.0.0.1", 0), dispatcher) as server:
        timeouts: list[int] = []
        server.timeout = 0.05
        server.handle_timeout = lambda: timeouts.append(1)  # type: ignore[method-assign]
        server.handle_request()
        assert timeouts == [1]


def test_with_block_closes_the_connections_of_handle_request(
    connect: Connect, dispatcher: Dispatcher, inbox: Inbox
) -> None:
    before = set(threading.enumerate())
    with ThreadingOSCTCPServer(("127.0.0.1", 0), dispatcher) as server:
        client = connect(server.server_address)
        client.send("/note", 1)
        server.handle_request()
        inbox.take()
    assert client.is_ended()
    assert set(threading.enumerate()) <= before


@on_threads
def test_server_has_its_dispatcher_and_is_closed_by_a_with_block(
    base: type[OSCTCPServer], dispatcher: Dispatcher
) -> None:
    with base(("127.0.0.1", 0), dispatcher) as server:
        assert server.dispatcher is dispatcher
    assert server.socket.fileno() == -1


@on_threads
def test_family_is_inferred_from_the_host_unless_given(
    base: type[OSCTCPServer], dispatcher: Dispatcher
) -> None:
    for host, family, expected in [
        ("127.0.0.1", None, socket.AF_INET),
        ("::1", None, socket.AF_INET6),
        ("", None, socket.AF_INET),
        ("", socket.AF_INET6, socket.AF_INET6),
    ]:
        with base((host, 0), dispatcher, family=family) as server:
            assert server.socket.family == expected


@on_threads
def test_server_can_serve_again(
    base: type[OSCTCPServer], connect: Connect, dispatcher: Dispatcher
) -> None:
    with base(("127.0.0.1", 0), dispatcher) as server:
        for n in range(3):
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            client = connect(server.server_address)
            client.send("/echo", n)
            assert client.receive().args == (n,)
            server.shutdown()
            thread.join(WAIT)
            assert not thread.is_alive()
            assert client.is_ended()


@on_threads
def test_coroutine_handler_of_a_blocking_server_is_logged(
    base: type[OSCTCPServer], connect: Connect, dispatcher: Dispatcher,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async def coroutine(address: str) -> None:
        raise AssertionError("must not be awaited")

    dispatcher.map("/a", coroutine)
    with base(("127.0.0.1", 0), dispatcher) as server:
        client = connect(server.server_address)
        client.send("/a")
        client.send("/echo", 1)
        client.finish()
        server.handle_request()
        assert client.receive().args == (1,)
    assert "asyncio server" in caplog.text


def test_stuck_handler_does_not_delay_a_stop(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher, inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    begun, go_on = threading.Event(), threading.Event()
    dispatcher.map("/wait", lambda address: begun.set() or (go_on.wait(WAIT) and None))
    server = serve_tcp("threading", dispatcher, stop_timeout=0.05)
    client = connect(server.address)
    client.send("/wait")
    assert begun.wait(WAIT)
    assert server.stop() < 2
    assert caplog.text.count("1 handlers still running") == 1
    go_on.set()
    with suppress(ConnectionError):
        client.send("/note", 1)
    assert client.is_ended()  # its thread serves no client after the stop
    for thread in threading.enumerate():
        if thread.name.startswith("osc-tcp"):
            thread.join(WAIT)
            assert not thread.is_alive()


def test_stop_waits_for_running_handlers(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def handler(_address: str) -> None:
        begun.set()
        go_on.wait(WAIT)
        ended.set()

    dispatcher.map("/wait", handler)
    server = serve_tcp("threading", dispatcher)
    connect(server.address).send("/wait")
    assert begun.wait(WAIT)
    later = threading.Timer(0.05, go_on.set)
    later.start()
    server.stop()
    assert ended.is_set()
    later.join()


# --- the asyncio server ------------------------------------------------------------------------


async def receive(client: Any) -> Message:
    return await asyncio.to_thread(client.receive)  # type: ignore[no-any-return]


async def listening(dispatcher: Dispatcher, mode: str = "1.1", **attributes: object) -> Any:
    server = type("Server", (AsyncOSCTCPServer,), attributes)("127.0.0.1", 0, dispatcher, mode)
    await server.listen()
    server.address = server.sockets[0].getsockname()
    return server


async def test_start_serves_until_stop(dispatcher: Dispatcher, connect: Connect) -> None:
    server = AsyncOSCTCPServer("127.0.0.1", 0, dispatcher)
    assert server.dispatcher is dispatcher
    assert server.sockets == ()
    serving = asyncio.create_task(server.start())
    while not server.sockets:
        await asyncio.sleep(0)
    client = connect(server.sockets[0].getsockname())
    client.send("/echo", 1)
    assert (await receive(client)).args == (1,)
    assert not serving.done()
    await server.stop()
    await asyncio.wait_for(serving, WAIT)
    assert server.sockets == ()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelled_start_stops(dispatcher: Dispatcher, connect: Connect) -> None:
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send("/echo", 1)
    serving = asyncio.create_task(server.start())
    await receive(client)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert server.sockets == ()
    assert await asyncio.to_thread(client.is_ended)
    with socket.create_server(server.address):
        pass


async def test_async_with_block_stops_the_server(dispatcher: Dispatcher, connect: Connect) -> None:
    async with AsyncOSCTCPServer("127.0.0.1", 0, dispatcher) as server:
        serving = asyncio.create_task(server.start())
        while not server.sockets:
            await asyncio.sleep(0)
        client = connect(server.sockets[0].getsockname())
        client.send("/echo", 1)
        await receive(client)
    await asyncio.wait_for(serving, WAIT)
    assert await asyncio.to_thread(client.is_ended)


async def test_server_can_be_stopped_twice_and_serve_again(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    server = await listening(dispatcher)
    await server.stop()
    await server.stop()
    await server.listen()
    await server.listen()
    client = connect(server.sockets[0].getsockname())
    client.send("/echo", 1)
    assert (await receive(client)).args == (1,)
    await server.stop()


@pytest.mark.parametrize("turns", range(6))
async def test_stop_closes_a_client_that_was_just_accepted(
    turns: int, dispatcher: Dispatcher, connect: Connect
) -> None:
    server = await listening(dispatcher)
    client = connect(server.address)
    for _ in range(turns):
        await asyncio.sleep(0)
    await server.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client.is_ended()  # on this thread: the loop is not needed any more


async def test_coroutine_handlers_are_awaited_in_order(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    log: list[object] = []

    async def slow(_address: str, n: int) -> tuple[str, int]:
        log.append(("begin", n))
        for _ in range(5):
            await asyncio.sleep(0)
        log.append(("end", n))
        return "/slow", n

    def quick(_address: str, n: int) -> tuple[str, int]:
        log.append(n)
        return "/quick", n

    dispatcher.map("/slow", slow)
    dispatcher.map("/quick", quick)
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send_packet(osc("/slow", 1), osc("/slow", 2), osc("/quick", 3), osc("/slow", 4))
    replies = [await receive(client) for _ in range(4)]
    assert [reply.args[0] for reply in replies] == [1, 2, 3, 4]
    assert log == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2), 3, ("begin", 4), ("end", 4)]
    await server.stop()


async def test_client_is_not_read_while_its_coroutine_is_awaited(
    dispatcher: Dispatcher, connect: Connect, inbox: Inbox
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_address: str) -> None:
        begun.set()
        await go_on.wait()

    dispatcher.map("/slow", slow)
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send("/slow")
    await asyncio.wait_for(begun.wait(), WAIT)
    client.send("/note", 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(inbox) == 0
    go_on.set()
    assert await asyncio.to_thread(inbox.take) == ("/note", 1)
    await server.stop()


async def test_slow_coroutine_of_one_client_blocks_no_other(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    go_on = asyncio.Event()

    async def slow(_address: str) -> str:
        await go_on.wait()
        return "/done"

    dispatcher.map("/slow", slow)
    server = await listening(dispatcher)
    patient, quick = connect(server.address), connect(server.address)
    patient.send("/slow")
    quick.send("/echo", 1)
    assert (await receive(quick)).args == (1,)
    go_on.set()
    assert (await receive(patient)).address == "/done"
    await server.stop()


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_coroutine_handler_that_raises_ends_no_connection(
    error: type[BaseException], dispatcher: Dispatcher, connect: Connect
) -> None:
    async def bad(_address: str) -> None:
        raise error

    dispatcher.map("/bad", bad)
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send_packet(osc("/bad"), osc("/bad"), osc("/echo", 1))
    assert (await receive(client)).args == (1,)
    assert dispatcher.statistics.failed == 2
    await server.stop()


async def test_half_closed_client_receives_the_reply_of_its_coroutine(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_address: str) -> str:
        begun.set()
        await go_on.wait()
        return "/done"

    dispatcher.map("/slow", slow)
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send_packet(osc("/slow"), osc("/echo", 2))
    client.finish()
    await asyncio.wait_for(begun.wait(), WAIT)
    for _ in range(10):
        await asyncio.sleep(0)
    go_on.set()
    assert (await receive(client)).address == "/done"
    assert (await receive(client)).args == (2,)
    assert await asyncio.to_thread(client.is_ended)
    await server.stop()


async def test_stop_cancels_coroutines_and_waits_for_their_cleanup(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    begun, cleaned = asyncio.Event(), asyncio.Event()

    async def forever(_address: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    dispatcher.map("/wait", forever)
    server = await listening(dispatcher)
    client = connect(server.address)
    client.send_packet(osc("/wait"), osc("/wait"))
    await asyncio.wait_for(begun.wait(), WAIT)
    await server.stop()
    assert cleaned.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client.is_ended()


async def test_stop_sends_written_replies_first(dispatcher: Dispatcher, connect: Connect) -> None:
    dispatcher.map("/much", lambda address: ("/much", bytes(60_000)))
    dispatcher.map("/last", lambda address: asyncio.get_running_loop().create_task(stop()) and None)

    async def stop() -> None:
        await server.stop()

    server = await listening(dispatcher, stop_timeout=WAIT)
    client = connect(server.address, SO_RCVBUF=4_096)
    client.send_packet(osc("/much"), osc("/last"))
    assert len((await receive(client)).args[0]) == 60_000
    assert await asyncio.to_thread(client.is_ended)


async def test_packet_timeout_does_not_count_the_time_of_a_coroutine(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    async def slow(_address: str) -> None:
        await asyncio.sleep(0.3)

    dispatcher.map("/slow", slow)
    server = await listening(dispatcher, limits=StreamLimits(packet_timeout=0.1, idle_timeout=0.2))
    client = connect(server.address)
    rest = encode_slip(osc("/echo", 1))
    client.sock.sendall(encode_slip(osc("/slow")) + rest[:5])
    await asyncio.sleep(0)
    client.sock.sendall(rest[5:])
    assert (await receive(client)).args == (1,)
    assert dispatcher.statistics.closed == {}
    await server.stop()


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """An event loop without ``add_reader``, like the proactor loop of Windows."""

    def add_reader(self, *_args: Any) -> None:
        raise NotImplementedError


def test_server_works_on_a_loop_without_socket_readers(
    dispatcher: Dispatcher, connect: Connect
) -> None:
    async def exchange() -> Message:
        server = await listening(dispatcher)
        client = connect(server.address)
        client.send("/echo", 1)
        reply = await receive(client)
        await server.stop()
        assert client.is_ended()
        return reply

    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        assert runner.run(exchange()).args == (1,)


async def test_empty_host_means_all_addresses(dispatcher: Dispatcher, connect: Connect) -> None:
    server = AsyncOSCTCPServer("", 0, dispatcher)
    await server.listen()
    for sock in server.sockets:
        host = "::1" if sock.family == socket.AF_INET6 else "127.0.0.1"
        client = connect((host, sock.getsockname()[1]))
        client.send("/echo", 1)
        assert (await receive(client)).args == (1,)
    await server.stop()


def test_auto_detects_the_framing_of_each_client(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp("asyncio", dispatcher, "auto")
    old, new = connect(server.address, "1.0"), connect(server.address, "1.1")
    old.send("/echo", 0)
    new.send("/echo", 1)
    assert old.sock.recv(100) == encode_length_prefix(osc("/echoed", 0))
    assert new.sock.recv(100) == encode_slip(osc("/echoed", 1))

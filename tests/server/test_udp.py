"""The UDP servers, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import queue
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from oscbridge.dispatcher import Dispatcher
from oscbridge.net.allowlist import AllowList
from oscbridge.osc import (
    IMMEDIATELY,
    Argument,
    Message,
    TimeTag,
    decode_message,
    encode_bundle,
    encode_message,
)
from oscbridge.osc_server import (
    AsyncIOOSCUDPServer,
    BlockingOSCUDPServer,
    OSCUDPServer,
    ThreadingOSCUDPServer,
)

WAIT = 20.0
Address = tuple[Any, ...]
MakeSocket = Callable[..., socket.socket]


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


class LoopServer(AsyncIOOSCUDPServer):
    """Calls ``bound`` with its address."""

    def __init__(self, host: str, dispatcher: Dispatcher) -> None:
        self.loop = asyncio.new_event_loop()
        super().__init__((host, 0), dispatcher, self.loop)
        self.bound: Callable[[Address], None] = lambda address: None

    async def create_serve_endpoint(
        self,
    ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
        transport, protocol = await super().create_serve_endpoint()
        self.loop.call_soon(self.bound, transport.get_extra_info("sockname"))
        return transport, protocol


@dataclass
class Running:
    """A server that runs on a thread."""

    thread: threading.Thread
    end: Callable[[], None]
    address: Address = ()

    def stop(self) -> None:
        self.end()
        self.thread.join(WAIT)
        assert not self.thread.is_alive()


def start_thread(server: OSCUDPServer, before: Callable[[Address], object]) -> Running:
    def serve() -> None:
        with server:
            server.serve_forever(0.05)

    before(server.server_address)
    thread = threading.Thread(target=serve)
    thread.start()
    return Running(thread, server.shutdown, server.server_address)


def start_loop(server: LoopServer, before: Callable[[Address], object]) -> Running:
    bound: queue.SimpleQueue[Address] = queue.SimpleQueue()

    def tell(address: Address) -> None:
        before(address)
        bound.put(address)

    def serve() -> None:
        server.serve()
        server.loop.close()

    server.bound = tell
    thread = threading.Thread(target=serve)
    running = Running(thread, lambda: server.loop.call_soon_threadsafe(server.loop.stop))
    thread.start()
    running.address = bound.get(timeout=WAIT)
    return running


def start(
    mode: str,
    dispatcher: Dispatcher,
    host: str = "127.0.0.1",
    before: Callable[[Address], object] = lambda address: None,
) -> Running:
    if mode == "asyncio":
        return start_loop(LoopServer(host, dispatcher), before)
    kind = BlockingOSCUDPServer if mode == "blocking" else ThreadingOSCUDPServer
    return start_thread(kind((host, 0), dispatcher), before)


every_mode = pytest.mark.parametrize("mode", ["blocking", "threading", "asyncio"])
on_threads = pytest.mark.parametrize("kind", [BlockingOSCUDPServer, ThreadingOSCUDPServer])


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sender(udp_socket: MakeSocket) -> socket.socket:
    return udp_socket()


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Starts servers and stops them at the end."""
    started: list[Running] = []

    def run(start: Callable[..., Running], *args: Any, **options: Any) -> Running:
        started.append(start(*args, **options))
        return started[-1]

    yield run
    for server in started:
        if server.thread.is_alive():
            server.stop()


Serve = Callable[..., Running]

# --- all servers -------------------------------------------------------------------------------


@every_mode
def test_message_reaches_its_handler(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/fader", inbox, "fixed", needs_reply_address=True)
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/fader", 1, "two"), server.address)
    assert inbox.take() == (sender.getsockname(), "/fader", ["fixed"], 1, "two")


@every_mode
@pytest.mark.parametrize(
    ("result", "reply"),
    [("/ok", Message("/ok")), (("/ok", 1, "x"), Message("/ok", "is", (1, "x")))],
    ids=["address", "tuple"],
)
def test_result_of_a_handler_is_sent_to_the_sender(
    mode: str,
    serve: Serve,
    dispatcher: Dispatcher,
    sender: socket.socket,
    result: object,
    reply: Message,
) -> None:
    dispatcher.map("/ask", lambda address: result)
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/ask"), server.address)
    data, source = sender.recvfrom(1_000)
    assert decode_message(data) == reply
    assert source == server.address


@every_mode
def test_handler_that_returns_none_sends_no_reply(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/quiet", inbox)
    dispatcher.map("/ask", lambda address: "/ok")
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/quiet"), server.address)
    inbox.take()
    sender.sendto(osc("/ask"), server.address)
    assert decode_message(sender.recv(1_000)).address == "/ok"


BAD = [b"", b"\0", b"nope", b"/a\0\0,x\0\0", b"/a b", b"#bundle\0", b"#bundle\0" + b"\xff" * 12,
       b"/a\0\0,i\0\0", b"/" * 60_000]  # fmt: skip


@every_mode
def test_bad_datagrams_are_counted_and_stop_nothing(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/good", inbox)
    server = serve(start, mode, dispatcher)
    for data in BAD:
        sender.sendto(data, server.address)
        sender.sendto(osc("/good"), server.address)
        assert inbox.take() == ("/good",)
    server.stop()
    assert dispatcher.statistics.bad == {
        "address": 3, "type": 1, "string": 2, "bundle": 1, "size": 1, "truncated": 1
    }  # fmt: skip


@every_mode
def test_handler_that_raises_stops_nothing(
    mode: str,
    serve: Serve,
    dispatcher: Dispatcher,
    inbox: Inbox,
    sender: socket.socket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher.map("/bad", lambda address: 1 // 0)
    dispatcher.map("/good", inbox)
    server = serve(start, mode, dispatcher)
    for data in (osc("/bad"), osc("/bad"), osc("/good")):
        sender.sendto(data, server.address)
    assert inbox.take() == ("/good",)
    server.stop()
    assert "/bad raised ZeroDivisionError" in caplog.text


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@every_mode
@pytest.mark.parametrize("result", ["no address", b"/\xff", ("/a", object()), Unprintable()],
                         ids=["text", "bytes", "object", "unprintable"])  # fmt: skip
def test_reply_that_cannot_be_sent_stops_nothing(
    mode: str,
    serve: Serve,
    dispatcher: Dispatcher,
    sender: socket.socket,
    caplog: pytest.LogCaptureFixture,
    result: object,
) -> None:
    dispatcher.map("/bad", lambda address: result)
    dispatcher.map("/good", lambda address: "/ok")
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/bad"), server.address)
    sender.sendto(encode_bundle([osc("/bad"), osc("/good")], soon(0.05)), server.address)
    assert decode_message(sender.recv(1_000)).address == "/ok"
    server.stop()
    assert dispatcher.statistics.failed == 2
    assert f"reply to 127.0.0.1:{sender.getsockname()[1]} raised" in caplog.text


@every_mode
def test_future_bundle_delays_nothing_and_arrives_at_its_time(
    mode: str, serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    arrivals: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    dispatcher.map("/*", lambda address: arrivals.put((address, time.time_ns())))
    server = serve(start, mode, dispatcher)
    due = soon(0.3)
    sender.sendto(encode_bundle([osc("/later")], due), server.address)
    sender.sendto(osc("/now"), server.address)
    first, second = arrivals.get(timeout=WAIT), arrivals.get(timeout=WAIT)
    assert (first[0], second[0]) == ("/now", "/later")
    assert second[1] >= due.unix_ns() > first[1]


@every_mode
def test_earlier_bundle_overtakes_a_later_one(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/*", inbox)
    server = serve(start, mode, dispatcher)
    sender.sendto(encode_bundle([osc("/much/later")], soon(60)), server.address)
    sender.sendto(encode_bundle([osc("/second")], soon(2)), server.address)
    sender.sendto(encode_bundle([osc("/first")], soon(1)), server.address)
    assert [inbox.take()[0], inbox.take()[0]] == ["/first", "/second"]


@every_mode
def test_stop_is_fast_and_frees_the_port(
    mode: str, serve: Serve, dispatcher: Dispatcher, udp_socket: MakeSocket
) -> None:
    server = serve(start, mode, dispatcher)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 3
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(server.address)


@every_mode
def test_server_supports_ipv6(
    mode: str, serve: Serve, dispatcher: Dispatcher, udp_socket: MakeSocket
) -> None:
    dispatcher.map("/ask", lambda client, address: ("/you", client[0]), needs_reply_address=True)
    server = serve(start, mode, dispatcher, "::1")
    sender = udp_socket("::1")
    sender.sendto(osc("/ask"), server.address)
    assert decode_message(sender.recv(1_000)) == Message("/you", "s", ("::1",))


class CountingSelector(selectors.DefaultSelector):
    """Counts the calls of ``select``."""

    waits = 0

    def select(self, timeout: float | None = None) -> Any:
        CountingSelector.waits += 1
        return super().select(timeout)


@every_mode
def test_burst_is_read_until_the_socket_would_block(
    mode: str,
    serve: Serve,
    dispatcher: Dispatcher,
    sender: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selectors, "DefaultSelector", CountingSelector)
    monkeypatch.setattr(CountingSelector, "waits", 0)
    handled: list[int] = []
    done = threading.Event()
    burst, waits = 0, 0

    def fill(address: Address) -> None:
        nonlocal burst
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            room = probe.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        burst = min(2_000, room // 1_024)  # capacity of the system's buffer
        for n in range(burst):
            sender.sendto(osc("/n", n), address)

    def handler(_address: str, n: int) -> None:
        nonlocal waits
        handled.append(n)
        if len(handled) == burst:
            waits = CountingSelector.waits
            done.set()

    dispatcher.map("/n", handler)
    serve(start, mode, dispatcher, before=fill)
    assert done.wait(WAIT)
    assert sorted(handled) == list(range(burst))
    assert waits < burst / 10


@every_mode
def test_large_datagram_arrives_completely(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/blob", inbox)
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/blob", b"x" * 65_000), server.address)
    assert inbox.take() == ("/blob", b"x" * 65_000)


@pytest.mark.parametrize("mode", ["blocking", "threading"])
def test_coroutine_handler_of_a_blocking_server_is_logged(
    mode: str,
    serve: Serve,
    dispatcher: Dispatcher,
    inbox: Inbox,
    sender: socket.socket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def coroutine(address: str) -> None:
        raise AssertionError("must not be awaited")

    dispatcher.map("/a", coroutine)
    dispatcher.map("/a", inbox)
    server = serve(start, mode, dispatcher)
    sender.sendto(osc("/a"), server.address)
    inbox.take()
    server.stop()
    assert "coroutine raised TypeError" in caplog.text
    assert "asyncio server" in caplog.text


# --- the servers on socketserver ---------------------------------------------------------------


@every_mode
def test_packets_from_outside_allow_are_counted_and_not_decoded(
    mode: str, serve: Serve, dispatcher: Dispatcher, inbox: Inbox, udp_socket: MakeSocket,
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for kind in (OSCUDPServer, AsyncIOOSCUDPServer):
        monkeypatch.setattr(kind, "allow", AllowList(["127.0.0.2", "10.0.0.0/8"]))
    dispatcher.map("/x", inbox)
    server = serve(start, mode, dispatcher)
    for n in range(300):  # more than one batch, and alternately
        sender.sendto(osc("/x", -1), server.address)
        if n % 100 == 0:
            udp_socket("127.0.0.2").sendto(osc("/x", n), server.address)
    assert [inbox.take()[1] for _ in range(3)] == [0, 100, 200]
    deadline = time.monotonic() + WAIT
    while dispatcher.statistics.bad != {"not_allowed": 300}:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert dispatcher.statistics.packets == 3


def test_packets_from_outside_allow_reach_no_method_of_a_subclass(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    class Strict(BlockingOSCUDPServer):
        allow = AllowList(["127.0.0.2"])

        def verify_request(self, request: Any, client_address: Any) -> bool:
            raise AssertionError

    with Strict(("127.0.0.1", 0), dispatcher) as server:
        sender.sendto(osc("/x"), server.server_address)
        server.handle_request()
    assert dispatcher.statistics.bad == {"not_allowed": 1}


@on_threads
def test_verify_request_rejects_packets(
    kind: type[OSCUDPServer],
    serve: Serve,
    dispatcher: Dispatcher,
    inbox: Inbox,
    sender: socket.socket,
    udp_socket: MakeSocket,
) -> None:
    stranger = udp_socket()

    class Choosy(kind):  # type: ignore[misc, valid-type]
        def verify_request(self, request: Any, client_address: Any) -> bool:
            return bool(client_address != stranger.getsockname())

    dispatcher.map("/*", inbox)
    server = serve(start_thread, Choosy(("127.0.0.1", 0), dispatcher), lambda address: None)
    stranger.sendto(osc("/stranger"), server.address)
    stranger.sendto(b"rubbish", server.address)
    sender.sendto(osc("/friend"), server.address)
    assert inbox.take() == ("/friend",)
    server.stop()
    assert dispatcher.statistics.bad == {"refused": 1, "address": 1}


@on_threads
@pytest.mark.parametrize("name", ["verify_request", "process_request", "finish_request"])
def test_overridden_method_that_raises_is_reported_and_stops_nothing(
    kind: type[OSCUDPServer],
    name: str,
    serve: Serve,
    dispatcher: Dispatcher,
    inbox: Inbox,
    sender: socket.socket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def override(self: OSCUDPServer, request: Any, client_address: Any) -> Any:
        if b"bad" in request[0]:
            raise RuntimeError("my override is broken")
        return getattr(kind, name)(self, request, client_address)

    broken = type("Broken", (kind,), {name: override})
    dispatcher.map("/*", inbox)
    server = serve(start_thread, broken(("127.0.0.1", 0), dispatcher), lambda address: None)
    for address in ("/bad", "/good"):
        sender.sendto(osc(address), server.address)
    assert inbox.take() == ("/good",)
    server.stop()
    assert "my override is broken" in caplog.text


def test_mixin_of_the_standard_library_works(
    serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    class Mixed(socketserver.ThreadingMixIn, BlockingOSCUDPServer):
        pass

    together = threading.Barrier(3)
    dispatcher.map("/wait", lambda address: together.wait(WAIT) and None)
    server = serve(start_thread, Mixed(("127.0.0.1", 0), dispatcher), lambda address: None)
    sender.sendto(osc("/wait"), server.address)
    sender.sendto(osc("/wait"), server.address)
    together.wait(WAIT)


def test_handle_request_waits_for_one_datagram_and_handles_it(
    dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/*", inbox)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        later = threading.Timer(0.05, sender.sendto, (osc("/a"), server.server_address))
        later.start()
        server.handle_request()
        later.join()
        assert inbox.take() == ("/a",)
        sender.sendto(osc("/b"), server.server_address)
        sender.sendto(osc("/c"), server.server_address)
        server.handle_request()
        assert len(inbox) == 1


def test_handle_request_returns_after_its_timeout(dispatcher: Dispatcher) -> None:
    class Patient(BlockingOSCUDPServer):
        timeouts = 0

        def handle_timeout(self) -> None:
            self.timeouts += 1

    with Patient(("127.0.0.1", 0), dispatcher, timeout=0.05) as server:
        started = time.monotonic()
        server.handle_request()
        assert 0.05 <= time.monotonic() - started < WAIT
        assert server.timeouts == 1


def test_handle_request_runs_messages_that_become_due_while_it_waits(
    dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/later", lambda address: sender.sendto(osc("/now"), server.server_address))
    dispatcher.map("/now", inbox)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher, timeout=WAIT) as server:
        sender.sendto(encode_bundle([osc("/later")], soon(0.05)), server.server_address)
        server.handle_request()
        server.handle_request()  # would find nothing if /later had not run meanwhile
        assert inbox.take() == ("/now",)


def test_with_block_closes_the_socket(dispatcher: Dispatcher) -> None:
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        assert server.dispatcher is dispatcher
    assert server.socket.fileno() == -1


def test_server_can_bind_later(dispatcher: Dispatcher) -> None:
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher, bind_and_activate=False) as server:
        assert server.socket.getsockname()[1] == 0
        server.server_bind()
        assert server.server_address[1] != 0


def test_family_is_inferred_from_the_host_unless_given(dispatcher: Dispatcher) -> None:
    with BlockingOSCUDPServer(("::1", 0), dispatcher) as server:
        assert server.socket.family == socket.AF_INET6
    with BlockingOSCUDPServer(("", 0), dispatcher, family=socket.AF_INET6) as server:
        assert server.socket.family == socket.AF_INET6
    with BlockingOSCUDPServer(("", 0), dispatcher) as server:
        assert server.socket.family == socket.AF_INET


@on_threads
def test_port_in_use_is_an_error(
    kind: type[OSCUDPServer], dispatcher: Dispatcher, sender: socket.socket
) -> None:
    with pytest.raises(OSError):
        kind(sender.getsockname(), dispatcher)


@on_threads
def test_server_shut_down_before_serving_returns_at_once(
    kind: type[OSCUDPServer], dispatcher: Dispatcher
) -> None:
    with kind(("127.0.0.1", 0), dispatcher) as server:
        server.shutdown()
        server.serve_forever(0.05)


@on_threads
def test_server_can_serve_again(
    kind: type[OSCUDPServer], dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    dispatcher.map("/a", inbox)
    with kind(("127.0.0.1", 0), dispatcher) as server:
        for _ in range(2):
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            sender.sendto(osc("/a"), server.server_address)
            inbox.take()
            server.shutdown()
            thread.join(WAIT)
            assert not thread.is_alive()


# --- the threading server ----------------------------------------------------------------------


def threads_of_servers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("osc-udp")]


def threading_server(dispatcher: Dispatcher, **attributes: object) -> ThreadingOSCUDPServer:
    return type("Server", (ThreadingOSCUDPServer,), attributes)(("127.0.0.1", 0), dispatcher)


def test_handlers_run_concurrently(
    serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    together = threading.Barrier(9)
    dispatcher.map("/wait", lambda address: together.wait(WAIT) and None)
    server = serve(start, "threading", dispatcher)
    for _ in range(8):
        sender.sendto(osc("/wait"), server.address)
    together.wait(WAIT)


def test_max_threads_bounds_handlers_and_no_packet_is_lost(
    serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    begun: queue.SimpleQueue[int] = queue.SimpleQueue()
    go_on = threading.Event()

    def handler(_address: str, n: int) -> None:
        begun.put(n)
        go_on.wait(WAIT)

    dispatcher.map("/wait", handler)
    server = serve(start_thread, threading_server(dispatcher, max_threads=3), lambda address: None)
    for n in range(10):
        sender.sendto(osc("/wait", n), server.address)
    first = [begun.get(timeout=WAIT) for _ in range(3)]
    with pytest.raises(queue.Empty):
        begun.get(timeout=0.1)
    assert len(threads_of_servers()) == 3
    go_on.set()
    assert sorted(first + [begun.get(timeout=WAIT) for _ in range(7)]) == list(range(10))


def test_threads_are_reused(
    serve: Serve, dispatcher: Dispatcher, inbox: Inbox, sender: socket.socket
) -> None:
    names: set[str] = set()

    def handler(_address: str) -> None:
        names.add(threading.current_thread().name)
        inbox()

    dispatcher.map("/a", handler)
    server = serve(start, "threading", dispatcher)
    for _ in range(100):
        sender.sendto(osc("/a"), server.address)
        inbox.take()
    assert len(names) <= 3


def test_no_thread_is_left_after_a_shutdown(
    serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    together = threading.Barrier(5)
    dispatcher.map("/wait", lambda address: together.wait(WAIT) and None)
    server = serve(start, "threading", dispatcher)
    for _ in range(4):
        sender.sendto(osc("/wait"), server.address)
    together.wait(WAIT)
    assert len(threads_of_servers()) >= 4
    server.stop()
    assert threads_of_servers() == []


def test_shutdown_waits_for_running_handlers(
    serve: Serve, dispatcher: Dispatcher, sender: socket.socket
) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def handler(_address: str) -> None:
        begun.set()
        go_on.wait(WAIT)
        ended.set()

    dispatcher.map("/wait", handler)
    server = serve(start, "threading", dispatcher)
    sender.sendto(osc("/wait"), server.address)
    assert begun.wait(WAIT)
    threading.Timer(0.05, go_on.set).start()
    server.stop()
    assert ended.is_set()


def test_stuck_handler_does_not_delay_a_shutdown(
    serve: Serve,
    dispatcher: Dispatcher,
    sender: socket.socket,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    dispatcher.map("/wait", lambda address: begun.set() or (go_on.wait(WAIT) and None))
    server = serve(
        start_thread, threading_server(dispatcher, stop_timeout=0.05), lambda address: None
    )
    sender.sendto(osc("/wait"), server.address)
    assert begun.wait(WAIT)
    server.stop()
    assert "1 handlers still running" in caplog.text
    go_on.set()
    for thread in threads_of_servers():
        thread.join(WAIT)


def test_handler_that_exits_ends_no_thread(
    serve: Serve,
    dispatcher: Dispatcher,
    inbox: Inbox,
    sender: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave(_address: str) -> None:
        inbox("left")
        raise SystemExit

    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    dispatcher.map("/exit", leave)
    dispatcher.map("/a", inbox)
    server = serve(start_thread, threading_server(dispatcher, max_threads=2), lambda address: None)
    for _ in range(5):
        sender.sendto(osc("/exit"), server.address)
        assert inbox.take() == ("left",)
    sender.sendto(osc("/a"), server.address)
    assert inbox.take() == ("/a",)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_server_ends_its_threads(
    dispatcher: Dispatcher, error: type[BaseException]
) -> None:
    def interrupt(self: object) -> None:
        raise error

    with threading_server(dispatcher, service_actions=interrupt) as server:
        with pytest.raises(error):
            server.serve_forever(0.02)
        assert threads_of_servers() == []


def test_socket_error_is_raised_by_the_server(dispatcher: Dispatcher) -> None:
    server = threading_server(dispatcher, service_actions=lambda self: self.socket.close())
    with pytest.raises(OSError):
        server.serve_forever(0.02)
    assert threads_of_servers() == []


# --- the asyncio server ------------------------------------------------------------------------


async def endpoint(
    dispatcher: Dispatcher, **attributes: Any
) -> tuple[asyncio.DatagramTransport, Address]:
    server = AsyncIOOSCUDPServer(("127.0.0.1", 0), dispatcher, asyncio.get_running_loop())
    for name, value in attributes.items():
        setattr(server, name, value)
    transport, _ = await server.create_serve_endpoint()
    return transport, transport.get_extra_info("sockname")


async def settle() -> None:
    """Let the loop run all ready callbacks."""
    for _ in range(20):
        await asyncio.sleep(0)


async def close(transport: asyncio.DatagramTransport) -> None:
    transport.close()
    await settle()


async def test_coroutine_handler_is_awaited_and_its_result_is_the_reply(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    async def handler(address: str, value: int) -> tuple[str, int]:
        await asyncio.sleep(0)
        return "/ok", value

    dispatcher.map("/ask", handler)
    transport, address = await endpoint(dispatcher)
    sender.sendto(osc("/ask", 7), address)
    data = await asyncio.to_thread(sender.recv, 1_000)
    assert decode_message(data) == Message("/ok", "i", (7,))
    await close(transport)


async def test_coroutine_handlers_are_awaited_concurrently(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    together = asyncio.Barrier(6)

    async def handler(_address: str) -> None:
        await together.wait()

    dispatcher.map("/wait", handler)
    transport, address = await endpoint(dispatcher)
    for _ in range(5):
        sender.sendto(osc("/wait"), address)
    await asyncio.wait_for(together.wait(), WAIT)
    await close(transport)


async def test_exceptions_of_a_coroutine_handler_are_logged_at_a_limited_rate(
    dispatcher: Dispatcher, sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_address: str) -> None:
        raise ZeroDivisionError("oops")

    done = asyncio.Event()

    async def last(_address: str) -> None:
        done.set()

    dispatcher.map("/a", broken)
    dispatcher.map("/last", last)
    transport, address = await endpoint(dispatcher)
    for _ in range(5):
        sender.sendto(osc("/a"), address)
    sender.sendto(osc("/last"), address)
    await asyncio.wait_for(done.wait(), WAIT)
    await settle()
    assert dispatcher.statistics.failed == 5
    (record,) = caplog.records
    assert "broken raised ZeroDivisionError" in record.message
    await close(transport)


async def test_coroutine_handler_of_a_future_bundle_is_awaited(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    done = asyncio.Event()

    async def handler(_address: str) -> None:
        done.set()

    dispatcher.map("/later", handler)
    transport, address = await endpoint(dispatcher)
    sender.sendto(encode_bundle([osc("/later")], soon(0.1)), address)
    await asyncio.wait_for(done.wait(), WAIT)
    await close(transport)


async def test_max_tasks_bounds_coroutines_and_no_packet_is_lost(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    go_on: asyncio.Queue[None] = asyncio.Queue()
    done = asyncio.Event()
    begun: list[int] = []
    ended: list[int] = []

    async def handler(_address: str, n: int) -> None:
        begun.append(n)
        await go_on.get()
        ended.append(n)
        if len(ended) == 10:
            done.set()

    dispatcher.map("/wait", handler)
    transport, address = await endpoint(dispatcher, max_tasks=3)
    for n in range(10):
        sender.sendto(osc("/wait", n), address)
    await settle()
    assert begun == [0, 1, 2]
    go_on.put_nowait(None)
    await settle()
    assert begun == [0, 1, 2, 3]
    for _ in range(9):
        go_on.put_nowait(None)
    await asyncio.wait_for(done.wait(), WAIT)
    assert begun == list(range(10))
    await close(transport)


async def test_packets_above_max_tasks_wait_until_tasks_have_ended(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    go_on: asyncio.Queue[None] = asyncio.Queue()
    arrived = asyncio.Event()

    async def handler(_address: str) -> None:
        await go_on.get()

    dispatcher.map("/wait", handler)
    dispatcher.map("/next", lambda address: arrived.set())
    transport, address = await endpoint(dispatcher, max_tasks=2)
    sender.sendto(encode_bundle([osc("/wait")] * 5, IMMEDIATELY), address)
    sender.sendto(osc("/next"), address)
    await settle()
    for _ in range(3):
        go_on.put_nowait(None)
        await settle()
        assert not arrived.is_set()
    go_on.put_nowait(None)
    await asyncio.wait_for(arrived.wait(), WAIT)
    await close(transport)


async def test_closing_frees_the_port_and_cancels_tasks(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_address: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    dispatcher.map("/wait", handler)
    transport, address = await endpoint(dispatcher)
    sender.sendto(osc("/wait"), address)
    await asyncio.wait_for(begun.wait(), WAIT)
    assert not transport.is_closing()
    transport.close()
    transport.close()
    assert transport.is_closing()
    await asyncio.wait_for(cancelled.wait(), WAIT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)


async def test_nothing_runs_after_the_close(dispatcher: Dispatcher, sender: socket.socket) -> None:
    calls: list[str] = []

    def handler(address: str) -> str:
        calls.append(address)
        transport.close()
        return "/ok"

    dispatcher.map("/*", handler)
    transport, address = await endpoint(dispatcher)
    other, is_due = Dispatcher(), asyncio.Event()
    other.map("/later", lambda _address: is_due.set())
    other_transport, other_address = await endpoint(other)
    due = soon(0.05)
    sender.sendto(encode_bundle([osc("/later")], due), address)
    sender.sendto(osc("/a"), address)
    sender.sendto(osc("/b"), address)
    sender.sendto(encode_bundle([osc("/later")], due), other_address)
    await asyncio.wait_for(is_due.wait(), WAIT)
    await settle()
    assert calls == ["/a"]
    await close(other_transport)


async def test_serving_ends_with_the_loop_and_lets_tasks_clean_up(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    begun, cleaned = threading.Event(), threading.Event()

    async def handler(_address: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    dispatcher.map("/wait", handler)
    server = await asyncio.to_thread(
        start_loop, LoopServer("127.0.0.1", dispatcher), lambda address: None
    )
    sender.sendto(osc("/wait"), server.address)
    assert await asyncio.to_thread(begun.wait, WAIT)
    await asyncio.to_thread(server.stop)
    assert cleaned.is_set()


async def test_transport_knows_its_socket(dispatcher: Dispatcher) -> None:
    transport, address = await endpoint(dispatcher)
    assert address == transport.get_extra_info("socket").getsockname()
    assert address[0] == "127.0.0.1"
    assert address[1] > 0
    await close(transport)


async def test_transport_sends_only_to_a_given_address(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    transport, _ = await endpoint(dispatcher)
    transport.sendto(b"hello", sender.getsockname())
    assert await asyncio.to_thread(sender.recv, 100) == b"hello"
    with pytest.raises(ValueError, match="address"):
        transport.sendto(b"hello")
    await close(transport)


async def test_port_in_use_is_an_error_of_the_endpoint(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    server = AsyncIOOSCUDPServer(sender.getsockname(), dispatcher, asyncio.get_running_loop())
    with pytest.raises(OSError):
        await server.create_serve_endpoint()


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """An event loop without ``add_reader``, like the proactor loop of Windows."""

    def add_reader(self, *_args: Any) -> None:
        raise NotImplementedError


def test_server_works_on_a_loop_without_socket_readers(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    async def handler(_address: str, value: int) -> tuple[str, int]:
        return "/ok", value

    async def exchange() -> bytes:
        transport, address = await endpoint(dispatcher)
        sender.sendto(osc("/ask", 5), address)
        sender.sendto(encode_bundle([osc("/ask", 6)], soon(0.05)), address)
        replies = [await asyncio.to_thread(sender.recv, 1_000) for _ in range(2)]
        await close(transport)
        return b"".join(replies)

    dispatcher.map("/ask", handler)
    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        assert runner.run(exchange()) == osc("/ok", 5) + osc("/ok", 6)


def test_server_without_socket_readers_receives_after_an_unreachable_client(
    dispatcher: Dispatcher, sender: socket.socket
) -> None:
    class Loop(LoopWithoutReaders):
        errors: ClassVar[list[OSError]] = [
            ConnectionResetError(errno.ECONNRESET, "reset"),
            OSError(errno.ENETRESET, "expired"),
        ]

        async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
            if self.errors:
                raise self.errors.pop()
            return await super().sock_recvfrom(sock, bufsize)

    async def exchange() -> bytes:
        transport, address = await endpoint(dispatcher)
        sender.sendto(osc("/ask"), address)
        reply = await asyncio.to_thread(sender.recv, 1_000)
        await close(transport)
        return reply

    dispatcher.map("/ask", lambda _: ("/ok", 5))
    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(exchange()) == osc("/ok", 5)
    assert not Loop.errors


def test_serving_ends_when_it_is_interrupted(dispatcher: Dispatcher) -> None:
    server = LoopServer("127.0.0.1", dispatcher)

    def interrupt() -> None:
        raise KeyboardInterrupt

    server.bound = lambda address: server.loop.call_soon(interrupt) and None
    with pytest.raises(KeyboardInterrupt):
        server.serve()
    server.loop.close()

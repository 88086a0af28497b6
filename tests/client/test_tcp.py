"""The TCP clients, blocking and asyncio, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pythonosc.dispatcher import Dispatcher as TheirDispatcher
from pythonosc.osc_tcp_server import ThreadingOSCTCPServer as TheirServer

from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc import Bundle, Message, TimeTag, decode_message, encode_bundle, encode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.osc_message_builder import build_msg
from oscbridge.tcp_client import (
    AsyncDispatchTCPClient,
    AsyncSimpleTCPClient,
    AsyncTCPClient,
    SimpleTCPClient,
    TCPClient,
    TCPDispatchClient,
)

WAIT = 20.0
MODES = ("1.0", "1.1")
END = b"\xc0"


def osc(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


def soon(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))


PACKETS = [osc("/a"), osc("/bytes", b"\xc0\xdb\xdc\xdd\xc0"), osc("/c", 1, 2.0, "three")]


class Blocking:
    """Runs the methods of an asyncio client to their end."""

    def __init__(self, client: AsyncTCPClient, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if inspect.iscoroutinefunction(found):
            return lambda *args: self.loop.run_until_complete(found(*args))
        if inspect.isasyncgenfunction(found):
            return lambda *args: self.loop.run_until_complete(self._all(found(*args)))
        return found

    async def _all(self, items: Any) -> list[Any]:
        return [item async for item in items]


class Peer:
    """A connection with a handwritten server end, and the client at the other end."""

    def __init__(self, sock: socket.socket, client: Any, mode: str) -> None:
        self.sock = sock
        self.client = client
        self.frame = stream_encoder(mode)
        self._framing = stream_decoder(mode)

    def say(self, *packets: bytes) -> None:
        self.sock.sendall(b"".join(map(self.frame, packets)))

    def hear(self, count: int = 1) -> list[bytes]:
        packets: list[bytes] = []
        while len(packets) < count:
            data = self.sock.recv(65_536)
            assert data
            packets += self._framing.feed(data)
        return packets

    def take(self, count: int) -> list[bytes]:
        """Receive ``count`` packets with the client."""
        packets: list[bytes] = []
        while len(packets) < count:
            received = self.client.receive(WAIT)
            assert received
            packets += received
        return packets


@pytest.fixture
def listen() -> Iterator[Callable[..., socket.socket]]:
    made: list[socket.socket] = []

    def make(host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made.append(socket.create_server((host, 0), family=family))
        made[-1].settimeout(WAIT)
        return made[-1]

    yield make
    for sock in made:
        sock.close()


@pytest.fixture(params=["blocking", "asyncio"])
def kinds(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes a dispatching client of either kind, with the same interface."""
    loop = asyncio.new_event_loop()
    clients: list[Any] = []

    def make(*args: Any, max_packet_size: int | None = None, **options: Any) -> Any:
        kind: Any = TCPDispatchClient if request.param == "blocking" else AsyncDispatchTCPClient
        if max_packet_size is not None:
            kind = type("Limited", (kind,), {"max_packet_size": max_packet_size})
        client = kind(*args, **options)
        if request.param == "asyncio":
            loop.run_until_complete(client.__aenter__())
            client = Blocking(client, loop)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture
def peer(
    kinds: Callable[..., Any], listen: Callable[..., socket.socket]
) -> Iterator[Callable[..., Peer]]:
    socks: list[socket.socket] = []

    def make(mode: str = "1.1", **options: Any) -> Peer:
        listener = listen()
        client = kinds("127.0.0.1", listener.getsockname()[1], mode=mode, **options)
        sock, _ = listener.accept()
        sock.settimeout(WAIT)
        socks.append(sock)
        return Peer(sock, client, mode)

    yield make
    for sock in socks:
        sock.close()


# --- sending -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_packets_are_framed_according_to_the_mode(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    other.client.send(Message.of("/a", b"\xc0\xdb"))
    other.client.send(build_msg("/b", 1))
    other.client.send(Bundle(TimeTag(1), (Message("/c"),)))
    expected = [osc("/a", b"\xc0\xdb"), osc("/b", 1), encode_bundle([osc("/c")])]
    assert other.hear(3) == expected


@pytest.mark.parametrize(
    ("values", "types"), [((), ""), (("",), ""), ((None,), "N"), ((0,), "i"), (([1, "a"],), "is")]
)
def test_message_has_one_value_or_several(
    peer: Callable[..., Peer], values: tuple[Any, ...], types: str
) -> None:
    other = peer()
    other.client.send_message("/a", *values)
    (packet,) = other.hear()
    assert decode_message(packet).types == types


def test_send_rejects_invalid_values_with_a_value_error(peer: Callable[..., Peer]) -> None:
    other = peer()
    with pytest.raises(EncodeError):
        other.client.send_message("/a", object())
    other.client.send_message("/b")
    assert other.hear() == [osc("/b")]


def test_send_to_a_server_that_reads_nothing_times_out(
    peer: Callable[..., Peer],
) -> None:
    client = peer(timeout=0.1).client
    with pytest.raises(TimeoutError):
        for _ in range(100):
            client.send_message("/a", bytes(1_000_000))
    with pytest.raises(OSError):  # half a packet was sent: nothing may follow it
        client.send_message("/b")


def test_packets_of_several_threads_are_not_interleaved(
    listen: Callable[..., socket.socket],
) -> None:
    listener = listen()
    with SimpleTCPClient("127.0.0.1", listener.getsockname()[1]) as client:
        sock, _ = listener.accept()
        sock.settimeout(WAIT)
        values = [bytes([number]) * 200_000 for number in range(8)]
        threads = [
            threading.Thread(target=client.send_message, args=("/a", value)) for value in values
        ]
        for thread in threads:
            thread.start()
        with sock:
            packets = Peer(sock, client, "1.1").hear(len(values))
        for thread in threads:
            thread.join()
    assert sorted(packets) == sorted(osc("/a", value) for value in values)


# --- receiving -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_packets_can_be_split_anywhere(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    stream = b"".join(map(other.frame, PACKETS))
    for cut in range(1, len(stream)):
        other.sock.sendall(stream[:cut])
        packets = other.client.receive(0.0)
        other.sock.sendall(stream[cut:])
        packets += other.take(len(PACKETS) - len(packets))
        assert packets == PACKETS


@pytest.mark.parametrize("mode", MODES)
def test_packets_can_arrive_byte_by_byte(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    packets: list[bytes] = []
    for byte in b"".join(map(other.frame, PACKETS)):
        other.sock.sendall(bytes([byte]))
        packets += other.client.receive(0.001)
    packets += other.take(len(PACKETS) - len(packets))
    assert packets == PACKETS


@pytest.mark.parametrize("mode", MODES)
def test_several_packets_can_arrive_at_once(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    other.say(*PACKETS, *PACKETS)
    assert other.take(6) == PACKETS + PACKETS


def test_slip_packets_can_share_an_end_or_have_only_a_trailing_one(
    peer: Callable[..., Peer],
) -> None:
    other = peer()
    bodies = [other.frame(packet).strip(END) for packet in PACKETS]
    other.sock.sendall(END * 3 + END.join(bodies) + END)
    assert other.take(3) == PACKETS


@pytest.mark.parametrize("mode", MODES)
def test_partial_packet_is_kept_across_a_timeout(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    frame = other.frame(osc("/a", "long enough"))
    other.say(osc("/first"))
    other.sock.sendall(frame[:7])
    assert other.take(1) == [osc("/first")]
    assert other.client.receive(0.01) == []
    other.sock.sendall(frame[7:])
    assert other.client.receive(WAIT) == [osc("/a", "long enough")]


def test_timeout_of_the_client_is_the_default_for_calls(peer: Callable[..., Peer]) -> None:
    client = peer(timeout=0.05).client
    started = time.monotonic()
    assert client.receive() == []
    assert 0.05 <= time.monotonic() - started < WAIT


@pytest.mark.parametrize("mode", MODES)
def test_messages_end_with_the_connection(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    other.say(osc("/a", 1), encode_bundle([osc("/b"), osc("/c")]))
    other.sock.close()
    messages = list(other.client.get_messages(WAIT))
    assert [(each.address, each.params) for each in messages] == [
        ("/a", [1]),
        ("/b", []),
        ("/c", []),
    ]
    assert other.client.receive(WAIT) == []
    assert not other.client.bad


@pytest.mark.parametrize("mode", MODES)
def test_packet_truncated_by_the_server_is_logged(
    peer: Callable[..., Peer], mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = peer(mode)
    other.sock.sendall(other.frame(osc("/a")) + other.frame(osc("/b"))[:-3])
    other.sock.close()
    assert [message.address for message in other.client.get_messages(WAIT)] == ["/a"]
    assert other.client.bad == {"truncated": 1}
    assert "ended within a packet" in caplog.text


def test_lost_connection_is_an_os_error(peer: Callable[..., Peer]) -> None:
    other = peer()
    other.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.sock.close()  # at once, by a reset
    with pytest.raises(ConnectionError):
        other.client.receive(WAIT)


@pytest.mark.parametrize(
    ("mode", "broken", "reason"),
    [
        ("1.0", b"\xff\xff\xff\xfc", "negative_length"),
        ("1.0", b"\x7f\xff\xff\xff", "max_packet_size"),
        ("1.1", END + b"/a\xdb\0" + END, "bad_escape"),
    ],
)
def test_broken_stream_is_raised_once_and_closes_the_client(
    peer: Callable[..., Peer], mode: str, broken: bytes, reason: str
) -> None:
    other = peer(mode)
    other.sock.sendall(other.frame(osc("/good")) + broken)
    assert other.take(1) == [osc("/good")]
    with pytest.raises(DecodeError) as caught:
        other.client.receive(WAIT)
    assert caught.value.reason == reason
    assert other.client.receive(WAIT) == []
    assert list(other.client.get_messages(WAIT)) == []
    with pytest.raises(OSError):
        other.client.send_message("/a")
    assert other.sock.recv(100) == b""


@pytest.mark.parametrize("mode", MODES)
def test_max_packet_size_ends_the_connection(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode, max_packet_size=64)
    other.say(osc("/a", bytes(65)))
    with pytest.raises(LimitError, match="max_packet_size = 64 bytes"):
        other.client.receive(WAIT)


@pytest.mark.parametrize("mode", MODES)
def test_message_can_be_longer_than_a_datagram(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    calls: list[bytes] = []
    other.client.dispatcher.map("/a", lambda _address, value: calls.append(value))
    other.say(osc("/a", b"\xc0" * 200_000))
    other.client.handle_messages(0.2)
    assert calls == [b"\xc0" * 200_000]
    other.say(osc("/a", bytes(200_000)))
    other.sock.close()
    (message,) = other.client.get_messages(WAIT)
    assert message.params == [bytes(200_000)]


def test_bad_packet_is_counted_and_the_next_is_received(
    peer: Callable[..., Peer], caplog: pytest.LogCaptureFixture
) -> None:
    other = peer()
    other.say(b"nonsense", osc("/a"))
    other.sock.close()
    assert [message.address for message in other.client.get_messages(WAIT)] == ["/a"]
    assert other.client.bad == {"address": 1}
    assert "bad packet from server 127.0.0.1:" in caplog.text


# --- dispatching ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_handlers_are_called_and_their_replies_sent(peer: Callable[..., Peer], mode: str) -> None:
    other = peer(mode)
    calls: list[Any] = []

    def handler(client: Any, address: str, *args: Any) -> tuple[str, int]:
        calls.append((client, address, args))
        return "/thanks", 2

    other.client.dispatcher.map("/a", handler, needs_reply_address=True)
    other.say(osc("/a", 1), osc("/other"), osc("/a"))
    other.client.handle_messages(0.05)
    server = other.sock.getsockname()
    assert calls == [(server, "/a", (1,)), (server, "/a", ())]
    assert other.hear(2) == [osc("/thanks", 2)] * 2


def test_each_client_has_its_own_dispatcher(peer: Callable[..., Peer]) -> None:
    first, second = peer().client, peer().client
    assert first.dispatcher is first.dispatcher
    assert first.dispatcher is not second.dispatcher


@pytest.mark.parametrize("kind", [TCPDispatchClient, AsyncDispatchTCPClient])
def test_subclass_can_choose_the_dispatcher(kind: Any) -> None:
    chosen = Dispatcher()
    assert type("Mine", (kind,), {"dispatcher": chosen}).dispatcher is chosen


def test_future_time_tag_blocks_nothing(peer: Callable[..., Peer]) -> None:
    other = peer()
    calls: list[tuple[str, float]] = []

    def handler(address: str) -> str:
        calls.append((address, time.time()))
        return "/answer"

    other.client.dispatcher.map("/*", handler)
    tag = soon(0.2)
    other.say(encode_bundle([osc("/later")], tag), osc("/now"))
    other.client.handle_messages(0.5)
    assert [address for address, _ in calls] == ["/now", "/later"]
    assert calls[0][1] < tag.unix() <= calls[1][1]
    assert other.hear(2) == [osc("/answer")] * 2


def test_message_not_due_before_the_timeout_runs_in_the_next_call(
    peer: Callable[..., Peer],
) -> None:
    other = peer()
    calls: list[str] = []
    other.client.dispatcher.map("/later", calls.append)
    other.say(encode_bundle([osc("/later")], soon(0.3)))
    other.client.handle_messages(0.01)
    assert calls == []
    other.client.handle_messages(0.6)
    assert calls == ["/later"]


def test_reply_that_cannot_be_sent_is_counted(
    peer: Callable[..., Peer], caplog: pytest.LogCaptureFixture
) -> None:
    other = peer()
    other.client.dispatcher.map("/bad", lambda _address: 1 / 0)
    other.client.dispatcher.map("/worse", lambda _address: "no address")
    calls: list[str] = []
    other.client.dispatcher.map("/good", calls.append)
    other.say(osc("/bad"), osc("/worse"), osc("/good"))
    other.sock.close()
    other.client.handle_messages(WAIT)
    assert other.client.dispatcher.statistics.failed == 2
    assert calls == ["/good"]
    assert "reply to 127.0.0.1:" in caplog.text


async def test_coroutine_handlers_are_awaited_in_order_and_their_replies_sent(
    listen: Callable[..., socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    listener = listen()
    calls: list[str] = []

    async def handler(address: str) -> str | None:
        await asyncio.sleep(0)
        if address == "/bad":
            raise ValueError("oh no")
        calls.append(address)
        return "/answer" if address == "/2" else None

    async with AsyncDispatchTCPClient("127.0.0.1", listener.getsockname()[1]) as client:
        sock, _ = listener.accept()
        client.dispatcher.map("/*", handler)
        other = Peer(sock, client, "1.1")
        other.say(osc("/1"), osc("/bad"), encode_bundle([osc("/2"), osc("/3")], soon(0.1)))
        await client.handle_messages(0.3)
        assert calls == ["/1", "/2", "/3"]
        assert other.hear() == [osc("/answer")]
        sock.close()
    assert client.dispatcher.statistics.failed == 1
    assert "oh no" in caplog.text


async def test_cancellation_closes_all_coroutines(
    listen: Callable[..., socket.socket],
) -> None:
    listener = listen()
    started = asyncio.Event()

    async def handler(_address: str) -> None:
        started.set()
        await asyncio.sleep(WAIT)

    async with AsyncDispatchTCPClient("127.0.0.1", listener.getsockname()[1]) as client:
        sock, _ = listener.accept()
        client.dispatcher.map("/a", handler)
        Peer(sock, client, "1.1").say(encode_bundle([osc("/a"), osc("/a")]))
        task = asyncio.ensure_future(client.handle_messages(WAIT))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task  # an unawaited coroutine would be a warning, and so an error
        sock.close()


def test_coroutine_handler_of_a_blocking_client_is_reported(
    listen: Callable[..., socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(_address: str) -> None: ...

    listener = listen()
    with TCPDispatchClient("127.0.0.1", listener.getsockname()[1]) as client:
        sock, _ = listener.accept()
        client.dispatcher.map("/a", handler)
        with sock:
            Peer(sock, client, "1.1").say(osc("/a"))
        client.handle_messages(WAIT)
    assert "coroutine handler" in caplog.text


# --- connecting ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "2.0", ""])
@pytest.mark.parametrize("kind", [TCPClient, AsyncTCPClient])
def test_unknown_mode_is_rejected(kind: Any, mode: str) -> None:
    with pytest.raises(ValueError, match=r"1\.0"):
        kind("127.0.0.1", 9, mode=mode)


def test_missing_server_is_an_os_error(kinds: Callable[..., Any]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            kinds("127.0.0.1", sock.getsockname()[1])
    with pytest.raises(OSError):
        kinds("no.such.host.invalid", 9)


@pytest.mark.parametrize(
    ("host", "options"),
    [("::1", {}), ("::1", {"family": socket.AF_INET6}), ("localhost", {"family": socket.AF_INET6})],
)
def test_client_supports_ipv6(
    kinds: Callable[..., Any],
    listen: Callable[..., socket.socket],
    host: str,
    options: dict[str, Any],
) -> None:
    listener = listen("::1")
    try:
        client = kinds(host, listener.getsockname()[1], **options)
    except socket.gaierror:
        assert host == "localhost"  # this machine resolves it to IPv4 only
        return
    client.send_message("/a")
    sock, _ = listener.accept()
    with sock:
        assert sock.recv(100) == stream_encoder("1.1")(osc("/a"))


def test_small_packets_are_sent_without_delay(peer: Callable[..., Peer]) -> None:
    client = peer().client
    if isinstance(client, Blocking):
        sock = client.writer.get_extra_info("socket")
    else:
        sock = client.socket
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_closed_client_raises_and_can_be_closed_again(peer: Callable[..., Peer]) -> None:
    other = peer()
    other.client.close()
    assert other.sock.recv(100) == b""
    other.client.close()
    for call in (other.client.receive, lambda: other.client.send_message("/a")):
        with pytest.raises(OSError):
            call()


def test_close_wakes_a_waiting_thread(listen: Callable[..., socket.socket]) -> None:
    listener = listen()
    client = TCPClient("127.0.0.1", listener.getsockname()[1], timeout=None)
    sock, _ = listener.accept()
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):  # it may find the socket closed, too
            assert client.receive() == []
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)  # most likely it waits by now; if not, it must return as well
    client.close()
    assert ended.wait(WAIT)
    thread.join()
    sock.close()


async def test_asyncio_client_connects_when_awaited_and_again_after_a_close(
    listen: Callable[..., socket.socket],
) -> None:
    listener = listen()
    client = AsyncSimpleTCPClient("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(OSError, match="await it"):
        await client.send_message("/a")
    for _ in range(2):
        assert await client is client
        async with client:  # does not connect again
            await client.send_message("/a")
            sock, _ = listener.accept()
            with sock:
                sock.sendall(stream_encoder("1.1")(osc("/b")))
                assert [message.address async for message in client.get_messages(0.05)] == ["/b"]


# --- python-osc ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_client_exchanges_messages_with_a_python_osc_server(
    kinds: Callable[..., Any], mode: str
) -> None:
    theirs = TheirDispatcher()
    theirs.map("/add", lambda _address, *args: ("/sum", sum(args)))
    with TheirServer(("127.0.0.1", 0), theirs, mode) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            client = kinds(*server.server_address, mode=mode)
            sums: list[int] = []
            client.dispatcher.map("/sum", lambda _address, value: sums.append(value))
            for number in range(3):
                client.send_message("/add", [number, 1])
                client.handle_messages(0.2)
            client.close()
            assert sums == [1, 2, 3]
        finally:
            server.shutdown()
            thread.join()

"""The UDP clients, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from pythonosc.dispatcher import Dispatcher as TheirDispatcher
from pythonosc.osc_message import OscMessage as TheirMessage
from pythonosc.osc_server import BlockingOSCUDPServer as TheirServer

from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import EncodeError
from oscbridge.osc import (
    MIDI,
    Bundle,
    Message,
    TimeTag,
    decode_message,
    encode_bundle,
    encode_message,
    encode_packet,
)
from oscbridge.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import build_msg
from oscbridge.udp_client import DispatchClient, SimpleUDPClient, UDPClient

WAIT = 20.0
MakeSocket = Callable[..., socket.socket]


def osc(address: str, *args: Any) -> bytes:
    return encode_message(Message.of(address, *args))


def soon(seconds: float) -> TimeTag:
    return TimeTag.from_unix_ns(time.time_ns() + round(seconds * 1e9))


class Peer:
    """A handwritten server, and a client that has sent it a first message."""

    def __init__(self, sock: socket.socket, client: Any) -> None:
        self.sock = sock
        self.client = client
        client.send(Message("/hello"))
        _, self.address = sock.recvfrom(100)

    def say(self, *packets: bytes) -> None:
        for packet in packets:
            self.sock.sendto(packet, self.address)

    def hear(self) -> Message:
        return decode_message(self.sock.recv(65_535))


MakePeer = Callable[..., Peer]


@pytest.fixture
def peer(udp_socket: MakeSocket) -> Iterator[MakePeer]:
    clients: list[UDPClient] = []

    def make(kind: type[UDPClient] = DispatchClient, **options: Any) -> Peer:
        sock = udp_socket()
        clients.append(kind("127.0.0.1", sock.getsockname()[1], **options))
        return Peer(sock, clients[-1])

    yield make
    for client in clients:
        client.close()


class Anything(NamedTuple):
    dgram: bytes


# --- sending -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "types", "args"),
    [
        (None, "", ()),
        (1, "i", (1,)),
        (0.5, "f", (0.5,)),
        ("", "s", ("",)),
        (b"ab", "b", (b"ab",)),
        (True, "T", (True,)),
        ([], "", ()),
        ([1, "a", None], "isN", (1, "a", None)),
        ((1, 2, 3, 4), "iiii", (1, 2, 3, 4)),
        (range(2), "ii", (0, 1)),
        ([[1, 2], 3], "[ii]i", ([1, 2], 3)),
        (MIDI(0, 0x90, 60, 127), "m", ((0, 0x90, 60, 127),)),
    ],
)
def test_message_has_one_value_or_several(
    peer: MakePeer, value: Any, types: str, args: tuple[Any, ...]
) -> None:
    other = peer()
    other.client.send_message("/a", value)
    assert other.hear()[:3] == ("/a", types, args)


def test_python_osc_reads_sent_messages(peer: MakePeer) -> None:
    other = peer()
    other.client.send_message("/a", [1, 0.5, "on", True])
    assert TheirMessage(other.sock.recv(100)).params == [1, 0.5, "on", True]


def test_address_without_a_slash_is_sent_as_the_program_asked(peer: MakePeer) -> None:
    other = peer()
    other.client.send_message("hello", 1)
    assert other.sock.recv(100) == b"hello\0\0\0,i\0\0\0\0\0\1"


def test_send_rejects_invalid_values_with_a_value_error(peer: MakePeer) -> None:
    other = peer()
    with pytest.raises(EncodeError, match="no OSC type"):
        other.client.send_message("/a", object())
    with pytest.raises(ValueError, match="must start with '/'"):
        other.client.send_message("a b", 1)
    with pytest.raises(OSError):
        other.client.send_message("/a", bytes(70_000))
    other.client.send_message("/a", 1)
    assert other.hear() == Message.of("/a", 1)


def test_any_object_with_a_datagram_can_be_sent(peer: MakePeer) -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    builder.add_content(build_msg("/a", 1))
    packet = encode_bundle([osc("/a", 1)])
    other = peer()
    for content in (
        Bundle(TimeTag(1), (Message.of("/a", 1),)),
        builder.build(),
        Anything(packet),
    ):
        other.client.send(content)
        assert other.sock.recv(100) == packet
    other.client.send(build_msg("/a", 1))
    assert other.hear() == Message.of("/a", 1)


# --- receiving -----------------------------------------------------------------------------


def test_largest_datagram_is_received_completely(peer: MakePeer) -> None:
    packet = osc("/a", bytes(65_504 - 12))
    assert len(packet) == 65_504  # UDP over IPv4 carries up to three bytes more
    other = peer()
    other.say(packet)
    assert other.client.receive(WAIT) == packet


def test_receive_without_a_timeout_does_not_wait(peer: MakePeer) -> None:
    other = peer()
    assert other.client.receive() == b""
    assert list(other.client.get_messages()) == []
    other.client.handle_messages()


def test_timeout_of_the_client_is_the_default_for_calls(peer: MakePeer) -> None:
    client = peer(timeout=0.05).client
    started = time.monotonic()
    assert client.receive() == b""
    assert time.monotonic() - started >= 0.05


def test_receive_waits_for_a_later_packet(peer: MakePeer) -> None:
    other = peer()
    timer = threading.Timer(0.05, other.say, [osc("/a")])
    timer.start()
    assert other.client.receive(WAIT) == osc("/a")
    timer.join()


def test_empty_datagram_is_not_the_end(peer: MakePeer) -> None:
    other = peer()
    other.say(b"", osc("/a"))
    assert other.client.receive(WAIT) == osc("/a")
    other.say(b"", osc("/b"))
    assert [message.address for message in other.client.get_messages()] == ["/b"]


def test_messages_yields_until_there_are_no_more(peer: MakePeer) -> None:
    other = peer()
    other.say(osc("/a", 1, "x"), encode_bundle([osc("/b"), osc("/c")]))
    found = list(other.client.get_messages(0.05))
    assert [type(message) for message in found] == [OscMessage] * 3
    assert [(message.address, message.params) for message in found] == [
        ("/a", [1, "x"]),
        ("/b", []),
        ("/c", []),
    ]


def test_bad_packet_is_counted_and_the_next_is_received(
    peer: MakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    other = peer()
    other.say(b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc", b"nonsense", osc("/a"))
    assert [message.address for message in other.client.get_messages(0.05)] == ["/a"]
    assert other.client.bad == {"size": 1, "address": 1}
    assert "bad packet from server 127.0.0.1:" in caplog.text


# --- dispatching ---------------------------------------------------------------------------


def test_handlers_are_called_and_their_replies_sent(peer: MakePeer) -> None:
    other = peer()
    calls: list[Any] = []

    def handler(client: Any, address: str, fixed: list[Any], *args: Any) -> tuple[str, str]:
        calls.append((client, address, fixed, args))
        return "/thanks", "much"

    other.client.dispatcher.map("/a", handler, "fixed", needs_reply_address=True)
    other.say(osc("/a", 1), osc("/other"))
    other.client.handle_messages(0.05)
    server = ("127.0.0.1", other.sock.getsockname()[1])
    assert calls == [(server, "/a", ["fixed"], (1,))]
    assert other.hear() == Message.of("/thanks", "much")


def test_handler_that_raises_does_not_stop_the_client(
    peer: MakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    other = peer()
    calls: list[str] = []
    other.client.dispatcher.map("/bad", lambda address: 1 / 0)
    other.client.dispatcher.map("/worse", lambda address: "no address")
    other.client.dispatcher.map("/good", calls.append)
    other.say(osc("/bad"), osc("/worse"), b"nonsense", osc("/good"))
    other.client.handle_messages(0.05)
    assert calls == ["/good"]
    statistics = other.client.dispatcher.statistics
    assert (statistics.failed, statistics.bad) == (2, {"address": 1})
    assert "ZeroDivisionError" in caplog.text


def test_coroutine_handler_is_reported_and_closed(
    peer: MakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(_address: str) -> None: ...

    other = peer()
    other.client.dispatcher.map("/a", handler)
    other.say(osc("/a"))
    other.client.handle_messages(0.05)
    assert "coroutine handler" in caplog.text


def test_each_client_has_its_own_dispatcher(peer: MakePeer) -> None:
    first, second = peer().client, peer().client
    assert first.dispatcher is first.dispatcher
    assert first.dispatcher is not second.dispatcher


def test_subclass_or_program_can_choose_the_dispatcher(peer: MakePeer) -> None:
    class Mine(DispatchClient):
        dispatcher = Dispatcher()

    first, second = peer(Mine).client, peer(Mine).client
    assert first.dispatcher is second.dispatcher is Mine.dispatcher
    second.dispatcher = mine = Dispatcher()
    assert second.dispatcher is mine


def test_future_time_tag_blocks_nothing(peer: MakePeer) -> None:
    other = peer()
    calls: list[tuple[str, float]] = []
    other.client.dispatcher.map("/*", lambda address: calls.append((address, time.time())))
    tag = soon(0.2)
    other.say(encode_bundle([osc("/later")], tag), osc("/now"))
    other.client.handle_messages(1.0)
    assert [address for address, _ in calls] == ["/now", "/later"]
    assert calls[0][1] < tag.unix() <= calls[1][1]


def test_message_not_due_before_the_timeout_runs_in_the_next_call(peer: MakePeer) -> None:
    other = peer()
    calls: list[str] = []

    def handler(address: str) -> str:
        calls.append(address)
        return "/answer"

    other.client.dispatcher.map("/later", handler)
    other.say(encode_bundle([osc("/later")], soon(0.3)))
    other.client.handle_messages(0.01)
    assert calls == []
    other.client.handle_messages(0.6)
    assert calls == ["/later"]
    assert other.hear() == Message("/answer")


# --- addresses -----------------------------------------------------------------------------


def test_client_supports_ipv6(udp_socket: MakeSocket) -> None:
    sock = udp_socket("::1")
    with DispatchClient("::1", sock.getsockname()[1]) as client:
        client.send_message("/a", 1)
        data, address = sock.recvfrom(100)
        assert data == osc("/a", 1)
        sock.sendto(osc("/b"), address)
        assert client.receive(WAIT) == osc("/b")


def test_localhost_resolves_to_the_address_of_servers(udp_socket: MakeSocket) -> None:
    sock = udp_socket("127.0.0.1")
    with UDPClient("localhost", sock.getsockname()[1]) as client:
        client.send(Message("/a"))
        assert sock.recv(100) == osc("/a")


def test_broadcast_must_be_allowed(udp_socket: MakeSocket) -> None:
    sock = udp_socket("0.0.0.0")
    port = sock.getsockname()[1]
    with UDPClient("127.255.255.255", port) as client, pytest.raises(PermissionError):
        client.send(Message("/a"))
    with UDPClient("127.255.255.255", port, allow_broadcast=True) as client:
        client.send(Message("/a"))
        assert sock.recv(100) == osc("/a")


def test_multicast_hops_is_1_by_default() -> None:
    ipv4 = (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL)
    ipv6 = (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)
    for address, option in (("239.1.2.3", ipv4), ("ff15::1", ipv6)):
        with UDPClient(address, 9000) as client:
            assert client._sock.getsockopt(*option) == 1
        with UDPClient(address, 9000, multicast_hops=7) as client:
            assert client._sock.getsockopt(*option) == 7
    with pytest.raises(ValueError, match="0 to 255"):
        UDPClient("239.1.2.3", 9000, multicast_hops=256)


def test_unknown_host_is_an_os_error() -> None:
    with pytest.raises(socket.gaierror):
        UDPClient("no-such-host.invalid", 9000)


def test_client_is_closed_by_its_context_and_can_be_closed_again() -> None:
    with UDPClient("127.0.0.1", 9) as client:
        pass
    client.close()
    with pytest.raises(OSError):
        client.send(Message("/a"))


# --- python-osc ----------------------------------------------------------------------------


def test_client_exchanges_messages_with_a_python_osc_server() -> None:
    theirs = TheirDispatcher()
    theirs.map("/add", lambda _address, *args: ("/sum", sum(args)))
    with TheirServer(("127.0.0.1", 0), theirs) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with DispatchClient(*server.server_address) as client:
                sums: list[int] = []
                client.dispatcher.map("/sum", lambda _address, value: sums.append(value))
                for number in range(3):
                    client.send_message("/add", [number, 1])
                client.handle_messages(0.3)
                assert sums == [1, 2, 3]
        finally:
            server.shutdown()
            thread.join()


def test_unread_messages_of_a_bundle_are_returned_later() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with SimpleUDPClient("127.0.0.1", server.getsockname()[1], timeout=5) as client:
            client.send_message("/ask", 1)
            _, address = server.recvfrom(100)
            both = Bundle(TimeTag(1), (Message.of("/1"), Message.of("/2")))
            server.sendto(encode_packet(both), address)
            assert next(iter(client.get_messages())).address == "/1"
            assert next(iter(client.get_messages())).address == "/2"

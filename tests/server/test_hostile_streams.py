"""Hostile and broken TCP clients: their limits, and that other clients are still served."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_until

from oscbridge.dispatcher import Dispatcher
from oscbridge.net.allowlist import AllowList
from oscbridge.osc import Message, encode_bundle, encode_message
from oscbridge.osc.framing import encode_length_prefix, encode_slip, stream_encoder
from oscbridge.server.connection_limits import StreamLimits

WAIT = 10.0
Serve = Callable[..., Any]
Connect = Callable[..., Any]

every_kind = pytest.mark.parametrize("kind", ["blocking", "threading", "asyncio"])
at_once = pytest.mark.parametrize("kind", ["threading", "asyncio"])
PING = encode_message(Message.of("/ping"))


@pytest.fixture
def dispatcher() -> Dispatcher:
    """``/ping`` is answered with ``/pong``."""
    dispatcher = Dispatcher()
    dispatcher.map("/ping", lambda address: "/pong")
    return dispatcher


def is_served(client: Any) -> bool:
    client.send("/ping")
    return bool(client.receive() == Message("/pong"))


# --- invalid streams ----------------------------------------------------------------------------


LIMIT = 64
BAD_STREAMS = [
    ("1.0", b"\0\0\0\x41" + b"x" * 65, "max_packet_size"),
    ("1.0", b"\x7f\xff\xff\xff", "max_packet_size"),
    ("1.0", b"\xff\xff\xff\xff", "negative_length"),
    ("1.0", b"\x80\0\0\0", "negative_length"),
    ("1.0", b"GET / HTTP/1.1\r\n\r\n", "max_packet_size"),
    ("1.1", b"\xc0" + b"x" * 65, "max_packet_size"),
    ("1.1", b"\xc0/a\xdb\xdb/", "bad_escape"),
    ("1.1", b"\xdb\xc0", "bad_escape"),
    ("1.1", b"GET / HTTP/1.1\r\nAccept: text/html" + b"x" * 65, "max_packet_size"),
    ("auto", b"GET / HTTP/1.1\r\n\r\n", "unknown_framing"),
    ("auto", b"\x16\x03\x01\x02\0\x01\0\x01", "unknown_framing"),
    ("auto", b"\x7f\xff\xff\xff", "unknown_framing"),
    ("auto", b"\xff\xff\xff\xff", "unknown_framing"),
    ("auto", b"\0\xff\xff\xff", "max_packet_size"),
    ("auto", b"\xc0\xdb\xc0", "bad_escape"),
]  # fmt: skip


@every_kind
@pytest.mark.parametrize(("mode", "stream", "reason"), BAD_STREAMS)
def test_bad_stream_ends_its_connection_for_a_counted_reason(
    kind: str, mode: str, stream: bytes, reason: str,
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher,
) -> None:  # fmt: skip
    server = serve_tcp(kind, dispatcher, mode, limits=StreamLimits(max_packet_size=LIMIT))
    client = connect(server.address)
    client.sock.sendall(stream)
    assert client.is_ended()
    assert is_served(connect(server.address, "1.0" if mode == "1.0" else "1.1"))
    assert dispatcher.statistics.closed == {reason: 1}
    assert dispatcher.statistics.bad == {reason: 1}


@every_kind
@pytest.mark.parametrize(("mode", "bad"), [("1.0", b"\xff" * 4), ("1.1", b"/a\xdb/")])
def test_frames_before_a_bad_one_are_delivered(
    kind: str, mode: str, bad: bytes, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, mode)
    client = connect(server.address, mode)
    client.sock.sendall(stream_encoder(mode)(PING) * 3 + bad)
    assert [client.receive().address for _ in range(3)] == ["/pong"] * 3
    assert client.is_ended()
    assert dispatcher.statistics.messages == 3


def test_frames_before_a_bad_one_are_delivered_to_coroutines(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    async def slow(_address: str) -> str:
        return "/done"

    dispatcher.map("/slow", slow)
    client = connect(serve_tcp("asyncio", dispatcher).address)
    client.sock.sendall(encode_slip(encode_message(Message.of("/slow"))) * 3 + b"/a\xdb/")
    assert [client.receive().address for _ in range(3)] == ["/done"] * 3
    assert client.is_ended()


@every_kind
def test_claimed_size_takes_no_memory(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, "1.0", limits=StreamLimits(max_packet_size=1 << 29))
    tracemalloc.start()
    try:
        client = connect(server.address, "1.0")
        client.sock.sendall((1 << 29).to_bytes(4, "big") + b"x" * 1_000)
        client.finish()
        assert client.is_ended()
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@every_kind
@pytest.mark.parametrize("encode", [encode_slip, encode_length_prefix])
def test_longest_frame_within_the_limit_is_accepted(
    kind: str, encode: Callable[[bytes], bytes],
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher,
) -> None:  # fmt: skip
    dispatcher.map("/blob", lambda address, blob: ("/size", len(blob)))
    mode = "1.1" if encode is encode_slip else "1.0"
    packet = encode_message(Message.of("/blob", b"\xc0" * 1_000))
    server = serve_tcp(kind, dispatcher, mode, limits=StreamLimits(max_packet_size=len(packet)))
    client = connect(server.address, mode)
    client.sock.sendall(encode(packet))
    assert client.receive() == Message("/size", "i", (1_000,))


# --- slow clients -------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_packet_timeout_closes_the_connection_of_an_incomplete_packet(
    kind: str, mode: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, mode, limits=StreamLimits(packet_timeout=0.3))
    client = connect(server.address, mode)
    assert is_served(client)
    client.sock.sendall(stream_encoder(mode)(PING)[:6])
    assert client.is_ended()
    assert dispatcher.statistics.closed == {"packet_timeout": 1}


@every_kind
def test_packet_timeout_closes_the_connection_of_a_packet_sent_byte_by_byte(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(packet_timeout=0.3, idle_timeout=0.2))
    client = connect(server.address)
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        while True:
            client.sock.send(b"x")
            time.sleep(0.01)
    assert time.monotonic() - started < WAIT
    assert dispatcher.statistics.closed == {"packet_timeout": 1}


@every_kind
def test_packet_timeout_starts_again_with_each_packet(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(packet_timeout=0.5))
    client = connect(server.address)
    frame = encode_slip(PING)
    client.sock.sendall(frame[:5])
    end = time.monotonic() + 0.8
    while time.monotonic() < end:  # there is always an incomplete packet
        client.sock.sendall(frame[5:] + frame[:5])
        assert client.receive() == Message("/pong")
    assert dispatcher.statistics.closed == {}


@every_kind
def test_idle_timeout_closes_a_silent_client(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(idle_timeout=0.3))
    assert connect(server.address).is_ended()
    client = connect(server.address)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert is_served(client)
    assert client.is_ended()
    assert dispatcher.statistics.closed == {"idle_timeout": 2}


MUCH = Message.of("/much", bytes(60_000))


def ask_and_never_read(client: Any, times: int) -> None:
    client.sock.settimeout(0.2)
    try:
        for _ in range(times):
            client.send("/much")
    except OSError:  # the server reads no more, or has closed the connection
        pass


@every_kind
def test_reply_timeout_closes_a_client_that_never_reads(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/much", lambda address: MUCH)
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(reply_timeout=0.3))
    client = connect(server.address, SO_RCVBUF=4_096)
    ask_and_never_read(client, 500)
    wait_until(lambda: dispatcher.statistics.closed == {"reply_timeout": 1})
    assert is_served(connect(server.address))


@at_once
def test_client_that_does_not_read_blocks_no_other(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/much", lambda address: MUCH)
    server = serve_tcp(kind, dispatcher)
    ask_and_never_read(connect(server.address, SO_RCVBUF=4_096), 500)
    for _ in range(3):
        assert is_served(connect(server.address))
    assert dispatcher.statistics.closed == {}


def test_max_reply_bytes_closes_the_connection(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/much", lambda address: MUCH)
    server = serve_tcp("asyncio", dispatcher, limits=StreamLimits(max_reply_bytes=100_000))
    client = connect(server.address, SO_RCVBUF=4_096)
    # One bundle: it is read before the server can notice that the client does not read.
    client.send_packet(encode_bundle([encode_message(Message.of("/much"))] * 500))
    wait_until(lambda: dispatcher.statistics.closed == {"max_reply_bytes": 1})
    assert client.is_ended()
    assert is_served(connect(server.address))


@every_kind
def test_half_closed_client_that_never_reads_is_closed(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    much = Message.of("/much", bytes(30_000))  # small enough that asyncio does not pause writing
    dispatcher.map("/much", lambda address: much)
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(reply_timeout=0.3))
    client = connect(server.address, SO_RCVBUF=4_096)
    for _ in range(300):
        client.send("/much")
    client.finish()
    if kind != "asyncio":
        wait_until(lambda: dispatcher.statistics.closed == {"reply_timeout": 1})
    client.sock.settimeout(None)
    wait_until(lambda: is_gone(client.address, server.address))
    assert is_served(connect(server.address))


def is_gone(client: tuple[Any, ...], server: tuple[Any, ...]) -> bool:
    """Whether the system has no socket for the server's end of a connection."""
    near, far = (f"{address[1]:04X}" for address in (server, client))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if local.endswith(near) and remote.endswith(far) and state in ("01", "08"):
            return False
    return True


def test_stalled_reader_does_not_delay_a_stop(
    serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    dispatcher.map("/much", lambda address: MUCH)
    server = serve_tcp("asyncio", dispatcher)
    ask_and_never_read(connect(server.address, SO_RCVBUF=4_096), 500)
    assert server.stop() < 3


# --- floods -------------------------------------------------------------------------------------


@at_once
def test_connections_above_the_limit_are_rejected_and_counted(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(max_connections=5))
    guests = [connect(server.address) for _ in range(5)]
    assert all(map(is_served, guests))
    for _ in range(20):
        assert connect(server.address).is_ended()
    assert all(map(is_served, guests))
    assert dispatcher.statistics.closed == {"max_connections": 20}


@at_once
def test_one_address_leaves_room_for_others(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(max_connections_per_address=2))
    with socket.create_connection(server.address, source_address=("127.0.0.2", 0)) as other:
        guests = [connect(server.address) for _ in range(2)]
        assert all(map(is_served, guests))
        assert connect(server.address).is_ended()
        other.sendall(encode_slip(PING))
        assert b"/pong" in other.recv(100)
    assert dispatcher.statistics.closed == {"max_connections_per_address": 1}


@every_kind
def test_client_outside_allow_is_rejected_before_reading(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, allow=AllowList(["127.0.0.2"]))
    stranger = connect(server.address)
    with suppress(ConnectionError):
        stranger.send("/ping")
    assert stranger.is_ended()
    with socket.create_connection(server.address, source_address=("127.0.0.2", 0)) as friend:
        friend.sendall(encode_slip(PING))
        assert b"/pong" in friend.recv(100)
    assert dispatcher.statistics.closed == {"not_allowed": 1}
    assert dispatcher.statistics.packets == 1


@at_once
def test_client_is_served_after_another_has_left(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher, limits=StreamLimits(max_connections=2))
    guests = [connect(server.address) for _ in range(2)]
    assert all(map(is_served, guests))
    guests[0].finish()
    assert guests[0].is_ended()

    def enters() -> bool:
        try:
            return is_served(connect(server.address))
        except (EOFError, ConnectionError):
            return False

    wait_until(enters)


@every_kind
def test_thousand_connections_without_data_leave_nothing_behind(
    kind: str, serve_tcp: Serve, dispatcher: Dispatcher, connect: Connect
) -> None:
    server = serve_tcp(kind, dispatcher)
    first = connect(server.address)
    assert is_served(first)
    first.finish()
    assert first.is_ended()
    first.sock.close()
    before = open_files()
    for _ in range(1_000):
        socket.create_connection(server.address[:2]).close()
    client = connect(server.address)
    assert is_served(client)
    client.sock.close()
    wait_until(lambda: open_files() <= before)
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("osc-tcp ")])


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@every_kind
def test_reset_within_a_packet_affects_no_other_client(
    kind: str, serve_tcp: Serve, connect: Connect, dispatcher: Dispatcher
) -> None:
    server = serve_tcp(kind, dispatcher)
    for _ in range(20):
        client = connect(server.address)
        client.sock.sendall(encode_slip(PING) * 100 + b"/pi")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sock.close()  # resets
    assert is_served(connect(server.address))


NO_DESCRIPTORS = """
import asyncio, json, resource, socket, sys, threading, time
from oscbridge.dispatcher import Dispatcher
from oscbridge.osc_tcp_server import *

kind = sys.argv[1]
dispatcher = Dispatcher()
dispatcher.map("/ping", lambda address: "/pong")
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))

def tell(address):
    print(json.dumps(address), flush=True)

def watch(stop):
    for line in sys.stdin:
        print(json.dumps([time.process_time(), dispatcher.statistics.closed]), flush=True)
    stop()

if kind == "asyncio":
    async def main():
        server = AsyncOSCTCPServer("127.0.0.1", 0, dispatcher)
        await server.listen()
        tell(server.sockets[0].getsockname())
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        threading.Thread(
            target=watch, args=(lambda: loop.call_soon_threadsafe(ended.set),)
        ).start()
        await ended.wait()
        await server.stop()
    asyncio.run(main())
else:
    with ThreadingOSCTCPServer(("127.0.0.1", 0), dispatcher) as server:
        tell(server.server_address)
        threading.Thread(target=watch, args=(server.shutdown,)).start()
        server.serve_forever()
"""


@at_once
def test_server_out_of_descriptors_resumes_later(kind: str, connect: Connect) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NO_DESCRIPTORS, kind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None

        def ask() -> Any:
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return json.loads(process.stdout.readline())  # type: ignore[union-attr]

        address = tuple(json.loads(process.stdout.readline()))
        crowd = [connect(address) for _ in range(60)]  # twice its descriptors
        wait_until(lambda: ask()[1].get("no_descriptor", 0) > 0)
        assert is_served(crowd[0])
        cpu, closed = ask()
        started = time.monotonic()
        wait_until(lambda: ask()[1]["no_descriptor"] >= closed["no_descriptor"] + 6)
        # It does not spin: neither by attempts, which are 0.1 s apart, nor between them.
        assert time.monotonic() - started > 0.4
        assert ask()[0] - cpu < 0.3
        assert is_served(crowd[0])
        for client in crowd:
            client.sock.close()
        assert is_served(connect(address))
        process.stdin.close()
        errors = process.stderr.read()
        assert process.wait(WAIT) == 0
        assert len(errors.splitlines()) < 10, errors

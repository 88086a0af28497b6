"""Reading datagrams in batches: the fast and the portable function behave equally."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from oscbridge.net import udp_receive as receive
from oscbridge.net.udp_receive import BATCH, Receive, udp_receiver

MakeSocket = Callable[..., socket.socket]
Make = Callable[..., Receive]

both = pytest.mark.parametrize("make", [udp_receiver, receive._portable], ids=["quick", "portable"])
hosts = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])


@pytest.fixture
def server(udp_socket: MakeSocket, host: str) -> socket.socket:
    sock = udp_socket(host)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # a few batches
    sock.setblocking(False)
    return sock


@both
@hosts
def test_waiting_datagrams_are_read_in_order_with_their_senders(
    make: Make, host: str, server: socket.socket, udp_socket: MakeSocket
) -> None:
    senders = [udp_socket(host), udp_socket(host)]
    sent = [b"", b"/a", b"\0" * 1_000, b"x" * 60_000, b"\xff" * 3]
    for n, data in enumerate(sent):
        senders[n % 2].sendto(data, server.getsockname())
    read = make(server, 65_535)
    assert read() == [(data, senders[n % 2].getsockname()) for n, data in enumerate(sent)]
    assert read() == []


@both
@hosts
def test_one_call_reads_at_most_one_batch(
    make: Make, host: str, server: socket.socket, udp_socket: MakeSocket
) -> None:
    sender = udp_socket(host)
    sent = [n.to_bytes(4, "big") * (n % 5 + 1) for n in range(2 * BATCH + 1)]
    for data in sent:
        sender.sendto(data, server.getsockname())
    read = make(server, 65_535)
    batches = [read() for _ in range(4)]
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1, 0]
    assert [data for batch in batches for data, _ in batch] == sent


@both
@hosts
def test_longer_datagram_is_truncated(
    make: Make, host: str, server: socket.socket, udp_socket: MakeSocket
) -> None:
    sender = udp_socket(host)
    for data in (b"12345678", b"123456789", b"1234"):
        sender.sendto(data, server.getsockname())
    assert [data for data, _ in make(server, 8)()] == [b"12345678", b"12345678", b"1234"]


@both
@hosts
def test_closed_socket_is_an_error(make: Make, host: str, server: socket.socket) -> None:
    read = make(server, 65_535)
    server.close()
    with pytest.raises(OSError):
        read()


@hosts
def test_sender_cache_is_bounded(host: str, server: socket.socket, udp_socket: MakeSocket) -> None:
    senders = [udp_socket(host) for _ in range(20)]
    for sender in senders:
        sender.sendto(b"/a", server.getsockname())
    read = udp_receiver(server, max_clients=4)
    assert [client for _, client in read()] == [sender.getsockname() for sender in senders]
    assert len(read.__self__._clients) <= 4  # type: ignore[attr-defined]

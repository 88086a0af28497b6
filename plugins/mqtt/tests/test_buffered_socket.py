"""The socket that paho reads and writes."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator

import pytest

from oscbridge_mqtt.buffered_socket import BufferedSocket
from oscbridge_mqtt.incoming import IncomingFilter


@pytest.fixture
def pair() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    """A buffered socket and its peer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
    here.setblocking(False)
    with here, there:
        buffered = BufferedSocket(here)
        buffered.is_buffering = True
        yield buffered, there


class Answers:
    """Takes every answer for one to an own packet."""

    def on_answer(self, kind: int, mid: int, reason: int) -> bool:
        return True


@pytest.fixture
def filtered(
    pair: tuple[BufferedSocket, socket.socket],
) -> tuple[BufferedSocket, socket.socket]:
    """The same with a filter, as for a connection without WebSocket."""
    return BufferedSocket(pair[0].socket, IncomingFilter(Answers())), pair[1]


def test_recv_serves_small_reads_from_one_large_read(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = pair
    peer.sendall(b"abcdef")
    select.select([buffered], [], [])
    assert buffered.recv(1) == b"a"
    assert buffered.pending() == 5
    assert buffered.recv(100) == b"bcdef"
    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    assert buffered.is_drained


def test_socket_is_drained_with_the_last_byte_of_a_short_read(
    filtered: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = filtered
    peer.sendall(b"\xd0\0")
    select.select([buffered], [], [])
    assert buffered.recv(1) == b"\xd0"
    assert not buffered.is_drained
    assert buffered.recv(1) == b"\0"
    assert buffered.is_drained
    peer.sendall(b"\xd0\0")  # the rest of a packet, for example
    select.select([buffered], [], [])
    assert buffered.recv(1) == b"\xd0"
    assert not buffered.is_drained


def test_socket_is_drained_after_an_answer_that_the_filter_takes(
    filtered: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = filtered
    peer.sendall(b"\x40\2\x80\0")
    select.select([buffered], [], [])
    with pytest.raises(BlockingIOError):
        buffered.recv(1)
    assert buffered.is_drained


def test_recv_returns_nothing_after_the_peer_closed(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = pair
    peer.close()
    select.select([buffered], [], [])
    assert buffered.recv(1) == b""
    assert buffered.is_broken


def test_flush_writes_all_pieces_in_order(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, peer = pair
    for piece in (b"one", b"two", b"three"):
        assert buffered.send(piece) == len(piece)
    assert buffered.unsent == [b"one", b"two", b"three"]
    assert buffered.flush()
    assert buffered.unsent == []
    assert peer.recv(100) == b"onetwothree"


def test_unsent_lists_the_pieces_that_the_system_has_not_taken_completely(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = pair
    pieces = [bytes([index]) * 100_000 for index in range(100)]
    for piece in pieces:
        buffered.send(piece)
    assert not buffered.flush()
    unsent = list(buffered.unsent)
    assert 0 < len(unsent) < len(pieces)
    assert unsent == pieces[-len(unsent) :]
    received = bytearray()
    while len(received) < 10_000_000:
        received += peer.recv(1 << 20)
        buffered.flush()
    assert bytes(received) == b"".join(pieces)
    assert buffered.unsent == []


def test_flush_raises_when_the_connection_is_broken(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, peer = pair
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()  # with a reset
    buffered.send(b"x")
    with pytest.raises(OSError):
        buffered.flush()
    assert buffered.is_broken
    assert buffered.unsent == [b"x"]


def test_close_writes_the_buffer(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, peer = pair
    buffered.send(b"last")
    buffered.close()
    assert peer.recv(100) == b"last"
    assert peer.recv(100) == b""

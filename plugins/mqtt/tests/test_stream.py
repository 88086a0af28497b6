"""What is read between the broker and paho."""

from __future__ import annotations

import socket

import pytest

from oscbridge_mqtt.stream import Stream

ACK = b"\x40\x02\x80\x01"
REFUSED = b"\x40\x03\x80\x02\x87"
LONG = b"\x40\x04\x80\x03\x10\x00"
PAHOS = b"\x40\x02\x00\x07"
PUBLISH = b"\x30\x05\x00\x01aXY"
PING = b"\xd0\x00"
BIG = b"\x30\x84\x80\x04" + b"x" * 65_540


def read(pieces: list[bytes], payload: int | None = None) -> tuple[bytes, list[tuple[int, int]]]:
    """What paho gets of bytes that come in pieces, and the answers that are taken out."""
    here, there = socket.socketpair()
    answers: list[tuple[int, int]] = []

    def take(_first: int, mid: int, reason: int) -> bool:
        if mid >= 0x8000:
            answers.append((mid, reason))
        return mid >= 0x8000

    with here, there:
        here.setblocking(False)
        stream = Stream(here, take, payload)
        out = b""
        for piece in pieces:
            there.sendall(piece)
            while True:
                try:
                    out += stream.recv(1) + (stream.recv(7) if stream.pending() else b"")
                except BlockingIOError:
                    break
        assert stream.pending() == 0
    return out, answers


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
def test_answers_are_taken_out_however_they_are_cut(size: int) -> None:
    data = PUBLISH + ACK + PING + REFUSED + PAHOS + LONG + ACK + PUBLISH + ACK
    out, answers = read([data[start : start + size] for start in range(0, len(data), size)])
    assert out == PUBLISH + PING + PAHOS + PUBLISH
    assert answers == [
        (0x8001, 0), (0x8002, 0x87), (0x8003, 0x10), (0x8001, 0), (0x8001, 0)
    ]  # fmt: skip


def test_a_large_packet_passes_through() -> None:
    data = ACK + BIG + ACK
    out, answers = read([data[:100], data[100:40_000], data[40_000:]])
    assert out == BIG
    assert len(answers) == 2


@pytest.mark.parametrize("size", [1_000, 30_000, 65_536])
@pytest.mark.parametrize(
    ("first", "number"), [(b"\x30", b""), (b"\x33", b"\x12\x34"), (b"\x3d", b"\x12\x34")]
)
def test_of_a_payload_that_is_too_large_no_more_is_read_than_shows_it(
    first: bytes, number: bytes, size: int
) -> None:
    head = b"\x00\x03a/b" + number
    body = head + b"x" * (300_000 - len(head))
    large = first + b"\xe0\xa7\x12" + body
    data = ACK + large + ACK + PUBLISH + large + ACK
    out, answers = read([data[start : start + size] for start in range(0, len(data), size)], 100)
    cut = first + bytes([len(head) + 101]) + head + b"x" * 101
    assert out == cut + PUBLISH + cut
    assert len(answers) == 3


def test_what_looks_like_an_answer_within_a_packet_stays() -> None:
    packet = b"\x30\x0c\x00\x01a" + ACK * 2 + b"x"
    assert read([packet + ACK]) == (packet, [(0x8001, 0)])


def test_what_is_no_mqtt_is_left_to_paho() -> None:
    out, answers = read([b"\xff" * 100])
    assert out == b"\xff" * 100
    assert answers == []


def test_the_end_is_told() -> None:
    here, there = socket.socketpair()
    with here:
        there.close()
        assert Stream(here, lambda *_: True).recv(1) == b""

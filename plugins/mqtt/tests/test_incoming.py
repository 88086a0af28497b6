"""The filter between the socket and paho."""

from __future__ import annotations

import pytest

from oscbridge_mqtt.incoming import IncomingFilter

PUBACK = b"\x40\x02\x80\x01"
REJECTED = b"\x40\x03\x80\x02\x95"
LONG = b"\x40\xc8\x01\x80\x03\x10" + b"x" * 197
FOREIGN = b"\x40\x02\x00\x07"
PUBCOMP = b"\x70\x02\x80\x02"
PUBLISH = b"\x30\x05\x00\x01aXY"
PINGRESP = b"\xd0\x00"


class Answers:
    """Records the broker's answers, and handles those with identifiers of 0x8000 and above."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, int]] = []

    def on_answer(self, kind: int, mid: int, reason: int) -> bool:
        self.found.append((kind, mid, reason))
        return mid >= 0x8000


def feed(data: bytes, size: int, max_payload: int | None = None) -> tuple[bytes, Answers]:
    """The filtered stream and the answers; fed in pieces of ``size`` bytes."""
    answers = Answers()
    incoming = IncomingFilter(answers, max_payload)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join([incoming.feed(piece) for piece in pieces]), answers


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
def test_filter_removes_handled_answers(size: int) -> None:
    data = PUBLISH + PUBACK + PINGRESP + REJECTED + LONG + PUBCOMP + FOREIGN + PUBLISH + PUBACK
    out, answers = feed(data, size)
    assert out == PUBLISH + PINGRESP + FOREIGN + PUBLISH
    assert answers.found == [
        (0x40, 0x8001, 0),
        (0x40, 0x8002, 0x95),
        (0x40, 0x8003, 0x10),
        (0x70, 0x8002, 0),
        (0x40, 0x0007, 0),
        (0x40, 0x8001, 0),
    ]


@pytest.mark.parametrize("size", [1, 1_000, 30_000, 65_536])
@pytest.mark.parametrize(
    ("first", "identifier"), [(b"\x30", b""), (b"\x33", b"\x12\x34"), (b"\x3d", b"\x12\x34")]
)
def test_filter_truncates_an_oversized_payload_to_one_byte_above_the_limit(
    first: bytes, identifier: bytes, size: int
) -> None:
    head = b"\x00\x03a/b" + identifier
    body = head + b"x" * (300_000 - len(head))
    large = first + b"\xe0\xa7\x12" + body
    out, answers = feed(PUBCOMP + large + PUBLISH + large + PUBACK, size, max_payload=100)
    truncated = first + bytes([len(head) + 101]) + head + b"x" * 101
    assert out == truncated + PUBLISH + truncated
    assert answers.found == [(0x70, 0x8002, 0), (0x40, 0x8001, 0)]


@pytest.mark.parametrize("payload", [99, 100, 101])
def test_filter_passes_on_payloads_up_to_one_byte_above_the_limit(payload: int) -> None:
    packet = b"\x30" + bytes([3 + payload]) + b"\x00\x01a" + b"x" * payload
    assert feed(packet * 2, 7, max_payload=100)[0] == packet * 2


def test_filter_does_not_mistake_a_payload_for_a_packet() -> None:
    packet = b"\x30\x0c\x00\x01a" + PUBACK * 2 + b"x"
    out, answers = feed(packet + PUBACK, 3)
    assert out == packet
    assert answers.found == [(0x40, 0x8001, 0)]


def test_filter_passes_on_invalid_mqtt() -> None:
    assert feed(b"\xff" * 100, 9)[0] == b"\xff" * 100

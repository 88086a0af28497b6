"""The hops of messages that a program has lately sent to itself."""

from __future__ import annotations

from oscbridge import Message
from oscbridge.bridge.recent_hops import MAX_RECENT, REPEAT_TIME, RecentHops, digest_of
from oscbridge.osc import decode_message, encode_message

PORT = 9000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_digest_of_a_message_is_the_same_after_it_was_received() -> None:
    sent = Message.of("/a", 0.1, 1, "ü", b"x", True, None, [1, 2.5])
    received = decode_message(encode_message(sent))
    assert digest_of(received) == digest_of(sent)
    assert digest_of(Message.of("/a", 0.2)) != digest_of(Message.of("/a", 0.1))


def test_hops_are_known_by_port_and_content() -> None:
    hops = RecentHops()
    hops.add(PORT, 1, 3)
    assert [hops.get(PORT, 1), hops.get(PORT, 2), hops.get(PORT + 1, 1)] == [3, 0, 0]


def test_equal_messages_within_a_second_have_the_most_hops() -> None:
    clock = Clock()
    hops = RecentHops(clock)
    hops.add(PORT, 1, 5)
    hops.add(PORT, 1, 1)
    assert hops.get(PORT, 1) == 5
    clock.now = REPEAT_TIME * 1.5
    hops.add(PORT, 1, 1)
    assert hops.get(PORT, 1) == 1


def test_oldest_message_is_forgotten() -> None:
    hops = RecentHops()
    for number in range(MAX_RECENT + 1):
        hops.add(PORT, number, 1)
    assert [hops.get(PORT, 0), hops.get(PORT, 1), hops.get(PORT, MAX_RECENT)] == [0, 1, 1]

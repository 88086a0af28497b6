"""Answers go to those who asked; values and questions are bounded."""

from __future__ import annotations

from oscbridge.bridge.clients.answers import ASK_TIME, MAX_ASKERS, Answers
from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.net.socket_address import ClientAddress

ONE: ClientAddress = ("10.0.0.1", 9_000)
OTHER: ClientAddress = ("10.0.0.2", 9_000)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def send(answers: Answers, address: str, packet: bytes) -> list[ClientAddress] | None:
    """Send one packet. Returns who gets it; None for everyone."""
    batch = answers.batch()
    found = batch.askers(address, packet)
    batch.sent()
    return found


def test_repeated_value_is_for_whoever_has_sent_to_its_address() -> None:
    answers = Answers()
    answers.asked(ONE, "/knob")
    answers.asked(OTHER, "/other")
    assert send(answers, "/knob", b"1") is None
    assert send(answers, "/knob", b"1") == [ONE]
    assert send(answers, "/knob", b"2") is None


def test_repeated_value_is_for_whoever_has_sent_anything() -> None:
    answers = Answers()
    answers.asked(ONE, "/get")
    send(answers, "/knob", b"1")
    assert send(answers, "/knob", b"1") == [ONE]


def test_repeated_value_is_for_everyone_once_the_time_is_over() -> None:
    clock = Clock()
    answers = Answers(clock)
    answers.asked(ONE, "/knob")
    send(answers, "/knob", b"1")
    clock.now += ASK_TIME + 0.1
    assert send(answers, "/knob", b"1") is None


def test_value_is_repeated_within_a_batch() -> None:
    answers = Answers()
    answers.asked(ONE, "/knob")
    batch = answers.batch()
    assert batch.askers("/knob", b"1") is None
    assert batch.askers("/knob", b"1") == [ONE]
    assert batch.askers("/knob", b"2") is None


def test_value_that_could_not_be_sent_is_new_at_the_next_attempt() -> None:
    answers = Answers()
    answers.asked(ONE, "/knob")
    assert answers.batch().askers("/knob", b"1") is None
    assert send(answers, "/knob", b"1") is None


def test_large_values_are_compared_and_not_kept() -> None:
    answers = Answers()
    answers.asked(ONE, "/blob")
    large = bytes(60_000)
    assert send(answers, "/blob", large) is None
    assert send(answers, "/blob", large) == [ONE]
    assert send(answers, "/blob", large[:-1] + b"1") is None
    assert sum(map(len, answers._last.values())) < 100


def test_addresses_with_a_value_are_bounded() -> None:
    answers = Answers()
    answers.asked(ONE, "/0")
    for number in range(MAX_ADDRESSES + 1):
        send(answers, f"/{number}", b"1")
    assert len(answers._last) == MAX_ADDRESSES
    assert send(answers, "/0", b"1") is None, "the oldest was forgotten"


def test_questions_of_many_forged_clients_are_bounded() -> None:
    clock = Clock()
    answers = Answers(clock)
    for number in range(50_000):
        clock.now += ASK_TIME / 100_000  # all within the time
        answers.asked((f"10.0.{number % 256}.1", number), f"/{number % 700}")
        by_address, anything = answers._asked
        assert len(anything) + sum(map(len, by_address.values())) <= MAX_ASKERS + 2


def test_recent_questions_survive_when_old_ones_make_room() -> None:
    clock = Clock()
    answers = Answers(clock)
    for number in range(MAX_ASKERS // 2):
        answers.asked(("10.0.0.9", number), f"/{number}")
    clock.now += ASK_TIME + 0.1
    answers.asked(ONE, "/knob")
    answers.asked(OTHER, "/knob")
    assert answers.recent_askers("/knob") == [ONE, OTHER]

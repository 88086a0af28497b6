"""Loss and repair between two streams."""

from __future__ import annotations

import random

import pytest

from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.rtp.packets import encode_packet
from oscbridge_midi.rtp.receiver_state import ReceiverState
from oscbridge_midi.rtp.streams import MAX_LATE, ReceiveStream, SendStream


class Link:
    """Two streams with a network between them."""

    def __init__(self) -> None:
        self.sender, self.receiver = SendStream(1), ReceiveStream()
        self.found: list[str] = []
        self.lost = 0

    def send(self, *messages: str, arrives: bool = True, now: float = 0.0) -> None:
        for packet in self.sender.packets([bytes.fromhex(each) for each in messages], 0, now):
            self.deliver(packet, arrives=arrives)

    def guard(self, *, arrives: bool = True) -> None:
        self.deliver(self.sender.guard(0, 0.0), arrives=arrives)

    def deliver(self, packet: bytes, *, arrives: bool = True) -> None:
        if not arrives:
            return
        found = self.receiver.receive(packet)
        if found is not None:
            self.lost += found.lost
            self.found += [data.hex() for _, data in found.messages]

    def confirm(self) -> None:
        highest = self.receiver.highest
        assert highest is not None
        self.sender.acknowledge(highest)


@pytest.mark.parametrize(
    ("before", "lost", "repaired"),
    [
        ("903c40", "803c40", ["803c40"]),
        ("f8", "903c40", ["903c40"]),
        ("b00701", "b00702", ["b00702"]),
        ("b04000", "b0407f", ["b0407f"]),
        ("c001", "c002", ["c002"]),
        ("e00040", "e07f7f", ["e07f7f"]),
        ("d001", "d002", ["d002"]),
        ("903c40", "b07b00", ["b07b00"]),
        ("b0407f", "b07900", ["b07900"]),
    ],
)
def test_lost_message_is_repaired_by_the_next_packet(
    before: str, lost: str, repaired: list[str]
) -> None:
    link = Link()
    link.send(before)
    link.send(lost, arrives=False)
    link.send("f8")
    assert link.found == [before, *repaired, "f8"]
    assert link.lost == 1
    assert link.receiver.sounding == (lost == "903c40")


def test_bank_is_repaired_with_its_program() -> None:
    link = Link()
    link.send("f8")
    link.send("b00001", "b02002", "c005", arrives=False)
    link.send("f8")
    assert link.found == ["f8", "b00001", "b02002", "c005", "f8"]


def test_last_note_off_is_repaired_by_a_guard_packet() -> None:
    link = Link()
    link.send("903c40")
    link.send("803c40", arrives=False)
    link.guard(arrives=False)
    link.guard()
    assert link.found == ["903c40", "803c40"]


def test_first_packet_is_repaired() -> None:
    link = Link()
    link.send("903c40", arrives=False)
    link.send("f8")
    assert link.found == ["903c40", "f8"]


def test_confirmed_messages_are_not_repaired_again() -> None:
    link = Link()
    link.send("b00701")
    link.confirm()
    assert link.sender.is_acknowledged
    link.send("f8", arrives=False)
    link.send("fa")
    assert link.found == ["b00701", "fa"]


def test_old_note_is_not_played_late() -> None:
    link = Link()
    link.send("f8")
    link.send("903c40", arrives=False, now=0.0)
    link.send("f8", now=5.0)
    assert link.found == ["f8", "f8"]


def test_late_packet_is_left_out() -> None:
    link = Link()
    link.send("f8")
    [late] = link.sender.packets([bytes.fromhex("903c40")], 0, 0.0)
    link.send("803c40")
    link.deliver(late)
    assert link.found == ["f8", "903c40", "803c40"]  # repaired, and not played again
    assert link.receiver.sounding == 0


def test_loss_of_a_clock_tick_ends_no_note() -> None:
    link = Link()
    link.send("903c40")
    link.confirm()
    link.send("f8", arrives=False)
    link.send("f8")
    assert link.found == ["903c40", "f8"]
    assert link.receiver.sounding == 1


def test_loss_without_a_journal_ends_all_notes() -> None:
    link = Link()
    for sequence, message in ((1, "903c40"), (3, "f8")):
        link.deliver(encode_packet(sequence, 0, 1, [bytes.fromhex(message)]))
    assert link.found == ["903c40", "803c40", "f8"]


def test_loss_before_the_checkpoint_ends_all_notes() -> None:
    link = Link()
    link.send("903c40", "b0407f")
    link.send("f8", arrives=False)
    link.sender.forget(link.sender.sequence - 1)
    link.send("f8", arrives=False)
    link.send("fa")
    assert link.found == ["903c40", "b0407f", "803c40", "b04000", "fa"]


def test_numbers_wrap() -> None:
    link = Link()
    for _ in range(70_000):
        link.send("f8")
    link.send("903c40", arrives=False)
    link.send("f8")
    assert link.found[-2:] == ["903c40", "f8"]
    assert link.lost == 1


@pytest.mark.parametrize("seed", range(10))
def test_state_is_the_senders_after_random_loss(seed: int) -> None:
    rng = random.Random(seed)
    link = Link()
    sent, received = ReceiverState(), ReceiverState()
    for number in range(3_000):
        note, channel = rng.randrange(128), rng.randrange(3)
        kind = rng.choice((0x80, 0x80, 0x90, 0xB0))
        data = bytes((kind | channel, note, rng.randrange(1, 128)))
        if kind == 0xB0:
            data = bytes((kind | channel, rng.choice((1, 7, 64)), rng.randrange(128)))
        sent.track(data)
        link.send(data.hex(), arrives=rng.random() > 0.2, now=number / 1000)
        if number % 20 == 0 and rng.random() > 0.2 and link.receiver.highest is not None:
            link.confirm()
    for _ in range(5):
        link.deliver(link.sender.guard(0, 3.0))
    for each in link.found:
        received.track(bytes.fromhex(each))
    sounding, wanted = set(received.end_notes()), set(sent.end_notes())
    assert sounding <= wanted  # a note that is too old to be played does not hang
    assert link.receiver.sounding <= len(wanted)


def test_sender_that_counts_from_elsewhere_is_heard_again() -> None:
    link = Link()
    link.deliver(encode_packet(30_000, 0, 1, [b"\x90\x3c\x40"]))
    for sequence in range(MAX_LATE + 1):
        link.deliver(encode_packet(sequence, 0, 1, [b"\xf8"]))
    assert link.found == ["903c40", "803c40", "f8"]


def test_sysex_that_is_too_long_is_a_problem_and_the_rest_is_heard() -> None:
    stream, found = ReceiveStream(), []
    for sequence in range(MAX_SYSEX // 1_000 + 2):
        segment = (b"\xf7" if sequence else b"\xf0") + bytes(1_000) + b"\xf0"
        received = stream.receive(encode_packet(sequence, 0, 1, [b"\xf8", segment]))
        assert received is not None
        assert [data for _, data in received.messages] == [b"\xf8"]
        found += [] if received.problem is None else [received.problem.reason]
    assert found == ["size"]

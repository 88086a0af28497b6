"""Which control was moved, among others that send by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from oscbridge import Color, ControlFacts, ControlId, Message, TimeTag
from oscbridge.learning.activity import ActivityTable
from oscbridge.learning.candidates import Candidate, clear_winner, find_candidates
from oscbridge.learning.relative import relative_mode

START, TURN, NOW = 100.0, 101.0, 103.0
"""When it begins to listen, when it is the user's turn, and when it looks."""


class Traffic:
    """Messages at times, and the candidates they make."""

    def __init__(self) -> None:
        self.table = ActivityTable(lambda _part, message: ControlFacts(ControlId(message.address)))
        self.table.first = START
        self.messages: list[tuple[float, str, Message]] = []

    def every(self, interval: float, addresses: Iterable[str], start: float = START) -> None:
        """Messages at intervals, with values that go up and down."""
        for number, address in enumerate(addresses):
            for step in range(int((NOW - start) / interval)):
                value = 0.5 + 0.5 * math.sin(step * 1.7 + number)
                at = start + step * interval
                self.messages.append((at, "stage", Message.of(address, value)))

    def move(self, address: str, *values: float, part: str = "stage") -> None:
        """A hand on a control, from half a second after its turn on."""
        for step, value in enumerate(values):
            at = TURN + 0.5 + step * 0.03
            self.messages.append((at, part, Message.of(address, value)))

    def candidates(self) -> list[Candidate]:
        """What may have been moved."""
        began = False
        for message in sorted(self.messages, key=lambda each: each[0]):
            if message[0] >= TURN and not began:
                self.table.begin(TURN)
                began = True
            self.table.add(*message)
        found, self.others = find_candidates(self.table, NOW, lambda _part, _control: None)
        return list(found)


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


def winner(found: list[Candidate]) -> str:
    best = clear_winner(found)
    return "" if best is None else best.key.control.address


RAMP = [step / 20 for step in range(20)]


def test_moved_fader_wins_over_meters_that_always_run(traffic: Traffic) -> None:
    traffic.every(0.05, [f"/meter/{number}" for number in range(32)])
    traffic.move("/1/fader3", *RAMP)
    found = traffic.candidates()
    assert winner(found) == "/1/fader3"
    assert len(found) == 1
    assert traffic.others == 32
    assert found[0].why == "20 messages, 0 to 0.95; silent before"


def test_time_and_colour_are_no_positions_of_a_control(traffic: Traffic) -> None:
    values = (("t", TimeTag.from_unix(1_700_000_000)), ("r", Color(0xE0A458FF)))
    for types, value in values:
        message = Message(f"/{types}", types, (value,))
        traffic.messages.append((TURN + 0.5, "stage", message))
    assert {each.why for each in traffic.candidates()} == {"1 message; silent before"}


def test_moved_fader_wins_over_meters_that_begin_with_it(traffic: Traffic) -> None:
    traffic.every(0.05, [f"/meter/{number}" for number in range(8)], start=TURN + 0.2)
    traffic.move("/1/fader3", *RAMP)
    found = traffic.candidates()
    assert winner(found) == "/1/fader3"
    assert "7 others with similar addresses" in found[1].why


def test_button_wins_over_a_heartbeat(traffic: Traffic) -> None:
    traffic.every(0.7, ["/alive"])
    traffic.move("/go", 1, 0)
    assert winner(traffic.candidates()) == "/go"


def test_hand_that_was_too_early_still_counts(traffic: Traffic) -> None:
    traffic.every(0.05, [f"/meter/{number}" for number in range(8)])
    for step in range(20):
        at = TURN - 0.3 + step * 0.03
        traffic.messages.append((at, "stage", Message.of("/1/fader1", step / 20)))
    found = traffic.candidates()
    assert winner(found) == "/1/fader1"
    assert "moved before its turn as well" in found[0].why


def test_two_controls_at_once_are_for_the_user_to_decide(traffic: Traffic) -> None:
    traffic.move("/1/fader1", *RAMP)
    traffic.move("/1/fader2", *RAMP)
    found = traffic.candidates()
    assert winner(found) == ""
    assert [each.key.control.address for each in found] == ["/1/fader1", "/1/fader2"]


def test_fader_that_sends_all_the_time_wins_when_it_sends_more(traffic: Traffic) -> None:
    traffic.every(0.5, ["/1/fader1"])
    traffic.move("/1/fader1", *RAMP)
    assert winner(traffic.candidates()) == "/1/fader1"


def test_value_that_is_repeated_is_no_move(traffic: Traffic) -> None:
    traffic.move("/status", *[1.0] * 8)
    traffic.move("/1/fader1", *RAMP[:6])
    assert winner(traffic.candidates()) == "/1/fader1"


def test_control_that_still_moves_is_not_chosen_yet(traffic: Traffic) -> None:
    for step in range(20):
        message = Message.of("/1/fader1", step / 20)
        traffic.messages.append((NOW - 1 + step * 0.05, "stage", message))
    found = traffic.candidates()
    assert found[0].is_moving
    assert clear_winner(found) is None


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ([1, 1, 2, 1, 127, 127, 126], "twos_complement"),
        ([1, 1, 1, 1, 1], "twos_complement"),
        ([127, 127, 127, 126], "twos_complement"),
        ([1, 1, 2, 65, 65, 66, 1], "signed_bit"),
        ([65, 65, 66, 63, 63, 62], "offset_64"),
        ([65, 65, 65, 65], "offset_64"),
        ([63, 65, 63, 65, 63], "offset_64"),
        ([0, 1, 2, 3, 4, 5, 6, 7], None),
        ([60, 61, 62, 63, 64, 65, 66], None),
        ([127, 126, 125, 124, 123], None),
        ([0, 127, 0, 127], None),
        ([1, 1], None),
        ([0.5, 0.5, 0.5, 0.5], None),
    ],
)
def test_relative_mode_is_that_of_the_encoder(values: list[float], mode: str | None) -> None:
    assert relative_mode(values) == mode

"""Compares the messages that arrived at an endpoint with those that a test expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from oscbridge.bridge.simulation.cases import ExpectedMessage
from oscbridge.osc import Message

__all__ = ["Line", "ReceivedMessage", "compare"]

LOOK_AHEAD: Final = 50
"""Messages among which the next pair that matches is looked for after a difference."""


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that arrived."""

    at: float
    """Seconds since the start of the test."""
    to: str
    """The endpoint."""
    message: Message


@dataclass(frozen=True)
class Line:
    """A pair that matches, or a message without a counterpart, or two that differ."""

    expected: ExpectedMessage | None = None
    received: ReceivedMessage | None = None
    difference: str = ""
    """Why the two differ; empty if they match."""

    @property
    def is_match(self) -> bool:
        """Whether the expected message arrived."""
        if self.expected is None or self.difference:
            return False
        return self.expected.is_gap or self.received is not None


def compare(expected: Sequence[ExpectedMessage], received: Sequence[ReceivedMessage]) -> list[Line]:
    """Pair the messages of one endpoint, in order."""
    lines: list[Line] = []
    want, got = 0, 0
    while want < len(expected) and got < len(received):
        if expected[want].is_gap:
            count = _gap(expected[want + 1 :], received[got:])
            lines += [Line(expected[want], each) for each in received[got : got + count]]
            want, got = want + 1, got + count
            continue
        difference = _difference(expected[want], received[got])
        if not difference:
            lines.append(Line(expected[want], received[got]))
            want, got = want + 1, got + 1
            continue
        before_gap = takewhile(lambda each: not each.is_gap, expected[want:])
        extra, missing = _skips(list(before_gap), received[got:])
        if extra:
            lines += [Line(received=each) for each in received[got : got + extra]]
        elif missing:
            lines += [Line(each) for each in expected[want : want + missing]]
        else:
            lines.append(Line(expected[want], received[got], difference))
            want, got = want + 1, got + 1
        want, got = want + missing, got + extra
    lines += [Line(each) for each in expected[want:]]
    lines += [Line(received=each) for each in received[got:]]
    return lines


def _difference(expected: ExpectedMessage, received: ReceivedMessage) -> str:
    return expected.difference(received.at, received.message)


def _gap(expected: Sequence[ExpectedMessage], received: Sequence[ReceivedMessage]) -> int:
    """How many received messages belong to a gap: those before the next expected one."""
    following = next((each for each in expected if not each.is_gap), None)
    for count, each in enumerate(received):
        if following is not None and not _difference(following, each):
            return count
    return len(received)


def _skips(
    expected: Sequence[ExpectedMessage], received: Sequence[ReceivedMessage]
) -> tuple[int, int]:
    """How many received or expected messages to skip until two match; no more than needed.

    Both are 0 if the two following messages match, or if nothing matches soon.
    """
    for count in range(1, LOOK_AHEAD):
        both = count < min(len(expected), len(received))
        if both and not _difference(expected[count], received[count]):
            return 0, 0
        if count < len(received) and not _difference(expected[0], received[count]):
            return count, 0
        if count < len(expected) and not _difference(expected[count], received[0]):
            return 0, count
    return 0, 0

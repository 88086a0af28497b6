"""A test of the configuration, ``[[test]]``, with every name and message read."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from oscbridge.bridge.simulation.message_pattern import MessagePattern
from oscbridge.osc import Message

__all__ = ["GAP", "TIME_TOLERANCE", "Case", "ExpectedMessage", "ForbiddenMessage", "SentMessage"]

GAP: Final = ("...", "…")
"""How any number of messages is written."""

TIME_TOLERANCE: Final = 0.001
"""Seconds by which a message may arrive earlier or later than ``at`` says."""


@dataclass(frozen=True)
class SentMessage:
    """A message that a test sends."""

    at: float
    """Seconds since the start of the test."""
    source: str
    """The bridge or endpoint that it comes from."""
    message: Message


@dataclass(frozen=True)
class ExpectedMessage:
    """A message that must arrive."""

    to: str
    """The endpoint."""
    pattern: MessagePattern
    at: float | None = None
    """Seconds since the start of the test; None for any time."""
    is_gap: bool = False
    """Whether it stands for any number of messages, also none."""

    def difference(self, at: float, message: Message) -> str:
        """Why a message that arrived is not the expected one; empty if it is."""
        difference = self.pattern.difference(message)
        if not difference and self.at is not None and abs(at - self.at) > TIME_TOLERANCE:
            return f"it arrived at {at:.6g} s"
        return difference


@dataclass(frozen=True)
class ForbiddenMessage:
    """A message that must not arrive."""

    to: str
    """The endpoint, or a pattern with ``*``."""
    pattern: MessagePattern
    text: str
    """Both, as they are written."""

    def matches(self, to: str, message: Message) -> bool:
        """Whether it is such a message."""
        return fnmatchcase(to, self.to) and not self.pattern.difference(message)


@dataclass(frozen=True)
class Case:
    """One valid ``[[test]]``."""

    number: int
    """Its number in the configuration, counted from 1."""
    name: str
    sent: tuple[SentMessage, ...]
    """In the order of their times."""
    expected: tuple[ExpectedMessage, ...] = ()
    """All messages that arrive at the endpoints named here, in order for each of them."""
    forbidden: tuple[ForbiddenMessage, ...] = ()
    now: float | None = None
    """Unix time at its start, None for the real time."""

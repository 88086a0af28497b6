"""The time tag of a message that is handed on with it."""

from __future__ import annotations

import os
import time
from typing import Final, Self

from oscbridge.osc.timetag import TimeTag

__all__ = ["ForwardedTag"]

ARRIVAL_TIME: Final = 0.005
"""Seconds after which no more messages of a bundle are expected from another process."""


class ForwardedTag(TimeTag):
    """A time tag that the bridge has not waited for: a sink sends it with its messages.

    Messages of one incoming bundle have tags of one ``group``.
    """

    group: bytes
    _complete_at: float

    @classmethod
    def of(cls, timetag: TimeTag, group: bytes | None = None) -> Self:
        """The tag of a new group, or of one in another process."""
        made = cls(timetag)
        made.group = os.urandom(8) if group is None else group
        made._complete_at = float("inf") if group is None else time.monotonic() + ARRIVAL_TIME
        return made

    @property
    def is_complete(self) -> bool:
        """Whether no more messages of its group follow."""
        return time.monotonic() >= self._complete_at

    def complete(self) -> None:
        """Note that no more messages of its group follow."""
        self._complete_at = 0.0

    def is_with(self, other: ForwardedTag) -> bool:
        """Whether messages with the two tags belong together."""
        return self.group == other.group and self == other

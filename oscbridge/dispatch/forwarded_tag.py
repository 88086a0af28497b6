"""The time tag of a message that is handed on with it."""

from __future__ import annotations

import os
from typing import Self

from oscbridge.dispatch.packet_reader import ReadMessage
from oscbridge.osc.timetag import TimeTag

__all__ = ["ForwardedTag", "by_tag"]


class ForwardedTag(TimeTag):
    """A time tag that the bridge has not waited for: a sink sends it with its messages.

    Messages of one incoming bundle have tags of one ``group``.
    """

    group: bytes
    is_complete: bool
    """Whether no more messages of its group follow."""

    @classmethod
    def of(cls, timetag: TimeTag, group: bytes | None = None) -> Self:
        """The tag of a new group, or of one in another process."""
        made = cls(timetag)
        made.group = os.urandom(8) if group is None else group
        made.is_complete = False
        return made

    def complete(self) -> None:
        """Note that no more messages of its group follow."""
        self.is_complete = True


def by_tag(messages: list[ReadMessage]) -> list[ReadMessage]:
    """The messages of a packet, those of one time tag together.

    A bundle may go on after one within it that has another tag.
    """
    places: dict[TimeTag | None, int] = {}
    for tag, *_ in messages:
        places.setdefault(tag, len(places))
    return messages if len(places) < 2 else sorted(messages, key=lambda each: places[each[0]])

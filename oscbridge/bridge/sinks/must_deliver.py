"""The messages that a send queue keeps although it drops others: those that end something."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic

from oscbridge.bridge.sinks.queue_base import EntryT

__all__ = ["MAX_MUST_DELIVER", "MustDeliverBuffer", "no_key"]

MAX_MUST_DELIVER: Final = 4_096
"""Must-deliver messages that a queue keeps above its size or age."""


class MustDeliverBuffer(Generic[EntryT]):
    """The messages that a queue keeps because the endpoint must receive them.

    ``key`` returns None for a message that may be dropped. Of those with one key only the last
    is kept.
    """

    def __init__(self, key: Callable[[EntryT], Hashable]) -> None:
        self.messages: OrderedDict[Hashable, EntryT] = OrderedDict()
        """By their keys, oldest first."""
        self._key = key

    def keep(self, message: EntryT) -> bool:
        """Keep a message if it must be delivered. Returns False if a message was dropped."""
        kept = self.messages
        try:
            key = self._key(message)
            is_known = key in kept
            if key is None or (not is_known and len(kept) >= MAX_MUST_DELIVER):
                return False
            kept[key] = message
            if is_known:
                kept.move_to_end(key)
        except BaseException:  # raised by a plugin; the source of the message must not fail
            return False
        return not is_known

    def may_drop(self, message: EntryT) -> bool:
        """Whether a message need not be delivered."""
        try:
            return self._key(message) is None
        except BaseException:  # raised by a plugin
            return True

    def remove(self, count: int) -> list[EntryT]:
        """Remove and return the oldest messages, at most ``count``."""
        kept = self.messages
        return [kept.popitem(last=False)[1] for _ in range(min(count, len(kept)))]


def no_key(_message: object) -> None:
    """Return the key of a message that may be dropped."""

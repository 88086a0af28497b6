"""The messages that a send queue keeps although it drops others: those that end something."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from typing import Final, Generic

from oscbridge.bridge.sinks.keyed_messages import KeyedMessages
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
        self._kept: KeyedMessages[EntryT] = KeyedMessages()
        self.messages: Sized = self._kept.messages
        """The messages kept."""
        self._key = key

    def keep(self, message: EntryT) -> bool:
        """Keep a message if it must be delivered. Returns False if a message was dropped."""
        kept = self._kept
        try:
            key = self._key(message)
            if key is None:
                return False
            number = kept.find(key)
            if number is not None:
                kept.messages[number] = key, message
                kept.messages.move_to_end(number)
                return False
            if len(kept.messages) < MAX_MUST_DELIVER:
                return not kept.put(key, message)
        except BaseException:  # raised by a plugin; the source of the message must not fail
            pass
        return False

    def may_drop(self, message: EntryT) -> bool:
        """Whether a message need not be delivered."""
        try:
            return self._key(message) is None
        except BaseException:  # raised by a plugin
            return True

    def remove(self, count: int) -> list[EntryT]:
        """Remove and return the oldest messages, at most ``count``."""
        return self._kept.remove(count)

    def clear(self) -> None:
        """Remove all messages."""
        self._kept.clear()


def no_key(_message: object) -> None:
    """Return the key of a message that may be dropped."""

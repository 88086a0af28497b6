"""Messages of which one per key waits, in order, whatever the keys of a plugin are like."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic

from oscbridge.bridge.sinks.queue_base import EntryT

__all__ = ["KeyedMessages"]


class KeyedMessages(Generic[EntryT]):
    """Messages in the order of their first arrival, one per key.

    Comparing or hashing a key may raise an exception, and may have another result each time: then
    a key is not found, but no message is lost or counted twice. So the messages are kept by
    numbers, and keys are only looked up.
    """

    def __init__(self) -> None:
        self.messages: OrderedDict[int, tuple[Hashable, EntryT]] = OrderedDict()
        """Their keys and messages by number, oldest first."""
        self._numbers: dict[Hashable, int] = {}
        self._last = 0

    def find(self, key: Hashable) -> int | None:
        """The number of the message with a key. Raises what the key raises."""
        number = self._numbers.get(key, 0)
        return number if number in self.messages else None

    def put(self, key: Hashable, message: EntryT) -> bool:
        """Add a message, or replace that with its key, unless it is None. Whether it replaces one.

        Raises what the key raises; then nothing has changed.
        """
        messages, numbers = self.messages, self._numbers
        number = numbers.get(key, 0)
        if number in messages:
            messages[number] = key, message
            return True
        self._last = number = self._last + 1
        if key is not None:
            numbers[key] = number
        messages[number] = key, message
        return False

    def remove(self, count: int) -> list[EntryT]:
        """Remove and return the oldest messages, at most ``count``."""
        messages = self.messages
        if count < len(messages):
            return [self.remove_first() for _ in range(count)]
        removed = [message for _, message in messages.values()]
        self.clear()
        return removed

    def remove_first(self) -> EntryT:
        """Remove and return the oldest message. Raises ``KeyError`` without one."""
        _, (key, message) = self.messages.popitem(last=False)
        self._forget(key)
        return message

    def discard(self, is_unwanted: Callable[[EntryT], bool]) -> int:
        """Remove the messages that are not wanted. Returns how many."""
        found = [number for number, (_, each) in self.messages.items() if is_unwanted(each)]
        for number in found:
            self._forget(self.messages.pop(number)[0])
        return len(found)

    def clear(self) -> None:
        """Remove all messages."""
        self.messages.clear()
        self._numbers.clear()

    def _forget(self, key: Hashable) -> None:
        """Note that the message with a key was removed."""
        try:
            self._numbers.pop(key, None)
        except BaseException:  # raised by a plugin
            pass
        if len(self._numbers) > len(self.messages):  # of keys that were not found again
            self._numbers.clear()

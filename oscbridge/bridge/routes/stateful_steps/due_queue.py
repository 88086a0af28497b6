"""Messages that wait for the same time each: the queue of the steps debounce, hold and delay."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable

from oscbridge.contract.delivery import Deliverable

__all__ = ["DueQueue"]


class DueQueue:
    """Passes each message to ``out``, ``seconds`` after it was put, unless it is taken out.

    There is one message for each key. They wait in the order in which they are due, so one timer
    is enough, which is set again only when it fires: a message costs no timer, and those that are
    due together keep their order.
    """

    def __init__(
        self, seconds: float, loop: asyncio.AbstractEventLoop, out: Callable[[Deliverable], None]
    ) -> None:
        self._seconds = seconds
        self._loop = loop
        self._out = out
        self._waiting: OrderedDict[Hashable, tuple[float, Deliverable]] = OrderedDict()
        """When messages are due, earliest first, and the messages."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._waiting

    def put(self, key: Hashable, message: Deliverable) -> bool:
        """Add a message at the end. Returns whether it replaces another one with its key."""
        due = self._loop.time() + self._seconds
        waiting = self._waiting
        is_known = key in waiting
        waiting[key] = due, message
        if is_known:
            waiting.move_to_end(key)
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._pass_due, due)
        return is_known

    def replace(self, key: Hashable, message: Deliverable) -> None:
        """Pass another message when the one with this key, which must exist, is due."""
        self._waiting[key] = self._waiting[key][0], message

    def remove(self, key: Hashable) -> bool:
        """Take out the message with a key. Returns whether there is one."""
        return self._waiting.pop(key, None) is not None

    def remove_oldest(self) -> None:
        """Take out the message that is due first."""
        self._waiting.popitem(last=False)

    def clear(self) -> list[Deliverable]:
        """Take out all messages, and set no more timers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        messages = [message for _, message in self._waiting.values()]
        self._waiting.clear()
        return messages

    def _pass_due(self, expected: float) -> None:
        self._timer = None
        now = max(self._loop.time(), expected)  # the loop may be early by its clock's resolution
        while self._waiting:
            key, (due, message) = next(iter(self._waiting.items()))
            if due > now:
                if self._timer is None:  # else a message that came back has set it
                    self._timer = self._loop.call_at(due, self._pass_due, due)
                return
            del self._waiting[key]
            self._out(message)

"""The last message of each address that was delivered to an endpoint."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from oscbridge.osc import Message

__all__ = ["MAX_LAST_VALUES", "LastValues"]

MAX_LAST_VALUES: Final = 10_000
"""Addresses whose last message is kept; the one updated longest ago is removed first."""


class LastValues:
    """The last message of each address, in the order of their last update."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, Message] = OrderedDict()

    def add(self, messages: Iterable[Message]) -> None:
        """Replace the last messages of the addresses of ``messages``."""
        known = self._messages
        for message in messages:
            known[message.address] = message
            known.move_to_end(message.address)
            if len(known) > MAX_LAST_VALUES:
                known.popitem(last=False)

    def values(self) -> list[Message]:
        """The messages, the one updated longest ago first."""
        return list(self._messages.values())

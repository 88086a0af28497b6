"""The last message of each address that was delivered to an endpoint."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.osc import Message

__all__ = ["LastValues"]


class LastValues:
    """The last message of each address, in the order of their last update.

    Above ``max_addresses`` the one updated longest ago is forgotten; ``on_first`` is called when
    that happens for the first time.
    """

    def __init__(self, max_addresses: int, on_first: Callable[[], None]) -> None:
        self.forgotten = 0
        """Addresses that were forgotten."""
        self._max_addresses = max_addresses
        self._on_first = on_first
        self._messages: OrderedDict[str, Message] = OrderedDict()

    def add(self, messages: Iterable[Deliverable]) -> None:
        """Replace the last messages of the addresses of ``messages``."""
        known = self._messages
        for each in messages:
            message = each.message if isinstance(each, Delivery) else each
            address = message.address
            known[address] = message
            known.move_to_end(address)
            if len(known) > self._max_addresses:
                known.popitem(last=False)
                self.forgotten += 1
                if self.forgotten == 1:
                    self._on_first()

    def values(self) -> list[Message]:
        """The messages, the one updated longest ago first, without time tags that are handed on."""
        return [
            message._replace(timetag=None) if isinstance(message.timetag, ForwardedTag) else message
            for message in self._messages.values()
        ]

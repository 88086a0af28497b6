"""Routes: pure functions from a message to where it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oscbridge.bridge.source import Sink
from oscbridge.osc import Message

__all__ = ["Route"]


@dataclass(frozen=True)
class Route:
    """One ``[[route]]``, as a handler of a dispatcher (a ``Bindable``)."""

    match: str
    sinks: Sequence[Sink]

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], None]:
        """What to call with every message to this address and with these type tags."""
        if len(self.sinks) == 1:
            return self.sinks[0].offer
        offers = [sink.offer for sink in self.sinks]

        def offer(message: Message) -> None:
            for each in offers:
                each(message)

        return offer

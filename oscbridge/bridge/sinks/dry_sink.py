"""The sink of a dry run: logs the messages that its endpoint would send."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.contract.endpoint import AnyEndpoint, Endpoint
from oscbridge.contract.options import Options
from oscbridge.net.token_bucket import TokenBucket
from oscbridge.osc.text import format_message
from oscbridge.templates.carried import CarryingCaptures

__all__ = ["DrySink"]

MAX_LINES: Final = 20
"""Messages per second of an endpoint that are logged, at most; the others are counted."""

SUMMARY: Final = 1.0
"""Seconds after which the number of messages that were not logged is."""


class DrySink(Endpoint[Options, Deliverable]):
    """Stands in for an endpoint when messages are sent. It opens nothing."""

    def __init__(self, endpoint: AnyEndpoint) -> None:
        super().__init__(endpoint.name, Options())
        self.log = endpoint.log
        self._bucket = TokenBucket(MAX_LINES)
        self._hidden = 0
        self._summary: asyncio.TimerHandle | None = None

    async def send_batch(self, messages: Sequence[Deliverable]) -> None:
        for message in messages:
            if self._bucket.try_take():
                self.log.info("dry run: would send %s", _text(message))
            else:
                self._hidden += 1
        if self._hidden and self._summary is None:
            loop = asyncio.get_running_loop()
            self._summary = loop.call_later(SUMMARY, self._summarize)

    def _summarize(self) -> None:
        hidden, self._hidden, self._summary = self._hidden, 0, None
        noun = "message" if hidden == 1 else "messages"
        self.log.info("dry run: would send %d more %s, not shown", hidden, noun)


def _text(message: Deliverable) -> str:
    """The message, and what its route says about it."""
    if not isinstance(message, Delivery):
        return format_message(message)
    plain, options, captures = message
    parts = [format_message(plain)]
    if options is not None:
        set_keys = options.model_dump(exclude_unset=True, by_alias=True)
        parts += [f"{key}={value!r}" for key, value in set_keys.items()]
    parts += [f"{{{name}}}={value!r}" for name, value in captures.items()]
    if isinstance(captures, CarryingCaptures):
        parts += [f"{name}={value!r}" for name, value in captures.carried.items()]
    return " ".join(parts)

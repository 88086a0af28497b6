"""Waits until sinks are done with the messages that they were offered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from oscbridge.bridge.sinks.send_queue import SendQueue

__all__ = ["ConfirmingSink", "until_settled"]

FIRST_LOOK: Final = 0.001
LONGEST_LOOK: Final = 0.05
"""Seconds between looks, doubled each time, and their maximum."""


class ConfirmingSink(Protocol):
    """The counters of an endpoint runner."""

    queue: SendQueue | None

    @property
    def offered(self) -> int:
        """Messages from routes: each is sent, dropped, queued or in flight."""

    @property
    def queued(self) -> int:
        """Messages in the send queue and in flight."""


async def until_settled(sinks: Sequence[ConfirmingSink]) -> None:
    """Wait until each sink has delivered or dropped what it has been offered, or has it on disk.

    Sinks take messages in their order, so counters are enough. Messages of one turn of the loop
    are often delivered at its end: the first look is in the next one.
    """
    marks = [(sink, sink.offered) for sink in sinks]
    for sink in sinks:
        if sink.queue is not None:
            sink.queue.hurry()
    await asyncio.sleep(0)
    wait = FIRST_LOOK
    while marks := [each for each in marks if _settled(each[0]) < each[1]]:
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_LOOK)


def _settled(sink: ConfirmingSink) -> int:
    """Messages that are delivered, dropped or on disk."""
    queue = sink.queue
    if queue is None:
        return sink.offered
    return sink.offered - queue.unsafe_of(sink.queued - len(queue))

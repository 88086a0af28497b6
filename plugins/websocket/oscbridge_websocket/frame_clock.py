"""Frames of many clients at one rate: each is made once, and sent to all of them at one time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from itertools import count, islice

import oscbridge
from oscbridge_websocket.frames import FrameFormat
from oscbridge_websocket.pacing import (
    EncodedMessage,
    FramePacer,
    Pace,
    PacedFrame,
    encode_for_pacing,
    must_deliver,
)

__all__ = ["FrameClock"]


class FrameClock:
    """Holds the messages of clients with one frame rate until their next frame is due.

    A message after a pause is sent at once. A client that is not ready, or whose last frame was
    sent at another time, gets the messages through its own pacer, and is in step again when that
    has sent everything. Messages that a newer one replaces are never encoded.
    """

    def __init__(
        self, frame_format: FrameFormat, pace: Pace, on_drop: Callable[[str, int], None]
    ) -> None:
        """``on_drop`` is called with a reason and a number of messages."""
        self._format = frame_format
        self._interval = 1.0 / pace.rate
        self._latest = pace.latest
        self._limit = pace.limit
        self._on_drop = on_drop
        self._pacers: list[FramePacer] = []
        self._waiting: dict[Hashable, oscbridge.Message] = {}
        self._numbers = count()
        self._loop = asyncio.get_running_loop()
        self.due = 0.0
        """When the next frame may be sent, in loop time."""
        self._timer: asyncio.TimerHandle | None = None

    def join(self, pacer: FramePacer) -> None:
        """Send the messages from now on to a client as well."""
        self.spill()
        self._pacers.append(pacer)
        pacer.put(())  # it may hold messages from before

    def leave(self, pacer: FramePacer) -> None:
        """Send no more to a client. Its pacer holds the messages that wait here."""
        self._pacers.remove(pacer)
        if self._waiting:
            pacer.hold(self._encode(list(self._waiting.values())))
        if not self._pacers:
            self._waiting.clear()
            self._stop()

    def put(self, messages: Sequence[oscbridge.Message]) -> None:
        """Take messages that arrived together; send them if a frame is due."""
        waiting = self._waiting
        if self._latest:
            self._put_latest(messages)
        else:
            waiting.update(zip(self._numbers, messages, strict=False))
        if self._timer is None:
            now = self._loop.time()
            if now >= self.due:
                self._send(now)
            else:
                self._timer = self._loop.call_at(self.due, self._tick)
        if (dropped := len(waiting) - self._limit) > 0:
            for key in list(islice(waiting, dropped)):
                del waiting[key]
            self._on_drop("frame_rate", dropped * len(self._pacers))

    def _put_latest(self, messages: Sequence[oscbridge.Message]) -> None:
        waiting, replaced = self._waiting, 0
        for message in messages:
            address = message.address
            earlier = waiting.get(address)
            if earlier is None or earlier.types != message.types:
                if must_deliver(message):
                    waiting[next(self._numbers)] = message
                    continue
                if earlier is None:
                    waiting[address] = message
                    continue
            replaced += 1
            del waiting[address]  # the new one is last: order is kept
            waiting[address] = message
        if replaced:
            self._on_drop("replaced", replaced * len(self._pacers))

    def spill(self) -> None:
        """Give everything that waits to the pacers: later messages are not for all clients."""
        if self._waiting:
            encoded = self._take()
            for pacer in self._pacers:
                pacer.put(encoded)

    def _tick(self) -> None:
        self._timer = None
        self._send(max(self._loop.time(), self.due))  # a timer may be early by its resolution

    def _send(self, now: float) -> None:
        late = now - self.due
        self.due = (self.due if late < self._interval else now) + self._interval
        encoded = self._take()
        frame = PacedFrame.of(encoded, self._format)
        holds = False
        for pacer in self._pacers:
            if frame is None or not pacer.send_shared(frame, now, self.due):
                holds |= pacer.offer(encoded, now, self.due)
        if holds and self._timer is None:
            self._timer = self._loop.call_at(self.due, self._tick)

    def _take(self) -> list[EncodedMessage]:
        messages = list(self._waiting.values())
        self._waiting.clear()
        return self._encode(messages)

    def _encode(self, messages: Sequence[oscbridge.Message]) -> list[EncodedMessage]:
        return encode_for_pacing(messages, self._format, partial(self._on_drop, "encode"))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

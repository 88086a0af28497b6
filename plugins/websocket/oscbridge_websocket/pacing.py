"""Frames at a limited rate, for a client that draws at 60 Hz whatever the message rate."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Final, NamedTuple

import oscbridge
from oscbridge_websocket.frames import FrameFormat, OutgoingFrame, encode_messages, pack_bundles

__all__ = ["EncodedMessage", "FramePacer", "encode_for_pacing"]

MAX_PACED_BUNDLE: Final = 1_000_000
"""The size of a bundle, in bytes: several WebSocket libraries accept no more than 1 MiB."""

MAX_OWN_FRAMES: Final = 1_000
"""Messages in frames of their own that are sent in one write."""


class EncodedMessage(NamedTuple):
    """A message in the format of its clients."""

    data: bytes
    is_common: bool
    """Whether every client can read a bundle with it."""
    key: Hashable
    """Of messages with one key the newest replaces the others; None for one that must be
    delivered."""


def encode_for_pacing(
    messages: Sequence[oscbridge.Message],
    frame_format: FrameFormat,
    on_drop: Callable[[int], None],
) -> list[EncodedMessage]:
    """Encode messages once for all clients with a frame rate."""
    return [
        EncodedMessage(data, common, None if _must_deliver(message) else message.address)
        for message, data, common in encode_messages(messages, frame_format, on_drop)
    ]


def _must_deliver(message: oscbridge.Message) -> bool:
    """Whether a later message to the same address does not make this one pointless.

    Triggers have no value that a later one would replace, a MIDI message is an event, and one to a
    pattern changes other addresses.
    """
    types = message.types
    if types is None or not types.strip("I") or "m" in types:
        return True
    return oscbridge.is_pattern(message.address)


class FramePacer:
    """Holds the messages of one client until its next frame is due.

    A message after a pause is sent at once. While the client does not read, its messages wait
    here, up to ``limit``; above that the oldest are dropped.
    """

    def __init__(
        self,
        frame_format: FrameFormat,
        rate: float,
        *,
        latest: bool,
        limit: int,
        is_ready: Callable[[], bool],
        write: Callable[[list[OutgoingFrame]], None],
        on_drop: Callable[[str, int], None],
    ) -> None:
        """``rate`` is in frames per second. ``is_ready`` is asked before each frame; ``write``
        sends frames at once; ``on_drop`` is called with a reason and a number of messages."""
        self._format = frame_format
        self._interval = 1.0 / rate
        self._latest = latest
        self._limit = limit
        self._is_ready = is_ready
        self._write = write
        self._on_drop = on_drop
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[Hashable, EncodedMessage] = OrderedDict()
        self._numbers = count()
        self._due = 0.0
        """When the next frame may be sent, in loop time."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """The number of messages that wait."""
        return len(self._waiting)

    def put(self, messages: Sequence[EncodedMessage]) -> None:
        """Take messages that arrived together; send them if a frame is due."""
        if self._latest:
            self._put_latest(messages)
        else:
            self._waiting.update(zip(self._numbers, messages, strict=False))
        if self._timer is None:
            now = self._loop.time()
            if now >= self._due:
                self._send(now)
            else:
                self._timer = self._loop.call_at(self._due, self._tick)
        self._drop_oldest()

    def _put_latest(self, messages: Sequence[EncodedMessage]) -> None:
        waiting, replaced = self._waiting, 0
        for message in messages:
            key = message.key
            if key is None:
                key = next(self._numbers)
            elif waiting.pop(key, None) is not None:  # the new one is last: order is kept
                replaced += 1
            waiting[key] = message
        if replaced:
            self._on_drop("replaced", replaced)

    def _drop_oldest(self) -> None:
        dropped = len(self._waiting) - self._limit
        if dropped > 0:
            for _ in range(dropped):
                self._waiting.popitem(last=False)
            self._on_drop("frame_rate" if self._is_ready() else "slow_client", dropped)

    def _tick(self) -> None:
        self._timer = None
        if self._waiting:
            self._send(self._loop.time())

    def _send(self, now: float) -> None:
        """Send one frame, and look again an interval later if something is left."""
        late = now - self._due
        self._due = (self._due if late < self._interval else now) + self._interval
        if self._is_ready():
            self._write(self._take())
        if self._waiting:
            self._timer = self._loop.call_at(self._due, self._tick)

    def _take(self) -> list[OutgoingFrame]:
        """The messages of the next frame, oldest first."""
        waiting, size, fitting = self._waiting, 0, 0
        bundled = self._format is FrameFormat.BUNDLES
        limit = len(waiting) if bundled else MAX_OWN_FRAMES
        for message in waiting.values():
            size += len(message.data) + 4
            if fitting and (size > MAX_PACED_BUNDLE or fitting >= limit):
                break
            fitting += 1
        if fitting == len(waiting):
            taken = list(waiting.values())
            waiting.clear()
        else:
            taken = [waiting.popitem(last=False)[1] for _ in range(fitting)]
        if not bundled:
            return [OutgoingFrame(message.data, 1) for message in taken]
        pairs = [(message.data, message.is_common) for message in taken]
        return list(pack_bundles(pairs, MAX_PACED_BUNDLE, always=True))

    def flush(self) -> None:
        """Send everything at once: the bridge ends."""
        while self._waiting:
            self._write(self._take())

    def close(self) -> int:
        """Stop. Returns the number of messages that were not sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left = len(self._waiting)
        self._waiting.clear()
        return left

"""Frames at a limited rate, for a client that draws at 60 Hz whatever the message rate.

The pacers of clients with the same rate are driven by one :class:`FrameClock`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Final, NamedTuple

import oscbridge
from oscbridge_websocket.frames import (
    FrameFormat,
    OutgoingFrame,
    encode_messages,
    pack_bundles,
    serialize,
)

__all__ = [
    "EncodedMessage",
    "FramePacer",
    "Pace",
    "PacedFrame",
    "encode_for_pacing",
    "must_deliver",
]

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


class Pace(NamedTuple):
    """What a client asks for."""

    rate: float
    """Frames per second."""
    latest: bool
    """Whether a newer message to an address replaces the one that waits."""
    limit: int
    """Messages that may wait."""


class PacedFrame(NamedTuple):
    """What several clients are sent in one write."""

    frames: list[OutgoingFrame]
    serialized: bytes

    @classmethod
    def of(cls, messages: Sequence[EncodedMessage], frame_format: FrameFormat) -> PacedFrame | None:
        """The frame of messages; None if there are none, or more than fit."""
        bundled = frame_format is FrameFormat.BUNDLES
        size = sum([len(message.data) + 4 for message in messages])
        if (
            not messages
            or size > MAX_PACED_BUNDLE
            or not (bundled or len(messages) <= MAX_OWN_FRAMES)
        ):
            return None
        frames = _make_frames(messages, frame_format)
        return cls(frames, _serialize(frames, frame_format))


def _make_frames(
    messages: Sequence[EncodedMessage], frame_format: FrameFormat
) -> list[OutgoingFrame]:
    """The WebSocket messages of one frame."""
    if frame_format is not FrameFormat.BUNDLES:
        return [OutgoingFrame(message.data, 1) for message in messages]
    pairs = [(message.data, message.is_common) for message in messages]
    return list(pack_bundles(pairs, MAX_PACED_BUNDLE, always=True))


def _serialize(frames: Sequence[OutgoingFrame], frame_format: FrameFormat) -> bytes:
    text = frame_format is FrameFormat.JSON
    return b"".join([serialize(frame.data, text=text) for frame in frames])


def encode_for_pacing(
    messages: Sequence[oscbridge.Message],
    frame_format: FrameFormat,
    on_drop: Callable[[int], None],
) -> list[EncodedMessage]:
    """Encode messages once for all clients with a frame rate."""
    return [
        EncodedMessage(data, common, None if must_deliver(message) else message.address)
        for message, data, common in encode_messages(messages, frame_format, on_drop)
    ]


def must_deliver(message: oscbridge.Message) -> bool:
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
        pace: Pace,
        *,
        is_ready: Callable[[], bool],
        write: Callable[[PacedFrame], None],
        on_drop: Callable[[str, int], None],
    ) -> None:
        """``is_ready`` is asked before each frame; ``write`` sends frames at once; ``on_drop`` is
        called with a reason and a number of messages."""
        self.pace = pace
        self._format = frame_format
        self._interval = 1.0 / pace.rate
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
        self._store(messages)
        if self._timer is None and self._waiting:
            now = self._loop.time()
            if now >= self._due:
                self._send(now)
            else:
                self._timer = self._loop.call_at(self._due, self._tick)
        self._drop_oldest()

    def hold(self, messages: Sequence[EncodedMessage]) -> None:
        """Take messages, and send them together with later ones."""
        self._store(messages)
        self._drop_oldest()

    def send_shared(self, frame: PacedFrame, now: float, next_due: float) -> bool:
        """Send a frame that was made for several clients. Returns False if it is not its turn.

        ``next_due`` is when the next one will be sent.
        """
        if self._timer is not None or self._waiting or now < self._due or not self._is_ready():
            return False
        self._write(frame)
        self._due = next_due
        return True

    def offer(self, messages: Sequence[EncodedMessage], now: float, next_due: float) -> bool:
        """Take messages of a frame that it was not sent. Whether it holds them for the next one."""
        if self._timer is None and now < self._due:
            self.hold(messages)
            return bool(self._waiting)
        self.put(messages)
        if self._timer is None:
            self._due = max(self._due, next_due)  # in step with the others
        return False

    def _store(self, messages: Sequence[EncodedMessage]) -> None:
        if self.pace.latest:
            self._put_latest(messages)
        else:
            self._waiting.update(zip(self._numbers, messages, strict=False))

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
        dropped = len(self._waiting) - self.pace.limit
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

    def _take(self) -> PacedFrame:
        """The messages of the next frame, oldest first."""
        waiting, size, fitting = self._waiting, 0, 0
        limit = len(waiting) if self._format is FrameFormat.BUNDLES else MAX_OWN_FRAMES
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
        frames = _make_frames(taken, self._format)
        return PacedFrame(frames, _serialize(frames, self._format))

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

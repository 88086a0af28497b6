"""Watching the traffic of a running system: one hook for all watchers, and a stream.

Watchers run on the thread that handles the message, so they are short, never wait, and keep
a bounded amount of data.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from binascii import b2a_base64
from collections import Counter
from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from functools import lru_cache
from typing import Final, TypeAlias

from oscbridge.bridge.app import App
from oscbridge.bridge.watching import Direction
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.token_bucket import TokenBucket
from oscbridge.net.url import HostPort
from oscbridge.osc import Message, Origin, encode_bundle, encode_message
from oscbridge.osc.pattern import Pattern, Subject

__all__ = ["Hub", "ShownMessage", "TapStream", "TrafficWatcher", "peer_text"]

MAX_WAITING: Final = 1_048_576
"""Maximum bytes waiting to be read from one stream. Above it, messages are skipped."""

MAX_KNOWN: Final = 4_096
"""Cache size for address matches and for peer names."""

MAX_PEER: Final = 200
"""Maximum characters of a peer's name."""

_log: Final = logging.getLogger(__name__)


class ShownMessage:
    """A message shown to watchers: received from, or delivered to, the part ``name``."""

    __slots__ = ("_line", "direction", "message", "name")

    def __init__(self, direction: Direction, name: str, message: Message) -> None:
        self.direction = direction
        self.name = name
        self.message = message
        self._line: bytes | None = None

    @property
    def line(self) -> bytes:
        """Its line for :class:`TapStream`, encoded at the first use for all of them.

        Empty if it is not valid OSC.
        """
        if self._line is None:
            try:
                self._line = _line(self.direction, self.name, self.message)
            except Exception:  # a plugin may make messages that are not valid OSC
                self._line = b""
        return self._line

    @property
    def packet(self) -> bytes:
        """The message as an OSC packet; in a bundle if it has a time tag.

        Raises what :func:`encode_message` raises if it is not valid OSC.
        """
        return _packet(self.message)


TrafficWatcher: TypeAlias = Callable[[ShownMessage], None]
"""Called on the thread that handles the message; see :meth:`App.watch`."""


class Hub:
    """Distributes traffic to several watchers. Without watchers nothing is watched."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._watchers: tuple[TrafficWatcher, ...] = ()
        self._reporter = RateLimitedLog(_log)

    def add(self, watcher: TrafficWatcher) -> None:
        """Call ``watcher`` as :meth:`App.watch` describes. On the event loop."""
        self._watchers = (*self._watchers, watcher)
        if len(self._watchers) == 1:
            self._app.watch(self._show)

    def remove(self, watcher: TrafficWatcher) -> None:
        """Stop calling ``watcher``. On the event loop."""
        self._watchers = tuple(each for each in self._watchers if each != watcher)
        if not self._watchers:
            self._app.watch(None)

    def _show(self, direction: Direction, name: str, message: Message) -> None:
        shown = ShownMessage(direction, name, message)
        for watcher in self._watchers:
            try:
                watcher(shown)
            except Exception as error:  # a watcher must not disturb the message path
                text = f"{message.address!r} cannot be shown: {error!r}"
                self._reporter.report("show", text, error=error)


class TapStream:
    """Passing messages as lines of JSON, for one reader.

    A line is ``[time, direction, name, peer, packet]``: Unix time in ns; "in" or "out"; the
    bridge or endpoint; the sender as text; the message as an OSC packet in base64, in a
    bundle if it has a time tag. ``names`` and ``match`` select messages. ``rate`` limits the
    messages per second, averaged over a second; None means all. With ``received_only``
    messages that were delivered are left out.
    """

    def __init__(
        self,
        names: Collection[str] = (),
        match: str = "",
        rate: float | None = None,
        *,
        received_only: bool = False,
    ) -> None:
        """Raises :class:`PatternError` if ``match`` is not a valid pattern."""
        self._names = frozenset(names)
        self._received_only = received_only
        self._matches = None
        if match:
            pattern = Pattern(match, mapped=True)
            self._matches = lru_cache(MAX_KNOWN)(lambda each: pattern.matches(Subject(each)))
        # At least one at a time, also where the rate is below one per second.
        self._bucket = None if rate is None else TokenBucket(rate, max(rate, 1.0), time.monotonic)
        self._lock = threading.Lock()
        self._lines = bytearray()  # one block, which the allocator returns to the system
        self._skipped: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()

    def take(self, shown: ShownMessage) -> None:
        """Add a message. Thread-safe."""
        if self._names and shown.name not in self._names:
            return
        if self._received_only and shown.direction != "in":
            return
        if self._matches is not None and not self._matches(shown.message.address):
            return
        with self._lock:
            # A message that is skipped is not encoded.
            reason = self._refusal() or ("" if shown.line else "bad")
            if reason:
                self._skipped[reason] += 1
                return
            wake = not self._lines
            self._lines += shown.line
        if wake:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._filled.set)

    def _refusal(self) -> str:
        """The reason to skip a message now; empty to take it."""
        if self._bucket is not None and not self._bucket.try_take():
            return "rate"
        return "slow" if len(self._lines) >= MAX_WAITING else ""

    async def filled(self) -> None:
        """Wait until there are lines to read."""
        await self._filled.wait()

    def read(self, size: int) -> bytes:
        """Lines of about ``size`` bytes at most. On the event loop."""
        with self._lock:
            end = self._lines.find(b"\n", max(0, size - 1)) + 1 or len(self._lines)
            lines = bytes(memoryview(self._lines)[:end])
            del self._lines[:end]
            if not self._lines:
                self._filled.clear()
        return lines

    def discard(self) -> None:
        """Drop the waiting lines, without the garbage collector: the reader is gone."""
        with self._lock:
            self._lines = bytearray()

    def skipped(self) -> dict[str, int]:
        """Messages skipped since the last call, by reason.

        ``rate``: above the rate; ``slow``: the reader is too slow; ``bad``: not valid OSC.
        """
        with self._lock:
            skipped, self._skipped = self._skipped, Counter()
        return dict(skipped)


def _line(direction: Direction, name: str, message: Message) -> bytes:
    where = _where(direction, name, message.origin)
    packet = b2a_base64(_packet(message), newline=False)
    return b'[%d,%b,"%b"]\n' % (time.time_ns(), where, packet)


def _packet(message: Message) -> bytes:
    packet = encode_message(message)
    return packet if message.timetag is None else encode_bundle([packet], message.timetag)


@lru_cache(MAX_KNOWN)
def _where(direction: Direction, name: str, origin: Origin | None) -> bytes:
    return json.dumps([direction, name, peer_text(origin)])[1:-1].encode()


def peer_text(origin: Origin | None) -> str:
    """Human-readable sender of a message; empty if unknown."""
    peer: Hashable = None if origin is None else origin.peer
    match peer:
        case (str(host), int(port), *_) if host:
            return str(HostPort(host, port))[:MAX_PEER]
        case str():
            return peer[:MAX_PEER]
    return ""

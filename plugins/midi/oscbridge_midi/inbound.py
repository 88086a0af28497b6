"""What comes in by one connection: MIDI messages to OSC messages."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, Literal, NamedTuple

import oscbridge
from oscbridge_midi.codec import Reading, decode, readings
from oscbridge_midi.parameters import Recognizer
from oscbridge_midi.tempo import Tempo

__all__ = ["MAX_PENDING", "Handover", "Inbound", "Reading", "Style"]

HOLD: Final = 0.01
"""Seconds that the upper half of a 14 bit value waits for the lower: ten messages' time over
a DIN cable."""

MAX_PENDING: Final = 16_384
"""Messages on their way from the MIDI thread to the loop."""

TURN: Final = 256
"""Messages from the MIDI thread after which others have their turn on the loop."""

_CLOCK: Final = 0xF8


class Style(NamedTuple):
    """How what comes in is told."""

    long: bool = False
    """Whether all numbers but the last stand in the address."""
    text: bool = False
    """Whether a sysex is hexadecimal text, not a blob."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    parameters: bool = True
    pairs: Collection[int] = ()


class Inbound:
    """One stream of MIDI messages, told as OSC to ``emit``. It lives on the loop."""

    def __init__(self, style: Style, emit: Callable[[oscbridge.Message], None]) -> None:
        self._style = style
        self._emit = emit
        self._recognizer = Recognizer(pairs=style.pairs, parameters=style.parameters)
        self._tempo = Tempo()
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, data: bytes, when_ns: int) -> None:
        """Take a whole message, and the Unix time at which it came."""
        timetag = oscbridge.TimeTag.from_unix_ns(when_ns)
        status = data[0]
        if status == _CLOCK and self._style.clock != "messages":
            if self._style.clock == "tempo":
                tempo = self._tempo.tick(when_ns / 1e9)
                if tempo is not None:
                    self._emit(oscbridge.Message("/tempo", "f", (tempo,), timetag))
            return
        if status & 0xF0 == 0xB0:
            channel = (status & 15) + 1
            for reading in self._recognizer.feed(channel, data[1], data[2]):
                self._tell(reading, b"", timetag)
            if self._timer is None and self._recognizer.waits:
                self._timer = asyncio.get_running_loop().call_later(HOLD, self._flush)
            return
        if status < 0xF0 and self._timer is not None:
            for reading in self._recognizer.flush((status & 15) + 1):
                self._tell(reading, b"", timetag)
        self._tell(readings(data), data, timetag)

    def close(self) -> None:
        """Tell what still waits for more."""
        if self._timer is not None:
            self._timer.cancel()
            self._flush()

    def _flush(self) -> None:
        self._timer = None
        timetag = oscbridge.TimeTag.from_unix_ns(time.time_ns())
        for reading in self._recognizer.flush():
            self._tell(reading, b"", timetag)

    def _tell(self, reading: Reading, data: bytes, timetag: oscbridge.TimeTag) -> None:
        address, types, args, *_ = decode(
            reading, data, long=self._style.long, text=self._style.text
        )
        self._emit(oscbridge.Message(address, types, args, timetag))


class Handover:
    """From the MIDI thread to the loop, in order, without ever making that thread wait.

    The loop is woken only when there was nothing: a wake-up a message would itself be a
    queue without a bound.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        take: Callable[[bytes, int], None],
        on_full: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._take = take
        self._on_full = on_full
        self._pending: deque[tuple[bytes, int]] = deque()
        self._lock = threading.Lock()
        self._full = 0

    def put(self, data: Sequence[int]) -> None:
        """Take a message, on any thread."""
        item = bytes(data), time.time_ns()
        with self._lock:  # held for an append, never while anything is done
            if len(self._pending) >= MAX_PENDING:
                self._full += 1
                return
            wake = not self._pending
            self._pending.append(item)
        if wake:
            try:
                self._loop.call_soon_threadsafe(self._hand_over)
            except RuntimeError:
                pass  # the loop is closed: nobody is there to be told

    def _hand_over(self) -> None:
        with self._lock:
            batch = [self._pending.popleft() for _ in range(min(TURN, len(self._pending)))]
            more = bool(self._pending)
            full, self._full = self._full, 0
        if more:
            self._loop.call_soon(self._hand_over)
        for data, when in batch:
            self._take(data, when)
        if full:
            self._on_full(full)

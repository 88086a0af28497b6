"""What comes in by one connection: MIDI messages to OSC messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, Literal, NamedTuple

import oscbridge
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.codec import MidiValues, decode, readings
from oscbridge_midi.parameters import ParameterRecognizer

__all__ = ["DecodeOptions", "MidiReceiver"]

HOLD: Final = 0.01
"""Seconds that the upper half of a 14 bit value waits for the lower, and the choice of a
parameter for a value: ten messages' time over a DIN cable."""

_CLOCK: Final = 0xF8


class DecodeOptions(NamedTuple):
    """How what comes in is told."""

    long: bool = False
    """Whether all numbers but the last stand in the address."""
    text: bool = False
    """Whether a sysex is hexadecimal text, not a blob."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    parameters: bool = True
    pairs: Collection[int] = ()


class MidiReceiver:
    """One stream of MIDI messages, told as OSC to ``emit``. It lives on the loop.

    ``on_end`` is called when it is over.
    """

    def __init__(
        self,
        style: DecodeOptions,
        emit: Callable[[oscbridge.Message], None],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._style = style
        self._emit = emit
        self._on_end = on_end
        self._recognizer = ParameterRecognizer(pairs=style.pairs, parameters=style.parameters)
        self._tempo = ClockTempo()
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
        """Tell what still waits for more, and that this was all."""
        if self._timer is not None:
            self._timer.cancel()
            self._flush()
        self._on_end()

    def _flush(self) -> None:
        self._timer = None
        timetag = oscbridge.TimeTag.from_unix_ns(time.time_ns())
        for reading in self._recognizer.flush():
            self._tell(reading, b"", timetag)

    def _tell(self, reading: MidiValues, data: bytes, timetag: oscbridge.TimeTag) -> None:
        address, types, args, *_ = decode(
            reading, data, long=self._style.long, text=self._style.text
        )
        self._emit(oscbridge.Message(address, types, args, timetag))

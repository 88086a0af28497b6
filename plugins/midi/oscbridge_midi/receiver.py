"""Converts the MIDI messages of one peer to OSC messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, Literal, NamedTuple

import oscbridge
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.codec import MidiValues, decode, parse_message
from oscbridge_midi.parameters import ParameterRecognizer

__all__ = ["DecodeOptions", "MidiReceiver"]

HOLD: Final = 0.01
"""Seconds that the upper half of a 14-bit value waits for the lower one, and a selected parameter
for its value: the duration of ten messages on a DIN cable."""

_CLOCK: Final = 0xF8


class DecodeOptions(NamedTuple):
    """How MIDI messages are converted."""

    long: bool = False
    """Whether the address contains all numbers but the last."""
    text: bool = False
    """Whether a sysex becomes hexadecimal text instead of a blob."""
    clock: Literal["messages", "tempo", "ignore"] = "messages"
    parameters: bool = True
    """Whether NRPN and RPN are recognised."""
    pairs: Collection[int] = ()
    """The upper controllers (0 to 31) of 14-bit pairs."""


class MidiReceiver:
    """Converts one stream of MIDI messages and passes OSC messages to ``emit``.

    It must be used on the event loop. ``on_end`` is called when the stream has ended.
    """

    def __init__(
        self,
        options: DecodeOptions,
        emit: Callable[[oscbridge.Message], None],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._emit = emit
        self._on_end = on_end
        self._recognizer = ParameterRecognizer(pairs=options.pairs, parameters=options.parameters)
        self._tempo = ClockTempo()
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, data: bytes, when_ns: int) -> None:
        """Take a complete message, received at a Unix time in nanoseconds."""
        timetag = oscbridge.TimeTag.from_unix_ns(when_ns)
        status = data[0]
        if status == _CLOCK and self._options.clock != "messages":
            if self._options.clock == "tempo":
                tempo = self._tempo.tick(when_ns / 1e9)
                if tempo is not None:
                    self._emit(oscbridge.Message("/tempo", "f", (tempo,), timetag))
            return
        if status & 0xF0 == 0xB0:
            channel = (status & 15) + 1
            for values in self._recognizer.feed(channel, data[1], data[2]):
                self._emit_values(values, b"", timetag)
            if self._timer is None and self._recognizer.is_waiting:
                self._timer = asyncio.get_running_loop().call_later(HOLD, self._flush)
            return
        if status < 0xF0 and self._timer is not None:
            for values in self._recognizer.flush((status & 15) + 1):
                self._emit_values(values, b"", timetag)
        self._emit_values(parse_message(data), data, timetag)

    def close(self) -> None:
        """Emit incomplete values: the stream has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._flush()
        self._on_end()

    def _flush(self) -> None:
        self._timer = None
        timetag = oscbridge.TimeTag.from_unix_ns(time.time_ns())
        for values in self._recognizer.flush():
            self._emit_values(values, b"", timetag)

    def _emit_values(self, values: MidiValues, data: bytes, timetag: oscbridge.TimeTag) -> None:
        address, types, args, *_ = decode(
            values, data, long=self._options.long, text=self._options.text
        )
        self._emit(oscbridge.Message(address, types, args, timetag))

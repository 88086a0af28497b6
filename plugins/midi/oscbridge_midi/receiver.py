"""Converts the MIDI messages of one peer to OSC messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.clock_tempo import ClockTempo
from oscbridge_midi.codec import RELEASE, MidiValues, decode, parse_message
from oscbridge_midi.message_table import BY_TYPE
from oscbridge_midi.parameters import ParameterRecognizer
from oscbridge_midi.timing.timecode_reader import TimecodeReader

__all__ = ["DecodeOptions", "MidiReceiver", "Releases"]

HOLD: Final = 0.01
"""Seconds that one half of a 14-bit value waits for the other one, and a selected parameter for
its value: the duration of ten messages on a DIN cable."""

MAX_HOLDS: Final = 5
"""How many times that is the longest wait, while other controllers arrive."""

_CLOCK: Final = 0xF8
_NOTE_ON: Final = BY_TYPE["note_on"]
_NOTE_OFF: Final = BY_TYPE["note_off"]

Releases: TypeAlias = Literal["as_received", "note_off", "velocity_0"]


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
    short_parameters: bool = False
    """Whether the values of NRPN and RPN have 7 bits."""
    banks: bool = False
    """Whether a bank and the program after it become one message."""
    releases: Releases = "as_received"
    """How the ends of notes look."""
    timecode: Literal["messages", "time", "ignore"] = "messages"


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
        self._is_long, self._is_text, self._has_banks = options.long, options.text, options.banks
        self._releases = None if options.releases == "as_received" else options.releases
        self._takes_time = options.clock != "messages" or options.timecode != "messages"
        self._emit = emit
        self._on_end = on_end
        self._recognizer = ParameterRecognizer(
            pairs=options.pairs,
            parameters=options.parameters,
            short=options.short_parameters,
            banks=options.banks,
        )
        self._tempo = ClockTempo()
        self._timecode = TimecodeReader() if options.timecode != "messages" else None
        self._timer: asyncio.TimerHandle | None = None
        self._holds = 0
        self._is_fed = False
        """Whether controllers have arrived since the timer was started."""

    def receive(self, data: bytes, when_ns: int) -> None:
        """Take a complete message, received at a Unix time in nanoseconds."""
        timetag = oscbridge.TimeTag.from_unix_ns(when_ns)
        status = data[0]
        if status & 0xF0 == 0xB0:
            recognizer = self._recognizer
            for values in recognizer.feed((status & 15) + 1, data[1], data[2]):
                self._emit_values(values, b"", timetag)
            if data[1] in recognizer.joins:
                self._is_fed = True
                if self._timer is None and recognizer.is_waiting:
                    self._hold(MAX_HOLDS)
            return
        if status >= 0xF0:
            if self._takes_time and self._take_time(data, when_ns, timetag):
                return
        elif self._has_banks and status & 0xF0 == 0xC0:
            for values in self._recognizer.program((status & 15) + 1, data[1]):
                self._emit_values(values, b"", timetag)
            return
        self._emit_values(parse_message(data), data, timetag)

    def close(self) -> None:
        """Emit incomplete values: the stream has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._holds = 0
            self._flush()
        self._on_end()

    def _take_time(self, data: bytes, when_ns: int, timetag: oscbridge.TimeTag) -> bool:
        """Take a clock or a time code. Returns whether it is not to be emitted as it is."""
        if data[0] == _CLOCK and self._options.clock != "messages":
            if self._options.clock == "tempo":
                tempo = self._tempo.tick(when_ns / 1e9)
                if tempo is not None:
                    self._emit(oscbridge.Message("/tempo", "f", (tempo,), timetag))
            return True
        if self._timecode is None or not self._timecode.is_timecode(data):
            return False
        found = self._timecode.take(data, when_ns / 1e9)
        if found is not None and self._options.timecode == "time":
            self._emit(found.message(timetag))
        return True

    def _hold(self, holds: int) -> None:
        self._holds, self._is_fed = holds, False
        self._timer = asyncio.get_running_loop().call_later(HOLD, self._flush)

    def _flush(self) -> None:
        """Emit incomplete parameters, unless controllers still arrive: then a moment later."""
        self._timer = None
        if self._is_fed and self._holds > 1 and self._recognizer.is_waiting:
            self._hold(self._holds - 1)
            return
        timetag = oscbridge.TimeTag.from_unix_ns(time.time_ns())
        for values in self._recognizer.flush():
            self._emit_values(values, b"", timetag)

    def _emit_values(self, values: MidiValues, data: bytes, timetag: oscbridge.TimeTag) -> None:
        if self._releases is not None:
            values = _release(values, self._releases)
        address, types, args, *_ = decode(values, data, long=self._is_long, text=self._is_text)
        self._emit(oscbridge.Message(address, types, args, timetag))


def _release(values: MidiValues, releases: Releases) -> MidiValues:
    """The end of a note in another form; other values unchanged."""
    kind, numbers = values
    if kind is _NOTE_ON and releases == "note_off" and not numbers[2]:
        return MidiValues(_NOTE_OFF, (*numbers[:2], RELEASE))
    if kind is _NOTE_OFF and releases == "velocity_0":
        return MidiValues(_NOTE_ON, (*numbers[:2], 0))
    return values

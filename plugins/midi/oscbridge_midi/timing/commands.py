"""The OSC messages that control the generated clock and time code. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiEncodeError, short
from oscbridge_midi.timing.clock_generator import MAX_TEMPO, MIN_TEMPO
from oscbridge_midi.timing.timecode import RATES, Timecode, rate_code

__all__ = ["TIMING_ADDRESSES", "TimingCommand", "timing_command"]

TIMING_ADDRESSES: Final = frozenset(
    ("/tempo", "/timecode", "/timecode/locate", "/timecode/run", "/timecode/stop")
)

_Name: TypeAlias = Literal["tempo", "locate", "follow", "run", "stop", "none"]


class TimingCommand(NamedTuple):
    """What to do, in a form that JSON can represent."""

    name: _Name
    numbers: tuple[float, ...] = ()
    """The tempo, or the hours, minutes, seconds, frames, code of the rate and direction."""


def timing_command(message: oscbridge.Message) -> TimingCommand:
    """The command of a message. Raises :class:`MidiEncodeError`."""
    address, args = message.address, message.args
    if address == "/tempo":
        return TimingCommand("tempo", (_tempo(args),))
    if address in ("/timecode/run", "/timecode/stop"):
        if len(args) == 1 and args[0] == 0:
            return TimingCommand("none")  # a released button
        name: _Name = "run" if address == "/timecode/run" else "stop"
        return TimingCommand(name, _position(address, args) if len(args) > 1 else ())
    *numbers, direction = _position(address, args)
    is_located = address == "/timecode/locate" or not direction
    return TimingCommand("locate" if is_located else "follow", (*numbers, direction))


def _tempo(args: Sequence[oscbridge.Argument]) -> float:
    if len(args) != 1:
        raise MidiEncodeError("/tempo takes the beats per minute")
    [tempo] = args
    if isinstance(tempo, int | float) and (tempo == 0 or MIN_TEMPO <= tempo <= MAX_TEMPO):
        return float(tempo)
    raise MidiEncodeError(
        f"tempo must be {MIN_TEMPO:g} to {MAX_TEMPO:g} beats per minute, or 0, not {short(tempo)}"
    )


def _position(address: str, args: Sequence[oscbridge.Argument]) -> tuple[int, ...]:
    """Hours, minutes, seconds, frames, the code of the rate, direction."""
    if not 5 <= len(args) <= 6:
        raise MidiEncodeError(
            f"{address} takes hours, minutes, seconds, frames, rate and perhaps a direction, "
            f"not {len(args)} arguments"
        )
    numbers: list[float] = []
    for each in args:
        if not isinstance(each, int | float) or not math.isfinite(each):
            raise MidiEncodeError(f"{address} takes numbers, not {short(each)}")
        numbers.append(each)
    code = rate_code(numbers[4])
    if code is None:
        rates = ", ".join(f"{rate:g}" for rate in RATES)
        raise MidiEncodeError(f"rate must be one of {rates}, not {short(args[4])}")
    hours, minutes, seconds, frames = map(int, numbers[:4])
    where = Timecode(hours, minutes, seconds, frames, code)
    if not where.is_valid:
        shown = ":".join(f"{each:02d}" for each in where[:4])
        raise MidiEncodeError(f"the position {shown} does not exist at {RATES[code]:g} frames")
    direction = numbers[5] if len(numbers) > 5 else 0
    return (*where, (direction > 0) - (direction < 0))

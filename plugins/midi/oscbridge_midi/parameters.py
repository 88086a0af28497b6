"""Recognises 14-bit values in controllers: NRPN, RPN and pairs of controllers. Pure.

MIDI 1.0: controllers 99 and 98 (NRPN) or 101 and 100 (RPN) select a parameter; 6 and 38 are the
upper and lower halves of its value. Controllers 0 to 31 may have their lower half 32 higher. The
halves arrive one after the other, so the first waits for the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from oscbridge_midi.codec import MidiValues
from oscbridge_midi.message_table import BY_TYPE

__all__ = ["ParameterRecognizer"]

_SELECTS: Final = {99: ("nrpn", True), 98: ("nrpn", False), 101: ("rpn", True), 100: ("rpn", False)}
"""Controllers that select a parameter: its kind, and whether it is the upper half."""
_ENTRY: Final = 6
_ENTRY_LOW: Final = 38
_STEPS: Final = (96, 97)
_NONE: Final = 0x3FFF
"""The null parameter: after it, data entry has no effect."""

_CONTROL: Final = BY_TYPE["control_change"]
_CONTROL14: Final = BY_TYPE["control14"]


@dataclass
class _ParameterState:
    """The state of one channel."""

    kind: str = ""
    """``nrpn`` or ``rpn``, whichever was selected last."""
    high: int | None = None
    low: int | None = None
    unused: dict[int, int] = field(default_factory=dict)
    """Selecting controllers that have not been followed by a value yet."""
    entry: int | None = None
    """The upper half of a value that waits for its lower half."""
    last_entry: int | None = None
    halves: dict[int, int] = field(default_factory=dict)
    """The same for pairs of controllers, by upper controller."""
    last_halves: dict[int, int] = field(default_factory=dict)

    @property
    def parameter(self) -> int | None:
        if self.high is None or self.low is None:
            return None
        number = self.high << 7 | self.low
        return None if number == _NONE else number


class ParameterRecognizer:
    """Joins the controllers of all channels of one MIDI stream.

    ``pairs`` are the upper controllers (0 to 31) that have a lower one. ``parameters`` is whether
    NRPN and RPN are recognised. An upper half without a lower one is returned by :meth:`flush`,
    or when another message follows.
    """

    def __init__(self, *, pairs: Collection[int] = (), parameters: bool = True) -> None:
        self._pairs = frozenset(pairs)
        self._parameters = parameters
        self._channels: dict[int, _ParameterState] = {}

    def feed(self, channel: int, control: int, value: int) -> list[MidiValues]:
        """Take a controller, and return the values that it completes; ``channel`` is 1 to 16."""
        if not self._parameters and not self._pairs:
            return [_plain(channel, control, value)]
        state = self._channels.setdefault(channel, _ParameterState())
        if control in self._pairs:
            found = list(self._end_half(channel, state, control))
            state.halves[control] = value
            return found
        if control - 32 in self._pairs:
            return [self._join(channel, state, control, value)]
        if not self._parameters:
            return [_plain(channel, control, value)]
        if control in _SELECTS:
            return self._select(channel, state, control, value)
        if control in (_ENTRY, _ENTRY_LOW) and state.parameter is not None:
            return self._enter(channel, state, control, value)
        if control in _STEPS:
            found = [*self._end_entry(channel, state), *_release(channel, state)]
            return [*found, _plain(channel, control, value)]
        return [_plain(channel, control, value)]

    @property
    def is_waiting(self) -> bool:
        """Whether an upper half waits for its lower one, or a parameter for a value."""
        return any(
            state.entry is not None or state.halves or state.unused
            for state in self._channels.values()
        )

    def flush(self, channel: int | None = None) -> list[MidiValues]:
        """Return the values of upper halves whose lower half is missing, on one channel or all.

        For all channels, also return selecting controllers that were not followed by a value.
        """
        found: list[MidiValues] = []
        for number, state in self._channels.items():
            if channel is None or number == channel:
                found += self._end_entry(number, state)
                for control in tuple(state.halves):
                    found += self._end_half(number, state, control)
            if channel is None:
                found += _release(number, state)
        return found

    def _select(
        self, channel: int, state: _ParameterState, control: int, value: int
    ) -> list[MidiValues]:
        found = list(self._end_entry(channel, state))
        kind, is_high = _SELECTS[control]
        if kind != state.kind or control in state.unused:
            found += _release(channel, state)
        if kind != state.kind:
            state.kind, state.high, state.low = kind, None, None
        if is_high:
            state.high = value
        else:
            state.low = value
        state.unused[control] = value
        state.last_entry = None
        if state.high == state.low == 127:
            found += _release(channel, state)
        return found

    def _enter(
        self, channel: int, state: _ParameterState, control: int, value: int
    ) -> list[MidiValues]:
        if control == _ENTRY:
            found = list(self._end_entry(channel, state))
            state.entry = value
            return found
        high = state.last_entry if state.entry is None else state.entry
        if high is None:
            return [*_release(channel, state), _plain(channel, control, value)]
        return [self._value(channel, state, high, value)]

    def _end_entry(self, channel: int, state: _ParameterState) -> Iterator[MidiValues]:
        if state.entry is not None:
            yield self._value(channel, state, state.entry, 0)

    @staticmethod
    def _value(channel: int, state: _ParameterState, high: int, low: int) -> MidiValues:
        parameter = state.parameter
        assert parameter is not None
        state.entry, state.last_entry = None, high
        state.unused.clear()
        return MidiValues(BY_TYPE[state.kind], (channel, parameter, high << 7 | low))

    @staticmethod
    def _join(channel: int, state: _ParameterState, control: int, value: int) -> MidiValues:
        upper = control - 32
        high = state.halves.pop(upper, state.last_halves.get(upper))
        if high is None:
            return _plain(channel, control, value)
        state.last_halves[upper] = high
        return MidiValues(_CONTROL14, (channel, upper, high << 7 | value))

    @staticmethod
    def _end_half(channel: int, state: _ParameterState, control: int) -> Iterator[MidiValues]:
        high = state.halves.pop(control, None)
        if high is not None:
            state.last_halves[control] = high
            yield MidiValues(_CONTROL14, (channel, control, high << 7))


def _plain(channel: int, control: int, value: int) -> MidiValues:
    return MidiValues(_CONTROL, (channel, control, value))


def _release(channel: int, state: _ParameterState) -> list[MidiValues]:
    """Selecting controllers as plain controllers, since no value has used them."""
    found = [_plain(channel, control, value) for control, value in state.unused.items()]
    state.unused.clear()
    return found

"""Recognises values in several controllers: NRPN, RPN, pairs of controllers, banks. Pure.

MIDI 1.0: controllers 99 and 98 (NRPN) or 101 and 100 (RPN) select a parameter; 6 and 38 are the
upper and lower halves of its value. Controllers 0 to 31 may have their lower half 32 higher; 0 and
32 are the bank of the next program. What belongs together arrives within a moment, so the first
part waits for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from oscbridge_midi.codec import MidiValues
from oscbridge_midi.halves import HalvesJoiner, JoinedValue
from oscbridge_midi.joined_numbers import JoinedNumbers
from oscbridge_midi.message_table import BY_TYPE, NULL_PARAMETER, MessageKind, MidiMessages

__all__ = ["ParameterRecognizer"]

_SELECTS: Final = {99: ("nrpn", True), 98: ("nrpn", False), 101: ("rpn", True), 100: ("rpn", False)}
"""Controllers that select a parameter: its kind, and whether it is the upper half."""
_ENTRY: Final = 6
_ENTRY_LOW: Final = 38
_STEPS: Final = (96, 97)
_BANK: Final = 0
_BANK_LOW: Final = 32

_CONTROL: Final = BY_TYPE["control_change"]
_CONTROL14: Final = BY_TYPE["control14"]
_PROGRAM: Final = BY_TYPE["program_change"]


@dataclass
class _ParameterState:
    """The state of one channel."""

    kind: str = ""
    """``nrpn`` or ``rpn``, whichever was selected last."""
    high: int | None = None
    low: int | None = None
    unused: dict[int, int] = field(default_factory=dict)
    """Selecting controllers that have not been followed by a value yet, in order."""
    entry: HalvesJoiner = field(default_factory=HalvesJoiner)
    """The halves of the parameter's value."""
    pairs: dict[int, HalvesJoiner] = field(default_factory=dict)
    """Those of pairs of controllers, by upper controller."""
    bank: dict[int, int] = field(default_factory=dict)
    """The controllers of a bank that wait for a program, in order."""

    @property
    def parameter(self) -> int | None:
        """The selected parameter; None without one, or with the null parameter."""
        if self.high is None or self.low is None:
            return None
        number = self.high << 7 | self.low
        return None if number == NULL_PARAMETER else number

    @property
    def is_waiting(self) -> bool:
        halves = self.entry.is_waiting or any(each.is_waiting for each in self.pairs.values())
        return halves or bool(self.unused or self.bank)


class ParameterRecognizer:
    """Joins the controllers of all channels of one MIDI stream.

    ``pairs`` are the upper controllers (0 to 31) that have a lower one. ``parameters`` is whether
    NRPN and RPN are recognised; with ``short`` their values have 7 bits, without controller 38.
    ``banks`` is whether a bank and a program are joined. Incomplete ones are returned by
    :meth:`flush`.
    """

    def __init__(
        self,
        *,
        pairs: Collection[int] = (),
        parameters: bool = True,
        short: bool = False,
        banks: bool = False,
    ) -> None:
        self._pairs = frozenset(pairs)
        both = self._pairs | {upper + 32 for upper in self._pairs}
        joined = {*_SELECTS, *_STEPS, _ENTRY, _ENTRY_LOW} if parameters else set()
        self.joins = frozenset(both | joined | ({_BANK, _BANK_LOW} if banks else set()))
        """The controllers that may be joined; others pass as they are."""
        self._parameters = parameters
        self._short = short
        self._banks = banks
        self._channels: dict[int, _ParameterState] = {}

    def feed(self, channel: int, control: int, value: int) -> list[MidiValues]:
        """Take a controller, and return the values that it completes; ``channel`` is 1 to 16."""
        if control not in self.joins:
            return [MidiValues(_CONTROL, (channel, control, value))]
        state = self._channels.setdefault(channel, _ParameterState())
        if control in self._pairs or control - 32 in self._pairs:
            return self._pair(channel, state, control, value)
        if self._banks and control in (_BANK, _BANK_LOW):
            state.bank.pop(control, None)
            state.bank[control] = value
            return []
        if control in _SELECTS:
            return self._select(channel, state, control, value)
        if control in (_ENTRY, _ENTRY_LOW) and state.parameter is not None:
            return self._enter(channel, state, control, value)
        if control in _STEPS:
            found = [*self._end_entry(channel, state), *_release(channel, state)]
            return [*found, _plain(channel, control, value)]
        return [_plain(channel, control, value)]

    def program(self, channel: int, program: int) -> list[MidiValues]:
        """Take a program, and return it with its bank if that has just been received."""
        state = self._channels.get(channel)
        if state is None or _BANK not in state.bank:
            released = [] if state is None else _release_bank(channel, state)
            return [*released, MidiValues(_PROGRAM, (channel, program))]
        bank = state.bank[_BANK] << 7 | state.bank.get(_BANK_LOW, 0)
        messages = [*_bytes(channel, state.bank), bytes((0xC0 | channel - 1, program))]
        state.bank.clear()
        numbers = JoinedNumbers.of((channel, bank, program), messages, _PROGRAM.address)
        return [MidiValues(_PROGRAM, numbers)]

    @property
    def is_waiting(self) -> bool:
        """Whether a half waits for the other one, or a parameter or a bank for its value."""
        return any(state.is_waiting for state in self._channels.values())

    def flush(self) -> list[MidiValues]:
        """Return incomplete parameters: halves as values, and the rest as plain controllers."""
        found: list[MidiValues] = []
        for channel, state in self._channels.items():
            found += self._end_entry(channel, state)
            for control, halves in state.pairs.items():
                low = halves.waiting_low
                found += [_pair_value(channel, control, each) for each in halves.flush()]
                if low is not None:
                    found.append(_plain(channel, control + 32, low))
            found += _release(channel, state)
            found += _release_bank(channel, state)
        return found

    def _pair(
        self, channel: int, state: _ParameterState, control: int, value: int
    ) -> list[MidiValues]:
        is_upper = control in self._pairs
        upper = control if is_upper else control - 32
        halves = state.pairs.setdefault(upper, HalvesJoiner())
        take = halves.take_high if is_upper else halves.take_low
        low = None if is_upper else halves.waiting_low
        found = [] if low is None else [_plain(channel, control, low)]
        return found + [_pair_value(channel, upper, each) for each in take(value)]

    def _select(
        self, channel: int, state: _ParameterState, control: int, value: int
    ) -> list[MidiValues]:
        found = self._end_entry(channel, state)
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
        state.entry.reset()
        if state.high == state.low == 127 and len(state.unused) == 2:
            numbers = (channel, NULL_PARAMETER)
            found.append(_joined(BY_TYPE[kind], numbers, _bytes(channel, state.unused)))
            state.unused.clear()
        elif state.high == state.low == 127:
            found += _release(channel, state)
        return found

    def _enter(
        self, channel: int, state: _ParameterState, control: int, value: int
    ) -> list[MidiValues]:
        if self._short:
            if control == _ENTRY_LOW:
                return [_plain(channel, control, value)]
            return [self._value(channel, state, JoinedValue(value << 7, "h"))]
        if control == _ENTRY:
            return [self._value(channel, state, each) for each in state.entry.take_high(value)]
        found: list[MidiValues] = []
        if (low := state.entry.waiting_low) is not None:
            found = [*_release(channel, state), _plain(channel, control, low)]
        return found + [self._value(channel, state, e) for e in state.entry.take_low(value)]

    def _end_entry(self, channel: int, state: _ParameterState) -> list[MidiValues]:
        """The value of a half that waits, or the half itself if it belongs to none."""
        low = state.entry.waiting_low
        found = [self._value(channel, state, each) for each in state.entry.flush()]
        if low is not None:
            found += [*_release(channel, state), _plain(channel, _ENTRY_LOW, low)]
        return found

    def _value(self, channel: int, state: _ParameterState, joined: JoinedValue) -> MidiValues:
        parameter = state.parameter
        assert parameter is not None
        halves = _halves(channel, _ENTRY, _ENTRY_LOW, joined)
        messages = [*_bytes(channel, state.unused), *halves]
        state.unused.clear()
        value = joined.value >> 7 if self._short else joined.value
        row = BY_TYPE[state.kind]
        selection = row.write(channel - 1, parameter, 0)[:2]
        return _joined(row, (channel, parameter, value), messages, selection)


def _joined(
    kind: MessageKind,
    numbers: tuple[int, ...],
    messages: list[bytes],
    selection: MidiMessages = (),
) -> MidiValues:
    return MidiValues(kind, JoinedNumbers.of(numbers, messages, kind.address, selection))


def _pair_value(channel: int, upper: int, joined: JoinedValue) -> MidiValues:
    messages = list(_halves(channel, upper, upper + 32, joined))
    return _joined(_CONTROL14, (channel, upper, joined.value), messages)


def _halves(channel: int, upper: int, lower: int, joined: JoinedValue) -> Iterator[bytes]:
    """The controllers that a value was received as."""
    for part in joined.parts:
        high = part == "h"
        value = joined.value >> 7 if high else joined.value & 127
        yield bytes((0xB0 | channel - 1, upper if high else lower, value))


def _plain(channel: int, control: int, value: int) -> MidiValues:
    return MidiValues(_CONTROL, (channel, control, value))


def _bytes(channel: int, controllers: dict[int, int]) -> list[bytes]:
    return [bytes((0xB0 | channel - 1, *each)) for each in controllers.items()]


def _release(channel: int, state: _ParameterState) -> list[MidiValues]:
    """Selecting controllers as plain controllers, since no value has used them."""
    found = [_plain(channel, control, value) for control, value in state.unused.items()]
    state.unused.clear()
    return found


def _release_bank(channel: int, state: _ParameterState) -> list[MidiValues]:
    """The controllers of a bank as plain controllers, since no program has followed."""
    found = [_plain(channel, control, value) for control, value in state.bank.items()]
    state.bank.clear()
    return found

"""Scaling: from one range to another, clamped, with a curve, to whole numbers or floats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import IMPULSE, Argument, MessageDropped
from oscbridge.bridge.routes.scale import Scale
from oscbridge.osc.type_tags import infer


def scaled(
    scale: Scale, *args: Argument, types: str | None = None
) -> tuple[str, tuple[Argument, ...]]:
    tags, run = scale.bind(infer(args) if types is None else types)
    return tags, run(args)


MIDI_RANGE = Scale(0.0, 1.0, 0, 127)


@pytest.mark.parametrize(
    ("value", "result"), [(0.0, 0), (1.0, 127), (0.5, 64), (0.25, 32), (0.1, 13), (0.996, 126)]
)
def test_scaled_fader_is_rounded_half_up(value: float, result: int) -> None:
    assert scaled(MIDI_RANGE, value) == ("i", (result,))


@pytest.mark.parametrize(("value", "result"), [(-0.1, 0), (1.1, 127), (1e30, 127), (-1e30, 0)])
def test_values_outside_the_range_are_clamped(value: float, result: int) -> None:
    assert scaled(MIDI_RANGE, value) == ("i", (result,))


@pytest.mark.parametrize(("value", "result"), [(math.inf, 127), (-math.inf, 0)])
def test_infinities_are_clamped(value: float, result: int) -> None:
    assert scaled(MIDI_RANGE, value) == ("i", (result,))


@pytest.mark.parametrize("scale", [MIDI_RANGE, Scale(0, 1, 0.0, 1.0), Scale(0, 1, 0, 1, 2.0)])
def test_scale_drops_nan(scale: Scale) -> None:
    with pytest.raises(MessageDropped) as caught:
        scaled(scale, math.nan)
    assert caught.value.reason == "not_a_number"


def test_negative_halves_are_rounded_up() -> None:
    assert scaled(Scale(0, 1, -127, 0), 0.5) == ("i", (-63,))


def test_value_just_below_a_half_is_rounded_down() -> None:
    assert scaled(Scale(0.0, 1.0, 0, 1), 0.49999999999999994) == ("i", (0,))


@pytest.mark.parametrize(("value", "result"), [(0.0, 127), (0.5, 64), (1.0, 0), (2.0, 0)])
def test_outer_range_can_be_inverted(value: float, result: int) -> None:
    assert scaled(Scale(0.0, 1.0, 127, 0), value) == ("i", (result,))


@pytest.mark.parametrize(("value", "result"), [(127, 0.0), (0, 1.0), (200, 0.0), (-5, 1.0)])
def test_inner_range_can_be_inverted(value: int, result: float) -> None:
    assert scaled(Scale(127, 0, 0.0, 1.0), value) == ("f", (result,))


@pytest.mark.parametrize(
    ("value", "result"), [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0), (-1.0, 0.0), (2.0, 1.0)]
)
def test_curve_bends_within_the_range(value: float, result: float) -> None:
    assert scaled(Scale(0.0, 1.0, 0.0, 1.0, curve=2.0), value) == ("f", (result,))


def test_float_in_the_outer_range_gives_floats() -> None:
    tags, (value,) = scaled(Scale(0, 127, 0, 1.0), 127)
    assert (tags, value, type(value)) == ("f", 1.0, float)


@pytest.mark.parametrize(
    ("outer", "tags"), [((0, 10), "iiii"), ((0.0, 10.0), "fffd"), ((0, 10.0), "fffd")]
)
def test_scaled_type_tags_are_those_of_the_result(outer: tuple[float, float], tags: str) -> None:
    assert scaled(Scale(0, 1, *outer), 1, 1, 1.0, 1.0, types="ihfd") == (tags, (10,) * 4)


def test_whole_outer_range_gives_integers() -> None:
    (value,) = scaled(MIDI_RANGE, 0.5)[1]
    assert type(value) is int


def test_scale_keeps_arguments_that_are_not_numbers() -> None:
    args = (True, False, "0.5", None, b"1", IMPULSE, [0.5, 1], 0.5)
    assert scaled(MIDI_RANGE, *args) == ("TFsNbI[fi]i", (*args[:-1], 64))


def test_scale_keeps_a_single_array() -> None:
    assert scaled(MIDI_RANGE, [0.5]) == ("[f]", ([0.5],))


def test_scale_without_arguments_stays_empty() -> None:
    assert scaled(MIDI_RANGE) == ("", ())


_finite = st.floats(-1e6, 1e6)


@given(
    _finite, _finite.filter(bool), _finite, _finite, st.floats(allow_nan=False), st.floats(0.1, 10)
)
def test_scaled_value_is_never_outside_the_range(
    low: float, span: float, out_low: float, out_high: float, value: float, curve: float
) -> None:
    scale = Scale(low, low + span + math.copysign(1, span), out_low, out_high, curve)
    (result,) = scaled(scale, value)[1]
    slack = 1e-9 * max(abs(out_low), abs(out_high), 1)
    assert min(out_low, out_high) - slack <= result <= max(out_low, out_high) + slack  # type: ignore[operator]

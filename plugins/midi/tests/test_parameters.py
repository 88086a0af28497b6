"""Recognising 14-bit values: NRPN, RPN and pairs of controllers."""

from __future__ import annotations

import pytest

from oscbridge_midi.message_table import BY_TYPE
from oscbridge_midi.parameters import ParameterRecognizer


def controllers(
    recognizer: ParameterRecognizer, *pairs: tuple[int, int]
) -> list[tuple[object, ...]]:
    """The values that controllers on channel 1 complete."""
    found = [values for pair in pairs for values in recognizer.feed(1, *pair)]
    return [(kind.address, *numbers) for kind, numbers in found]


def flushed(recognizer: ParameterRecognizer) -> list[tuple[object, ...]]:
    return [(kind.address, *numbers) for kind, numbers in recognizer.flush()]


@pytest.mark.parametrize(("kind", "high", "low"), [("nrpn", 99, 98), ("rpn", 101, 100)])
def test_parameter_is_recognised(kind: str, high: int, low: int) -> None:
    found = controllers(ParameterRecognizer(), (high, 2), (low, 44), (6, 127), (38, 1))
    assert found == [(f"/{kind}", 1, 300, 127 << 7 | 1)]


@pytest.mark.parametrize("kind", ["nrpn", "rpn"])
def test_encoded_parameter_is_recognised(kind: str) -> None:
    recognizer = ParameterRecognizer()
    found = []
    for data in BY_TYPE[kind].write(3, 1234, 5678):
        found += recognizer.feed((data[0] & 15) + 1, data[1], data[2])
    assert [(each.kind.type, each.numbers) for each in found] == [(kind, (4, 1234, 5678))]


def test_further_values_need_no_selection() -> None:
    found = controllers(
        ParameterRecognizer(), (99, 0), (98, 5), (6, 1), (38, 2), (6, 3), (38, 4), (38, 5)
    )
    assert [values[-1] for values in found] == [1 << 7 | 2, 3 << 7 | 4, 3 << 7 | 5]


def test_upper_half_alone_is_returned_by_flush() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 0), (98, 5), (6, 1)) == []
    assert recognizer.is_waiting
    assert flushed(recognizer) == [("/nrpn", 1, 5, 128)]
    assert not recognizer.is_waiting


def test_data_entry_without_a_parameter_is_a_plain_controller() -> None:
    found = controllers(ParameterRecognizer(), (6, 1), (38, 2))
    assert found == [("/control", 1, 6, 1), ("/control", 1, 38, 2)]


def test_null_parameter_ends_the_recognition() -> None:
    found = controllers(
        ParameterRecognizer(), (101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)
    )
    assert found[0] == ("/rpn", 1, 0, 256)
    found = controllers(ParameterRecognizer(), (101, 127), (100, 127), (6, 1))
    assert found[-1] == ("/control", 1, 6, 1)


def test_increments_are_returned_with_their_selection() -> None:
    found = controllers(ParameterRecognizer(), (99, 0), (98, 5), (96, 1))
    assert [values[2] for values in found] == [99, 98, 96]


def test_selecting_controller_without_a_value_is_returned_by_flush() -> None:
    recognizer = ParameterRecognizer()
    assert controllers(recognizer, (99, 1), (99, 2)) == [("/control", 1, 99, 1)]
    assert recognizer.is_waiting
    assert flushed(recognizer) == [("/control", 1, 99, 2)]
    assert not recognizer.is_waiting
    found = controllers(recognizer, (98, 3), (6, 1), (38, 0))  # it is a selection nevertheless
    assert found == [("/nrpn", 1, 2 << 7 | 3, 1 << 7)]


def test_channels_are_independent() -> None:
    recognizer = ParameterRecognizer()
    controllers(recognizer, (99, 0), (98, 5))
    assert [each.kind.type for each in recognizer.feed(2, 6, 1)] == ["control_change"]


def test_parameters_are_plain_controllers_if_disabled() -> None:
    found = controllers(ParameterRecognizer(parameters=False), (99, 2), (98, 44), (6, 127))
    assert [values[0] for values in found] == ["/control"] * 3


def test_configured_pairs_are_joined() -> None:
    recognizer = ParameterRecognizer(pairs=(7,))
    assert controllers(recognizer, (7, 64), (39, 1), (8, 5)) == [
        ("/control14", 1, 7, 64 << 7 | 1),
        ("/control", 1, 8, 5),
    ]
    assert controllers(recognizer, (39, 2)) == [("/control14", 1, 7, 64 << 7 | 2)]
    assert controllers(recognizer, (7, 65), (7, 66)) == [("/control14", 1, 7, 65 << 7)]
    assert flushed(recognizer) == [("/control14", 1, 7, 66 << 7)]

"""Relative encoders: from 7 bits to steps."""

from __future__ import annotations

import pytest

from oscbridge import Argument, MessageDropped
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.relative import ENCODINGS, number_step


def run(config: RouteConfig, types: str, *args: Argument) -> tuple[str, tuple[Argument, ...]]:
    step = number_step(config)
    assert step is not None
    tags, run = step.bind(types)
    return tags, run(args)


@pytest.mark.parametrize(
    ("encoding", "steps"),
    [
        ("twos_complement", {1: 1, 63: 63, 127: -1, 65: -63, 64: -64, 0: 0}),
        ("signed_bit", {1: 1, 63: 63, 65: -1, 127: -63, 64: 0, 0: 0}),
        ("offset_64", {65: 1, 127: 63, 63: -1, 1: -63, 64: 0, 0: -64}),
    ],
)
def test_movement_becomes_steps(encoding: str, steps: dict[int, int]) -> None:
    config = RouteConfig(relative=encoding)
    assert {value: run(config, "i", value)[1][0] for value in steps} == steps


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_only_the_last_argument_is_decoded(encoding: str) -> None:
    tags, args = run(RouteConfig(relative=encoding), "iif", 1, 20, 70.0)
    assert (tags, args[:2]) == ("iii", (1, 20))
    assert run(RouteConfig(relative=encoding), "is", 1, "a") == ("is", (1, "a"))


def test_steps_are_scaled_afterwards() -> None:
    config = RouteConfig(relative="twos_complement", scale=(-64.0, 64.0, -1.0, 1.0))
    assert run(config, "i", 127) == ("f", (-1 / 64,))


@pytest.mark.parametrize("value", [-1, 128])
def test_other_values_are_dropped(value: int) -> None:
    with pytest.raises(MessageDropped, match="not a step of a relative encoder"):
        run(RouteConfig(relative="offset_64"), "i", value)

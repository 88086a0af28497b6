"""Last values of addresses."""

from __future__ import annotations

import pytest

from oscbridge.address_space import KeptValues
from oscbridge.osc import Argument, Message


def test_values_keep_the_last_message_of_each_address() -> None:
    values = KeptValues()
    values.take("in", "desk", Message("/a", "f", (0.5,)))
    values.take("out", "q", Message("/a", "i", (1,)))
    found = values.get("/a")
    assert found is not None
    assert found[:2] + found[3:] == ("i", (1,), "out", "q")
    assert values.get("/b") is None


def test_values_forget_the_one_updated_longest_ago() -> None:
    values = KeptValues(2)
    for address in ("/a", "/b", "/a", "/c"):
        values.take("in", "desk", Message(address, "", ()))
    assert list(values.snapshot()) == ["/a", "/c"]
    assert (len(values), values.forgotten) == (2, 1)


@pytest.mark.parametrize(
    ("types", "args"),
    [
        ("b", (bytes(65_537),)),
        ("s", ("x" * 65_537,)),
        ("[ss]", (["x" * 40_000, "x" * 40_000],)),
        ("i" * 2_000, tuple(range(2_000))),
        ("[" + "i" * 2_000 + "]", (list(range(2_000)),)),
    ],
)
def test_values_skip_large_ones(types: str, args: tuple[Argument, ...]) -> None:
    values = KeptValues()
    values.take("in", "desk", Message("/a", types, args))
    assert (len(values), values.skipped) == (0, 1)

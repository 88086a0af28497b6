"""Last values of addresses."""

from __future__ import annotations

import pytest

from oscbridge.address_space import KeptValues
from oscbridge.address_space.kept_values import MAX_TOTAL
from oscbridge.address_space.limits import MAX_ADDRESS
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


@pytest.mark.parametrize(("types", "args"), [("s", ("x" * 60_000,)), ("i" * 1_000, (0,) * 1_000)])
def test_values_have_a_limit_for_all_of_them(types: str, args: tuple[Argument, ...]) -> None:
    values = KeptValues()
    values.take("in", "desk", Message("/small", "i", (1,)))
    for number in range(3_000):
        values.take("in", "desk", Message(f"/{number}", types, args))
        values.take("in", "desk", Message("/same", types, args))
    size = max(len(str(args[0])), 32 * len(args))
    assert 100 < len(values) <= MAX_TOTAL // size
    assert values.get("/small") is None
    assert values.get("/same") is not None
    assert len(values) + values.forgotten == 3_002
    for number in range(3_000):  # none of them is large any more
        values.take("in", "desk", Message(f"/{number}", "i", (1,)))
    assert len(values) == 3_001


def test_values_skip_long_addresses() -> None:
    values = KeptValues()
    values.take("in", "desk", Message("/" + "x" * MAX_ADDRESS, "i", (1,)))
    assert (len(values), values.skipped) == (0, 1)


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

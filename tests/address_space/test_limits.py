"""Limits of the facts about addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from oscbridge.address_space import AddressInfo, ValueRange
from oscbridge.address_space.limits import (
    MAX_ADDRESS,
    MAX_CHARACTERS,
    MAX_CHOICES,
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_NODES,
    MAX_TAGS,
    MAX_TEXT,
    MAX_TYPES,
    MAX_UNIT,
    admitted,
)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/a" * MAX_DEPTH, ""),
        ("/a" * (MAX_DEPTH + 1), "depth"),
        ("/" + "a" * (MAX_ADDRESS - 1), ""),
        ("/" + "a" * MAX_ADDRESS, "address"),
        *((text, "invalid") for text in ("", "/", "a", "/a/", "/a//b", "/*", "/{a,b}", "/a\n")),
        ("/with space/ä", ""),
    ],
)
def test_admitted_leaves_out_addresses_above_the_limits(address: str, reason: str) -> None:
    ignored: Counter[str] = Counter()
    found = admitted([AddressInfo(address)], ignored)
    assert list(found) == ([] if reason else [address])
    assert dict(ignored) == ({reason: 1} if reason else {})


def test_admitted_reads_an_endless_source_up_to_a_limit() -> None:
    def endless() -> Iterator[AddressInfo]:
        for number in count():
            yield AddressInfo(f"/{number}")

    ignored: Counter[str] = Counter()
    assert len(admitted(endless(), ignored)) == MAX_NODES
    assert ignored["nodes"] == 9 * MAX_NODES


def test_admitted_limits_containers() -> None:
    infos = [AddressInfo(f"/{number}{'/a' * 20}") for number in range(2_000)]
    ignored: Counter[str] = Counter()
    assert len(admitted(infos, ignored)) == MAX_CONTAINERS // 20
    assert ignored == {"containers": 2_000 - MAX_CONTAINERS // 20}


def test_admitted_cuts_texts() -> None:
    long = AddressInfo(
        "/a",
        "i",
        (ValueRange(choices=("x" * 100, *range(MAX_CHOICES))),),
        "u" * 100,
        description="d" * 2_000,
        tags=("t" * 100,) * 100,
        curve="c" * 100,
    )
    ignored: Counter[str] = Counter()
    found = admitted([long], ignored)["/a"]
    assert ignored == {"text": 1}
    assert (len(found.unit), len(found.curve), len(found.description)) == (64, 64, MAX_TEXT)
    assert found.description.endswith("…")
    assert (len(found.tags), len(found.tags[0])) == (MAX_TAGS, MAX_UNIT)
    (values,) = found.ranges
    assert values is not None
    assert len(values.choices) == MAX_CHOICES
    assert values.choices[0] == "x" * 63 + "…"


@pytest.mark.parametrize("types", ["f" * (MAX_TYPES + 1), "[f", "?", "f]"])
def test_admitted_drops_invalid_types(types: str) -> None:
    ignored: Counter[str] = Counter()
    info = admitted([AddressInfo("/a", types, (ValueRange(0, 1),))], ignored)["/a"]
    assert (info.types, info.ranges) == ("", ())
    assert ignored == {"types": 1}


def test_admitted_keeps_the_first_of_two_descriptions() -> None:
    assert admitted([AddressInfo("/a", "f"), AddressInfo("/a", "i")], Counter())["/a"].types == "f"


def test_admitted_limits_characters_of_all_addresses() -> None:
    infos = [AddressInfo(f"/{number:05}{'a' * 500}") for number in range(4_000)]
    ignored: Counter[str] = Counter()
    found = admitted(infos, ignored)
    assert sum(map(len, found)) <= MAX_CHARACTERS
    assert ignored == {"characters": 4_000 - len(found)}
    assert len(found) == MAX_CHARACTERS // 506

"""Addresses that differ only in numbers, as one: ``/ch/{01..32}/mix/fader``."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Final, NamedTuple

from oscbridge.address_space.info import AddressInfo

__all__ = ["AddressGroup", "grouped"]

MIN_GROUP: Final = 3
"""Addresses that are worth a group."""

MAX_ALTERNATIVES: Final = 16
"""Numbers that are listed if they are not a range: ``{01,03,05}``."""

_NUMBER: Final = re.compile(r"(?<=[^0-9])([0-9]{1,9})(?=/|$)")


class AddressGroup(NamedTuple):
    """Addresses with the same facts."""

    info: AddressInfo
    """That of the first; with ranges of numbers in the address, and … in the description."""
    size: int
    """Their number."""


class _GroupedAddress(NamedTuple):
    info: AddressInfo
    numbers: tuple[str, ...]
    description: str
    """With ``…`` in place of each of these numbers."""


def grouped(infos: Iterable[AddressInfo]) -> Iterator[AddressGroup]:
    """The addresses in order, each group at the place of its first one.

    Numbers at the end of a part make a group if all combinations of them are there.
    """
    groups: dict[Hashable, list[_GroupedAddress]] = {}
    for info in infos:
        pieces = _NUMBER.split(info.address)
        numbers = tuple(pieces[1::2])
        description = _marked(info.description, numbers)
        facts = replace(info, address="", description=description)
        member = _GroupedAddress(info, numbers, description)
        groups.setdefault((tuple(pieces[::2]), facts), []).append(member)
    for members in groups.values():
        yield from _as_group(members)


def _marked(text: str, numbers: Sequence[str]) -> str:
    """A description with ``…`` in place of the numbers of the address."""
    for number in numbers:
        text = re.sub(rf"(?<![0-9])0*{number.lstrip('0') or '0'}(?![0-9])", "…", text, count=1)
    return text


def _as_group(members: Sequence[_GroupedAddress]) -> Iterator[AddressGroup]:
    first = members[0]
    values = [{each.numbers[place] for each in members} for place in range(len(first.numbers))]
    ranges = [_range(each) for each in values]
    size = len(members)
    if size < MIN_GROUP or not all(ranges) or prod(map(len, values)) != size:
        yield from (AddressGroup(each.info, 1) for each in members)
        return
    pieces = _NUMBER.split(first.info.address)
    pieces[1::2] = ranges
    info = replace(first.info, address="".join(pieces), description=first.description)
    yield AddressGroup(info, size)


def _range(numbers: Collection[str]) -> str:
    """Numbers as a range or alternatives; an empty text if they are neither."""
    found = sorted(numbers, key=lambda each: (int(each), len(each)))
    if len(found) == 1:
        return found[0]
    low, high = int(found[0]), int(found[-1])
    width = len(found[0]) if found[0].startswith("0") else 1
    if high - low < len(found) and found == [f"{n:0{width}}" for n in range(low, high + 1)]:
        return f"{{{found[0]}..{found[-1]}}}"
    return f"{{{','.join(found)}}}" if len(found) <= MAX_ALTERNATIVES else ""

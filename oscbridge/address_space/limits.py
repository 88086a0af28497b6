"""The limits of the facts about addresses: facts may come from files and from the network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Final

from oscbridge.address_space.info import AddressInfo, ValueRange
from oscbridge.errors import DecodeError
from oscbridge.osc.arguments import layout

__all__ = [
    "MAX_ADDRESS",
    "MAX_CHARACTERS",
    "MAX_CHOICES",
    "MAX_CONTAINERS",
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_OVERLOADS",
    "MAX_READ",
    "MAX_TAGS",
    "MAX_TEXT",
    "MAX_TYPES",
    "MAX_UNIT",
    "admitted",
    "why_not",
]

MAX_NODES: Final = 20_000
"""Addresses of one book."""

MAX_CONTAINERS: Final = 20_000
"""Containers of one source of facts: ``/a`` and ``/a/b`` of ``/a/b/c``."""

MAX_DEPTH: Final = 32
"""Parts of an address."""

MAX_ADDRESS: Final = 512
"""Characters of an address."""

MAX_CHARACTERS: Final = 2_000_000
"""Characters of all addresses of one source of facts: matching takes time by character."""

MAX_TEXT: Final = 1_000
"""Characters of a description."""

MAX_UNIT: Final = 64
"""Characters of a unit, a tag, a curve, an extended type or a choice."""

MAX_TAGS: Final = 32
"""Tags of an address."""

MAX_TYPES: Final = 256
"""Type tags of an address."""

MAX_OVERLOADS: Final = 8
"""Further type tags of an address."""

MAX_CHOICES: Final = 256
"""Choices of a value."""

MAX_READ: Final = 10 * MAX_NODES
"""Facts that are looked at of one source: it may be endless."""

_COMMON: Final = frozenset(("", "f", "i", "s", "ff", "T"))
"""Type tags that are valid."""

_VALID: Final = re.compile(r"(?:/[^/#*,?\[\]{}\x00-\x1f\x7f]+)+")


def why_not(address: str) -> str:
    """Why an address cannot be known: ``address``, ``invalid`` or ``depth``; empty if it can."""
    if len(address) > MAX_ADDRESS:
        return "address"
    if not _VALID.fullmatch(address):
        return "invalid"
    return "depth" if address.count("/") > MAX_DEPTH else ""


def admitted(infos: Iterable[AddressInfo], ignored: Counter[str]) -> dict[str, AddressInfo]:
    """The facts within the limits, by their addresses; the first about an address counts.

    ``ignored`` counts entries left out or cut, by reason: ``nodes``, ``containers``,
    ``characters``, ``address``, ``invalid``, ``depth``, ``types`` and ``text``.
    """
    found: dict[str, AddressInfo] = {}
    containers: set[str] = set()
    characters = 0
    for info in islice(infos, MAX_READ):
        address = info.address
        if address in found:
            continue
        reason = why_not(address)
        if not reason and len(found) >= MAX_NODES:
            reason = "nodes"
        if not reason and characters + len(address) > MAX_CHARACTERS:
            reason = "characters"
        if not reason and not _contain(address, containers):
            reason = "containers"
        if reason:
            ignored[reason] += 1
        else:
            characters += len(address)
            found[address] = _shortened(info, ignored)
    return found


def _contain(address: str, containers: set[str]) -> bool:
    """Add the containers of an address, unless they are too many."""
    new: list[str] = []
    end = address.rfind("/")
    while end > 0 and address[:end] not in containers:
        new.append(address[:end])
        end = address.rfind("/", 0, end)
    if len(containers) + len(new) > MAX_CONTAINERS:
        return False
    containers.update(new)
    return True


def _shortened(info: AddressInfo, ignored: Counter[str]) -> AddressInfo:
    if info.types not in _COMMON and not _are_valid(info.types):
        ignored["types"] += 1
        info = replace(info, types="", ranges=(), clip_modes=(), extended_types=())
    if info.overloads and not _are_valid_overloads(info.overloads):
        ignored["types"] += 1
        info = replace(info, overloads=())
    if _is_short(info):
        return info
    ignored["text"] += 1
    return replace(
        info,
        unit=_cut(info.unit),
        curve=_cut(info.curve),
        description=_cut(info.description, MAX_TEXT),
        tags=tuple(map(_cut, info.tags[:MAX_TAGS])),
        ranges=tuple(
            None if each is None else _cut_range(each) for each in info.ranges[:MAX_TYPES]
        ),
        clip_modes=tuple(map(_cut, info.clip_modes[:MAX_TYPES])),
        extended_types=tuple(map(_cut, info.extended_types[:MAX_TYPES])),
    )


def _are_valid(types: str) -> bool:
    try:
        return len(types) <= MAX_TYPES and layout(types) is not None
    except DecodeError:
        return False


def _are_valid_overloads(overloads: tuple[str, ...]) -> bool:
    return len(overloads) <= MAX_OVERLOADS and all(map(_are_valid, overloads))


def _is_short(info: AddressInfo) -> bool:
    return (
        len(info.description) <= MAX_TEXT
        and len(info.unit) <= MAX_UNIT
        and len(info.curve) <= MAX_UNIT
        and (not info.tags or _are_short(info.tags, MAX_TAGS))
        and (not info.clip_modes or _are_short(info.clip_modes))
        and (not info.extended_types or _are_short(info.extended_types))
        and (not info.ranges or _are_short_ranges(info.ranges))
    )


def _are_short(texts: tuple[str, ...], count: int = MAX_TYPES) -> bool:
    return len(texts) <= count and len(max(texts, key=len)) <= MAX_UNIT


def _are_short_ranges(ranges: tuple[ValueRange | None, ...]) -> bool:
    if len(ranges) > MAX_TYPES:
        return False
    return all(each is None or not each.choices or _cut_range(each) == each for each in ranges)


def _cut(text: str, length: int = MAX_UNIT) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _cut_range(values: ValueRange) -> ValueRange:
    choices = values.choices[:MAX_CHOICES]
    if all(not isinstance(each, str) or len(each) <= MAX_UNIT for each in choices):
        return values if choices == values.choices else replace(values, choices=choices)
    cut = tuple(_cut(each) if isinstance(each, str) else each for each in choices)
    return replace(values, choices=cut)

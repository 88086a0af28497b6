"""Merges what several sources say about one address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Final

from oscbridge.address_space.info import Access, AddressInfo, ValueRange
from oscbridge.address_space.limits import MAX_OVERLOADS
from oscbridge.osc.arguments import split_types
from oscbridge.osc.type_tags import NUMBER_TAGS

__all__ = [
    "AddressOrigin",
    "access_of",
    "are_of_one_kind",
    "conflict_of",
    "finished",
    "merged",
    "with_overloads",
]


class AddressOrigin(IntEnum):
    """Where a fact is from. Of two facts that differ, that with the lower number counts."""

    CONFIGURATION = 0
    PROFILE = 1
    """A profile, or what else an endpoint knows by its options."""
    MIRRORED = 2
    """The peer of an endpoint says so."""
    TRAFFIC = 3
    """A message was seen."""


_DESCRIBING: Final = (AddressOrigin.PROFILE, AddressOrigin.MIRRORED)
"""The origins that know what a device allows."""

_KINDS: Final = {
    **dict.fromkeys(NUMBER_TAGS, "number"),
    **dict.fromkeys("sSc", "text"),
    **dict.fromkeys("TF", "boolean"),
}


def merged(infos: Sequence[AddressInfo], access: Access) -> AddressInfo:
    """One description of an address; of each fact, the first one that is known.

    Ranges, units and what else belongs to the type tags are only taken from those whose type
    tags fit. Where only one is given and complete, the result is the same object.
    """
    first = infos[0]
    if any(each is not first for each in infos):
        first = _joined(infos)
    if first.access != access:
        first = replace(first, access=access)
    return finished(first)


def finished(info: AddressInfo) -> AddressInfo:
    """With type tags if a range says that there are numbers, and one range for each of them."""
    if not info.ranges:
        return info
    count = len(info.ranges)
    if count == len(info.types) and "[" not in info.types:
        return info
    types = info.types or "f"
    if count == 1 and types != info.types:
        return replace(info, types=types)
    tags = split_types(types)
    if count == len(tags):
        return info
    ranges: tuple[ValueRange | None, ...] = ()
    if count == 1:  # that of all numbers
        ranges = tuple(info.ranges[0] if _KINDS.get(tag) == "number" else None for tag in tags)
    return replace(info, ranges=ranges)


def _joined(infos: Sequence[AddressInfo]) -> AddressInfo:
    types = next((each.types for each in infos if each.types), "")
    fitting = [each for each in infos if _fits(each.types, types)]
    first = infos[0]
    return AddressInfo(
        address=first.address,
        types=types,
        ranges=next((each.ranges for each in fitting if each.ranges), ()),
        unit=next((each.unit for each in fitting if each.unit), ""),
        access=first.access,
        description=next((each.description for each in infos if each.description), ""),
        tags=_unique(tag for each in infos for tag in each.tags),
        origin=", ".join(_unique(part for each in infos for part in each.origin.split(", "))),
        curve=next((each.curve for each in fitting if each.curve), ""),
        clip_modes=next((each.clip_modes for each in fitting if each.clip_modes), ()),
        extended_types=next((each.extended_types for each in fitting if each.extended_types), ()),
        overloads=_overloads(infos, types),
        critical=any(each.critical for each in infos),
    )


def _overloads(infos: Sequence[AddressInfo], types: str) -> tuple[str, ...]:
    found = _unique(each for info in infos for each in info.overloads)
    return tuple(each for each in found if each != types)[:MAX_OVERLOADS] if found else ()


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))


def with_overloads(info: AddressInfo, others: Iterable[AddressInfo]) -> AddressInfo:
    """With the type tags of others that are of other kinds: messages with them pass, too."""
    types = [each.types for each in others if not _fits(each.types, info.types)]
    if not types:
        return info
    found = _unique((*info.overloads, *types))[:MAX_OVERLOADS]
    return info if found == info.overloads else replace(info, overloads=found)


def access_of(infos: Iterable[tuple[AddressOrigin, AddressInfo]]) -> Access:
    """What a device allows: as it is described, or else as it is used."""
    described = used = 0  # operations on enumerations are slow
    is_described = False
    for origin, info in infos:
        if origin in _DESCRIBING:
            is_described = True
            described |= info.access.value
        else:
            used |= info.access.value
    return Access(described if is_described else used)


def conflict_of(infos: Sequence[AddressInfo]) -> str:
    """How the type tags of descriptions contradict each other; empty if they do not."""
    known = [each for each in infos if each.types]
    for other in known[1:]:
        if not _fits(other.types, known[0].types):
            return f"{known[0].types!r} ({known[0].origin}) and {other.types!r} ({other.origin})"
    return ""


def _fits(types: str, chosen: str) -> bool:
    return not types or are_of_one_kind(types, chosen)


def are_of_one_kind(types: str, others: str) -> bool:
    """Whether type tags are as many, and of the same kinds: numbers, texts or booleans."""
    return types == others or _kinds(types) == _kinds(others)


def _kinds(types: str) -> list[str]:
    return [_KINDS.get(tag, tag) for tag in split_types(types)]

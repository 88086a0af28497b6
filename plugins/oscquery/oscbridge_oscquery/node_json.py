"""Nodes as JSON: the known facts of an address, with its value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import oscbridge

__all__ = ["attributes_of", "unique_descriptions"]

_T = TypeVar("_T")

_CONTAINER: Final[Mapping[str, object]] = {"ACCESS": 0}


def attributes_of(
    path: str, info: oscbridge.AddressInfo | None, types: str, description: str = ""
) -> dict[str, object]:
    """The attributes of a node, without ``CONTENTS`` and ``VALUE``.

    ``types`` are the type tags to state, which may be known from a value alone, and
    ``description`` replaces that of ``info``.
    """
    found: dict[str, object] = {"FULL_PATH": path}
    if info is None:
        return {**found, **_CONTAINER}
    if types:
        found["TYPE"] = types
    found["ACCESS"] = info.access.value  # int() of an enumeration is slow
    if description or info.description:
        found["DESCRIPTION"] = description or info.description
    if info.tags:
        found["TAGS"] = list(info.tags)
    if info.critical:
        found["CRITICAL"] = True
    if info.overloads:
        found["OVERLOADS"] = [{"TYPE": each} for each in info.overloads]
    if types:
        _add_lists(found, info, types)
    return found


def _add_lists(found: dict[str, object], info: oscbridge.AddressInfo, types: str) -> None:
    """Add the attributes with one entry for each type tag."""
    if any(info.ranges):
        found["RANGE"] = _spread(types, [_range(each) for each in info.ranges])
    if any(info.clip_modes):
        found["CLIPMODE"] = _spread(types, [each or None for each in info.clip_modes])
    if any(info.extended_types):
        found["EXTENDED_TYPE"] = _spread(types, [each or None for each in info.extended_types])
    if info.unit and not info.curve:  # with a curve the values are not in this unit
        count = len(types)
        found["UNIT"] = _spread(types, [info.unit] * count)


def _range(found: oscbridge.ValueRange | None) -> dict[str, object] | None:
    if found is None:
        return None
    limits: dict[str, object] = {}
    if found.minimum is not None:
        limits["MIN"] = found.minimum
    if found.maximum is not None:
        limits["MAX"] = found.maximum
    if found.choices:
        limits["VALS"] = list(found.choices)
    return limits or None


def _spread(types: str, entries: Sequence[object]) -> list[object]:
    """One entry for each value, nested as the brackets; an array has that of the whole array."""
    if len(entries) == len(types) and "[" not in types:
        return list(entries)
    values, tags = iter(entries), iter(types)
    found: list[object] = []
    for tag in tags:
        entry = next(values, None)
        found.append(_nest(tags, entry) if tag == "[" else entry)
    return found


def _nest(tags: Iterator[str], entry: object) -> list[object]:
    found: list[object] = []
    for tag in tags:
        if tag == "]":
            break
        found.append(_nest(tags, entry) if tag == "[" else entry)
    return found


def unique_descriptions(children: Mapping[str, oscbridge.AddressNode]) -> Mapping[str, str]:
    """Descriptions of nodes whose own is also a sibling's: Chataigne takes it as their key.

    A node without a description is known by its name.
    """
    taken: set[str] = set()
    changed: dict[str, str] = {}
    for name, node in children.items():
        text = (node.info.description if node.info is not None else "") or name
        if text in taken:
            text = changed[name] = f"{text} ({name})"
        taken.add(text)
    return changed

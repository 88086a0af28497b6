"""A description of an address as JSON, for commands and for the browser."""

from __future__ import annotations

from typing import Final, TypeAlias

from oscbridge.address_space.info import Access, AddressInfo, ValueRange

__all__ = ["JSONInfo", "json_of"]

JSONInfo: TypeAlias = "dict[str, object]"

_NAMES: Final = {
    Access.NONE: "none",
    Access.READ: "read",
    Access.WRITE: "write",
    Access.BOTH: "both",
}
_TEXTS: Final = ("types", "unit", "description", "origin", "curve")
_LISTS: Final = ("tags", "clip_modes", "extended_types")


def json_of(info: AddressInfo) -> JSONInfo:
    """The facts by their names; those that are not known are left out."""
    found: JSONInfo = {"address": info.address, "access": _NAMES[info.access]}
    for name in _TEXTS:
        if text := getattr(info, name):
            found[name] = text
    for name in _LISTS:
        if texts := getattr(info, name):
            found[name] = list(texts)
    if info.ranges:
        found["ranges"] = [None if each is None else _range(each) for each in info.ranges]
    if info.critical:
        found["critical"] = True
    return found


def _range(values: ValueRange) -> JSONInfo:
    found: JSONInfo = {}
    if values.minimum is not None:
        found["min"] = values.minimum
    if values.maximum is not None:
        found["max"] = values.maximum
    if values.choices:
        found["choices"] = list(values.choices)
    return found

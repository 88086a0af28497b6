"""A description of an address as JSON, for commands and for the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from oscbridge.address_space.info import Access, AddressInfo, ValueRange

__all__ = ["JSONInfo", "info_of", "json_of"]

JSONInfo: TypeAlias = "dict[str, object]"

_NAMES: Final = {
    Access.NONE: "none",
    Access.READ: "read",
    Access.WRITE: "write",
    Access.BOTH: "both",
}
_ACCESS: Final = {name: access for access, name in _NAMES.items()}
_TEXTS: Final = ("types", "unit", "description", "origin", "curve")
_LISTS: Final = ("tags", "clip_modes", "extended_types", "overloads")
_FACTS: Final = frozenset((*_TEXTS, *_LISTS))


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


def info_of(found: Mapping[str, Any]) -> AddressInfo:
    """The facts from :func:`json_of`. Raises ``KeyError`` and ``TypeError`` for another form."""
    ranges = [None if each is None else _range_of(each) for each in found.get("ranges", ())]
    return AddressInfo(
        found["address"],
        access=_ACCESS[found["access"]],
        ranges=tuple(ranges),
        critical=bool(found.get("critical")),
        **{name: _fact(name, found[name]) for name in _FACTS & found.keys()},
    )


def _fact(name: str, value: Any) -> Any:
    return tuple(value) if name in _LISTS else value


def _range_of(found: Mapping[str, Any]) -> ValueRange:
    return ValueRange(found.get("min"), found.get("max"), tuple(found.get("choices", ())))


def _range(values: ValueRange) -> JSONInfo:
    found: JSONInfo = {}
    if values.minimum is not None:
        found["min"] = values.minimum
    if values.maximum is not None:
        found["max"] = values.maximum
    if values.choices:
        found["choices"] = list(values.choices)
    return found

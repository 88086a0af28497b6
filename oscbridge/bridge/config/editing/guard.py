"""What an edit from a browser must not change. Compares configurations, not edits. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from oscbridge.bridge.config.editing.protected import (
    DEVICE_PATH,
    EndpointTypes,
    ProtectedValue,
    models_of,
    protected_in,
)
from oscbridge.bridge.config.environment import Overlay
from oscbridge.bridge.config.problem import KeyPath, path_text

__all__ = [
    "DeviceList",
    "GuardedTables",
    "environment_problems",
    "guard_problems",
    "include_problems",
]

DeviceList: TypeAlias = Callable[[str, str], Collection[str]]
"""The devices that a key of an endpoint type may name from the browser."""

_ALWAYS = ("http", "token")
_WITHOUT_CODE = ("run",)
_HOW = "edit the file, or set allow_code = true in its [http]"


class GuardedTables(NamedTuple):
    """The facts about one configuration."""

    raw: Mapping[str, Any]
    """Its tables, as in its files."""
    overlaid: Overlay
    """The same with the environment."""
    includes: Mapping[str, object]
    """What each file includes."""


def include_problems(before: GuardedTables, includes: Mapping[str, object]) -> Iterator[str]:
    """Why these ``include`` may not be. To be asked before they are read."""
    for name, value in includes.items():
        if repr(before.includes.get(name, [])) != repr(value):
            yield f"{name}: include: read-only from the browser; {_HOW}"


def guard_problems(
    before: GuardedTables,
    after: GuardedTables,
    types: EndpointTypes,
    *,
    allow_code: bool,
    devices: DeviceList,
) -> Iterator[str]:
    """Why the one configuration may not become the other. Call before anything is validated."""
    old, new = before.overlaid.raw, after.overlaid.raw
    for section in _ALWAYS:
        if repr(old.get(section)) != repr(new.get(section)):
            shown = "[[token]]" if section == "token" else f"[{section}]"
            yield f"{shown}: always read-only from the browser; edit the file"
    if allow_code:
        return
    for section in _WITHOUT_CODE:
        if repr(old.get(section)) != repr(new.get(section)):
            yield f"[{section}]: read-only from the browser; {_HOW}"
    for kind in ("bridge", "endpoint"):
        yield from _named(kind, _tables(old.get(kind)), _tables(new.get(kind)), types, devices)
    yield from _routes(_list(old.get("route")), _list(new.get("route")), types)


def environment_problems(before: GuardedTables, after: GuardedTables) -> Iterator[str]:
    """The keys that a variable sets, and that the files set otherwise than before."""
    old = {variable: path for path, variable in sorted(before.overlaid.places.items(), key=_length)}
    new = {variable: path for path, variable in sorted(after.overlaid.places.items(), key=_length)}
    for variable, path in new.items():
        was = old.get(variable)
        if was is not None and repr(_at(before.raw, was)) != repr(_at(after.raw, path)):
            yield f"{path_text(path)}: {variable} sets it; change the variable"


def _length(item: tuple[KeyPath, str]) -> int:
    return len(item[0])


def _at(raw: object, path: KeyPath) -> object:
    node: Any = raw
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _named(
    kind: str,
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
    types: EndpointTypes,
    devices: DeviceList,
) -> Iterator[str]:
    """Tables that have a name. A whole table may go; what it protects may not change."""
    for name, table in new.items():
        path = (kind, name)
        was = protected_in(path, old[name], types) if name in old else {}
        now = protected_in(path, table, types)
        for place in dict.fromkeys([*was, *now]):
            found = now.get(place) or was[place]
            if place in was and place in now and repr(was[place].value) == repr(now[place].value):
                continue
            if _may_be_set(path, now.get(place), table, types, devices):
                continue
            yield _refusal((*path, *place), found)


def _may_be_set(
    path: KeyPath,
    now: ProtectedValue | None,
    table: Mapping[str, Any],
    types: EndpointTypes,
    devices: DeviceList,
) -> bool:
    """Whether a value names a device, or is one that the model allows."""
    if now is None or now.reason not in ("device", "marked") or not isinstance(now.value, str):
        return False
    if now.reason == "device" and not DEVICE_PATH.search(now.value):
        return True  # a part of a name, which only devices have
    key = str(now.path[-1])
    models = models_of(path, table, types)
    if len(now.path) == 1 and any(now.value in model.allowed_values(key) for model in models):
        return True
    return now.reason == "device" and now.value in devices(str(table.get("type")), key)


def _routes(
    old: list[Mapping[str, Any]], new: list[Mapping[str, Any]], types: EndpointTypes
) -> Iterator[str]:
    """Routes, which have no identity: no protected value may be new, or there more often."""
    known = Counter(_key(each) for table in old for each in _of_route(table, types))
    for index, table in enumerate(new):
        for each in _of_route(table, types):
            if known[_key(each)] <= 0:
                yield _refusal(("route", index, *each.path), each)
            known[_key(each)] -= 1


def _of_route(table: Mapping[str, Any], types: EndpointTypes) -> Iterator[ProtectedValue]:
    yield from protected_in(("route",), table, types).values()


def _key(each: ProtectedValue) -> tuple[KeyPath, str]:
    return each.path, repr(each.value)


def _refusal(path: KeyPath, found: ProtectedValue) -> str:
    what = "runs code" if path[0] == "route" and path[-1] == "function" else found.words
    return f"{path_text(path)}: {what}, and is read-only from the browser; {_HOW}"


def _tables(section: object) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(section, Mapping):
        return {}
    return {name: table for name, table in section.items() if isinstance(table, Mapping)}


def _list(section: object) -> list[Mapping[str, Any]]:
    if not isinstance(section, list):
        return []
    return [table for table in section if isinstance(table, Mapping)]

"""Hidden values that another process has shown, as this one shows them. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from oscbridge.bridge.config.editing.masking import MASK, MASKED
from oscbridge.bridge.config.editing.secret_places import texts_in
from oscbridge.bridge.config.problem import KeyPath

__all__ = ["renewed"]

_NAME: Final = "name"
_ANY: Final = f"{MASK}00000000"


def renewed(
    text: str,
    unknown: Collection[str],
    tables: Mapping[str, Any],
    shown: Iterable[tuple[KeyPath, str]],
    file: str,
) -> str:
    """The text of a file with hidden values that are known.

    ``shown`` is what stands for the secrets of ``tables`` now, by its path, and ``file`` the text
    of the file as it is shown now. A hidden value stays unknown if it is not certain which one
    it is.
    """
    known: dict[KeyPath, set[str]] = {}
    for place, mask in shown:
        known.setdefault(_named(place, tables), set()).add(mask)
    found = {**_by_lines(text, unknown, file), **_by_places(text, unknown, known)}
    return MASKED.sub(lambda mask: found.get(mask[0], mask[0]), text)


def _by_places(
    text: str, unknown: Collection[str], known: Mapping[KeyPath, Collection[str]]
) -> Mapping[str, str]:
    """What stands for the same secrets now: those with the same paths."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
    choices: dict[str, set[str]] = {}
    for place, value in texts_in(tables):
        for mask in MASKED.findall(value):
            if mask in unknown:
                here = set(known.get(_named(place, tables), ()))
                choices[mask] = choices.get(mask, here) & here
    return {mask: found.pop() for mask, found in choices.items() if len(found) == 1}


def _by_lines(text: str, unknown: Collection[str], file: str) -> Mapping[str, str]:
    """The same for comments, which have no path: by lines that are the same otherwise."""
    lines: dict[str, set[str]] = {}
    for line in file.splitlines():
        if MASK in line:
            lines.setdefault(MASKED.sub(_ANY, line), set()).add(line)
    found: dict[str, str] = {}
    for line in text.splitlines():
        same = lines.get(MASKED.sub(_ANY, line), ()) if "#" in line and MASK in line else ()
        for other in same if len(same) == 1 else ():
            pairs = zip(MASKED.findall(line), MASKED.findall(other), strict=True)
            found |= {old: new for old, new in pairs if old in unknown}
    return found


def _named(place: KeyPath, tables: Mapping[str, Any]) -> KeyPath:
    """A path with the names of tables in lists, which may have moved, instead of their numbers."""
    value: Any = tables
    named: list[str | int] = []
    for step in place:
        value = value[step]
        name = value.get(_NAME) if isinstance(step, int) and isinstance(value, Mapping) else None
        named.append(f"{_NAME} {name}" if isinstance(name, str) else step)
    return tuple(named)

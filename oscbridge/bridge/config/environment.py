"""Settings from the environment, laid over those of the file.

``OSCBRIDGE__BRIDGE__STAGE__LISTEN`` is the key ``listen`` of ``[bridge.stage]``: the way to a
key, in capitals, with two underscores between the steps. Its value is what would stand behind
the ``=`` in the file; text needs no quotes.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from oscbridge.bridge.config.error_messages import path_of

__all__ = ["PREFIX", "Overlay", "mistaken", "overlay"]

PREFIX: Final = "OSCBRIDGE__"
"""What the names of these variables begin with."""

MAX_VARIABLES: Final = 1_000
"""Variables that are taken."""

MAX_STEPS: Final = 8
"""Steps of a way to a key."""

_MEANT: Final = re.compile(r"OSCBRIDGE_(?:BRIDGE|ENDPOINT|ROUTE|HTTP|RUN)_", re.IGNORECASE)
"""What names of variables begin with that have too few underscores."""

_TIMES: Final = (datetime.date, datetime.time)
"""What TOML knows and no key takes: it was meant as text."""

_Way: TypeAlias = Sequence[str | int]
"""Keys of tables, and places in lists from 0, from the outermost on."""


class Overlay(NamedTuple):
    """A configuration with what the environment says."""

    raw: Mapping[str, Any]
    """The tables, as TOML gives them. Those of the file are left as they were."""
    variables: Sequence[str]
    """The names of the variables that were used."""
    places: Mapping[str, str]
    """The variable of each key that it sets, and of each table that it makes, by the place
    that a fault names."""
    faults: Sequence[str]
    """What is wrong with the names of variables, a line each."""

    def explain(self, fault: str) -> str:
        """A fault of the tables, with the variable that it came from, if it did."""
        found = [place for place in self.places if _begins(fault, place)]
        return f"{fault} (from {self.places[max(found, key=len)]})" if found else fault


def overlay(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Overlay:
    """Lay the variables of an environment over the tables of a file.

    Names are found without regard to capitals, and ``_`` stands for ``-`` too, which a variable
    cannot have. A table that is not there is made, in small letters. Tables in a list, as
    ``[[route]]``, are counted from 1. An empty variable is as one that is not set.
    """
    names = sorted(each for each, text in environment.items() if each.startswith(PREFIX) and text)
    if len(names) > MAX_VARIABLES:
        fault = f"{len(names)} variables begin with {PREFIX}; at most {MAX_VARIABLES} may"
        return Overlay(raw, (), {}, (fault,))
    faults: list[str] = []
    places: dict[str, str] = {}
    for name in names:
        try:
            way, known = _way(raw, name.removeprefix(PREFIX).split("__"))
            if (other := places.get(_place(way))) is not None and not known < len(way):
                raise ValueError(f"{other} is the same key")
        except ValueError as error:
            faults.append(f"{name}: {error}")
            continue
        places |= {_place(way[:n]): name for n in (*range(known + 1, len(way)), len(way))}
        raw = _with(raw, way, _value(environment[name]))
    return Overlay(raw, names, places, faults)


def mistaken(environment: Mapping[str, str]) -> list[str]:
    """The names of variables that may be meant as settings, and are none."""
    return sorted(filter(_MEANT.match, environment))


def _way(raw: Mapping[str, Any], steps: Sequence[str]) -> tuple[_Way, int]:
    """The way that a variable names, and how many of its steps are there already.

    Raises ``ValueError`` if there can be no such key.
    """
    if not all(steps) or len(steps) > MAX_STEPS:
        raise ValueError(f"write it as {PREFIX}TABLE__NAME__KEY")
    node: Any = raw
    way: list[str | int] = []
    known = 0
    for step in steps:
        if isinstance(node, list):
            way.append(_index(_place(way), node, step))
        elif isinstance(node, Mapping):
            way.append(_key(node, step))
        else:
            raise ValueError(f"{_place(way)} is no table, and has no keys")
        try:
            node = node[way[-1]]
            known += 1
        except KeyError:
            if way == ["route"]:
                raise ValueError("there is no [[route]] that it could change") from None
            node = {}
    return way, known


def _key(table: Mapping[str, Any], step: str) -> str:
    """The key that is meant, there or not yet."""
    found = [key for key in table if _folded(key) == _folded(step)]
    if len(found) > 1:
        raise ValueError(f"it may mean {' or '.join(map(repr, found))}; give one another name")
    return found[0] if found else step.lower()


def _folded(name: str) -> str:
    return name.replace("-", "_").casefold()


def _index(place: str, tables: Sequence[Any], step: str) -> int:
    """The place in a list; variables count from 1."""
    if step.isascii() and step.isdigit() and 1 <= int(step[:9]) <= len(tables):
        return int(step) - 1
    raise ValueError(
        f"{place} is a list of {len(tables)}; write a number from 1 in place of {step}"
    )


def _with(node: Any, way: _Way, value: object) -> Any:
    """A copy of a table or a list with a value at the end of a way; tables are made."""
    if not way:
        return value
    copy = node.copy()
    inner = node.get(way[0], {}) if isinstance(node, dict) else node[way[0]]
    copy[way[0]] = _with(inner, way[1:], value)
    return copy


def _value(text: str) -> object:
    """What would stand behind the ``=``; whatever TOML does not know is text."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    value = found["value"]
    return text if len(found) > 1 or isinstance(value, _TIMES) else value


def _place(way: _Way) -> str:
    """Where a fault says that it is: ``bridge.stage.listen``, ``route 1: from``."""
    if len(way) > 1 and way[0] == "route":
        rest = path_of(way[2:])
        return f"route {int(way[1]) + 1}" + (f": {rest}" if rest else "")
    return path_of(way)


def _begins(fault: str, place: str) -> bool:
    return fault.startswith(place) and fault[len(place) : len(place) + 1] in ("", " ", ".", ":")

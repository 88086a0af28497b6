"""Settings from the environment, laid over those of the file.

``OSCBRIDGE__BRIDGE__STAGE__LISTEN`` is the key ``listen`` of ``[bridge.stage]``: the path of a
key, in capitals, with two underscores between the steps. Its value is written as after the ``=``
in the file; text needs no quotes.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, path_text
from oscbridge.suggestions import suggest

__all__ = ["PREFIX", "Overlay", "is_out_of_range", "mistaken", "overlay", "value_of", "variable_of"]

PREFIX: Final = "OSCBRIDGE__"
"""The prefix of the names of these variables."""

MAX_VARIABLES: Final = 1_000
"""Variables that are used, at most."""

MAX_STEPS: Final = 8
"""Steps of the path of a key, at most."""

_TOKEN_STEPS: Final = 3
"""Steps of the path of a token's key: ``TOKEN__NAME__KEY``."""

_MEANT: Final = re.compile(
    r"OSCBRIDGE_(?:BRIDGE|ENDPOINT|ROUTE|TOKEN|HTTP|RUN|VARIABLES)_", re.IGNORECASE
)
"""Prefixes of names of variables that have too few underscores."""

_TIMES: Final = (datetime.date, datetime.time)
"""Types of TOML that no key takes: such a value was meant as text."""


class Overlay(NamedTuple):
    """A configuration with the settings of the environment."""

    raw: Mapping[str, Any]
    """The tables, as TOML gives them. Those of the file are not modified."""
    variables: Sequence[str]
    """The names of the variables that were used."""
    places: Mapping[KeyPath, str]
    """The variable of each key that it sets, and of each table that it creates, by path."""
    problems: Sequence[str]
    """Problems with the names of variables, each one line."""

    def explain(self, problem: ConfigProblem) -> str:
        """A problem as text, with the variable that caused it, if one did."""
        variable = self._variable_of(problem.path)
        fix = ""
        if problem.renamed_to and variable is None:
            action = "renames" if problem.renamed_to[:-1] == problem.path[:-1] else "moves"
            fix = f"; 'oscbridge check --fix' {action} it in the file"
        elif problem.renamed_to and problem.path in self.places:
            fix = f"; set {variable_of(problem.renamed_to)} instead"
        return f"{problem}{fix}" + (f" (from {variable})" if variable is not None else "")

    def _variable_of(self, path: KeyPath) -> str | None:
        """The variable that set the key at ``path``, or the innermost table around it."""
        outer = (path[:length] for length in range(len(path), 0, -1))
        return next((self.places[each] for each in outer if each in self.places), None)


def overlay(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Overlay:
    """Lay the variables of an environment over the tables of a file.

    Names are matched without regard to case, and ``_`` stands for ``-`` too, which the name of a
    variable cannot contain. A missing table is created, in lower case. Tables in a list, e.g.
    ``[[route]]``, have the name under their key ``name``, or their number, which counts from 1; of
    them only a ``[[token]]`` is created. An empty variable counts as not set.
    """
    names = sorted(each for each, text in environment.items() if each.startswith(PREFIX) and text)
    if len(names) > MAX_VARIABLES:
        problem = f"{len(names)} variables begin with {PREFIX}; at most {MAX_VARIABLES} are allowed"
        return Overlay(raw, (), {}, (problem,))
    problems: list[str] = []
    places: dict[KeyPath, str] = {}
    for name in names:
        steps = name.removeprefix(PREFIX).split("__")
        try:
            if (tokens := _with_token(raw, steps)) is not None:
                raw = tokens
                places["token", len(raw["token"]) - 1] = name
            path, known = _find_path(raw, steps)
            if (other := places.get(path)) is not None and not known < len(path):
                raise ValueError(f"{other} sets the same key")
        except ValueError as error:
            problems.append(f"{name}: {error}")
            continue
        places |= {path[:n]: name for n in (*range(known + 1, len(path)), len(path))}
        raw = _with(raw, path, value_of(environment[name]))
    return Overlay(raw, names, places, problems)


def _with_token(raw: Mapping[str, Any], steps: Sequence[str]) -> Mapping[str, Any] | None:
    """The tables with another ``[[token]]``, if a variable sets a key of one that is missing."""
    if len(steps) != _TOKEN_STEPS or _folded(steps[0]) != "token" or steps[1].isdigit():
        return None
    tokens = raw.get("token", [])
    if not isinstance(tokens, list) or not all(steps):
        return None
    names = [each.get("name") for each in tokens if isinstance(each, Mapping)]
    if any(isinstance(name, str) and _folded(name) == _folded(steps[1]) for name in names):
        return None
    return {**raw, "token": [*tokens, {"name": steps[1].lower()}]}


def variable_of(path: KeyPath) -> str:
    """The name of the variable that sets the key at a path."""
    steps = (str(step + 1) if isinstance(step, int) else step.upper() for step in path)
    return PREFIX + "__".join(step.replace("-", "_") for step in steps)


def mistaken(environment: Mapping[str, str]) -> list[str]:
    """The names of variables that may be meant as settings but lack the prefix."""
    return sorted(filter(_MEANT.match, environment))


def _find_path(raw: Mapping[str, Any], steps: Sequence[str]) -> tuple[KeyPath, int]:
    """The path that a variable names, and the number of its steps that exist already.

    Raises ``ValueError`` if there can be no such key.
    """
    if not all(steps) or len(steps) > MAX_STEPS:
        raise ValueError(f"expected {PREFIX}TABLE__NAME__KEY")
    node: Any = raw
    path: KeyPath = ()
    known = 0
    for step in steps:
        if isinstance(node, list):
            path += (_index(path_text(path), node, step),)
        elif isinstance(node, Mapping):
            path += (_key(node, step),)
        else:
            raise ValueError(f"{path_text(path)} is not a table and has no keys")
        try:
            node = node[path[-1]]
            known += 1
        except KeyError:
            if path == ("route",):
                raise ValueError("the file has no [[route]] that it could change") from None
            if path == ("token",) and len(steps) > 1:
                fix = f"to add one, set {PREFIX}TOKEN__NAME__SECRET"
                text = f"the file has no [[token]] that it could change; {fix}"
                raise ValueError(text) from None
            node = {}
    return path, known


def _key(table: Mapping[str, Any], step: str) -> str:
    """The key that a step names: an existing one, or a new one in lower case."""
    found = [key for key in table if _folded(key) == _folded(step)]
    if len(found) > 1:
        raise ValueError(f"ambiguous: {' or '.join(map(repr, found))}; rename one of them")
    return found[0] if found else step.lower()


def _folded(name: str) -> str:
    return name.replace("-", "_").casefold()


def _index(place: str, tables: Sequence[Any], step: str) -> int:
    """The position in a list, from 0, of the table with a name, or with a number from 1."""
    if step.isascii() and step.isdigit() and 1 <= int(step[:9]) <= len(tables):
        return int(step) - 1
    names = {i: str(each.get("name", "")) for i, each in enumerate(tables) if type(each) is dict}
    found = [index for index, name in names.items() if _folded(name) == _folded(step)]
    known = sorted(filter(None, names.values()))
    if len(found) > 1:
        text = " or ".join(repr(names[index]) for index in found)
        raise ValueError(f"ambiguous: {text}; rename one of them")
    if found:
        return found[0]
    if known and not step.isdigit():
        hint = suggest(step.lower(), known)
        raise ValueError(f"no {place} has the name {step.lower()!r}; {hint}")
    raise ValueError(f"{place} is a list of {len(tables)}; write a number from 1 instead of {step}")


def _with(node: Any, path: KeyPath, value: object) -> Any:
    """A copy of a table or a list with ``value`` at ``path``; missing tables are created."""
    if not path:
        return value
    copy = node.copy()
    inner = node.get(path[0], {}) if isinstance(node, dict) else node[path[0]]
    copy[path[0]] = _with(inner, path[1:], value)
    return copy


def value_of(text: str) -> object:
    """The value of a text: parsed as TOML, or the text itself where it is not TOML."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, or an integer of thousands of digits
        return text
    value = found["value"]
    if len(found) > 1 or isinstance(value, _TIMES) or is_out_of_range(value):
        return text
    return value


def is_out_of_range(value: object) -> bool:
    """Whether a value is an integer that TOML does not have (TOML 1.0, section "Integer")."""
    return isinstance(value, int) and not -(1 << 63) <= value < 1 << 63

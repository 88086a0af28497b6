"""The variables of the process, which expressions read as ``var.NAME``."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from oscbridge.expressions.expression import checked_value, shown
from oscbridge.expressions.kinds import DESCRIPTIONS, Kind, kind_of

__all__ = ["FIXES", "MAX_TEXT", "MAX_VARIABLES", "Value", "Variable", "Variables", "value_problem"]

MAX_VARIABLES: Final = 1_000
"""Variables of a configuration."""

MAX_TEXT: Final = 1_000
"""Characters of a text in a variable."""

MAX_SHOWN: Final = 60
"""Characters of a value that a problem shows."""

_WHOLE: Final = re.compile(r"[+-]?[0-9_]+")

Value: TypeAlias = bool | int | float | str

FIXES: Final[Mapping[Kind, str]] = {
    "bool": "write a comparison, e.g. x > 0",
    "number": "convert it with int() or float()",
    "text": "convert it with str()",
}
"""How to make a value of a kind in an expression."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the configuration."""

    value: Value
    """The initial value. A variable keeps its kind: true or false, a number, or text."""
    persist: bool = False
    """Whether the value survives the end of the process."""

    @property
    def kind(self) -> Kind:
        kind = kind_of(self.value)
        assert kind is not None, self.value
        return kind


class Variables:
    """The values of all variables. Any thread may use them.

    Hold :attr:`lock` to evaluate expressions that read them, and to assign the results
    from them: so no thread sees half of the assignments of another, and no update is lost.
    """

    def __init__(self, declared: Mapping[str, Variable] | None = None) -> None:
        self.lock = threading.Lock()
        self.values: dict[str, Value] = {}
        """The current values by name; always the same dictionary. Under the lock."""
        self.changes = 0
        """Number of changes of variables that persist."""
        self._declared: dict[str, Variable] = {}
        self.add(declared or {})

    def add(self, declared: Mapping[str, Variable]) -> None:
        """Declare more variables; those that exist stay as they are."""
        with self.lock:
            for name, variable in declared.items():
                if name not in self._declared:
                    self._declared[name] = variable
                    self.values[name] = variable.value

    def declare(self, declared: Mapping[str, Variable]) -> None:
        """Declare all variables. Those whose kind stays keep their values; others are removed."""
        with self.lock:
            old, before = self._declared, dict(self.values)
            self._declared = dict(declared)
            for name in [name for name in self.values if name not in declared]:
                del self.values[name]
            for name, variable in declared.items():
                is_kept = name in old and old[name].kind == variable.kind
                self.values[name] = before[name] if is_kept else variable.value
            self.changes += 1

    def checked(self, name: str, value: Any) -> Value:
        """A value for this variable. Raises ``ValueError`` for one of another kind."""
        variable = self._declared.get(name)
        if variable is None:
            raise ValueError(f"unknown variable {name!r}; add it to [variables]")
        if problem := value_problem(value, variable.kind):
            fix = "" if kind_of(value) == variable.kind else f"; {FIXES[variable.kind]}"
            raise ValueError(f"var.{name} {problem}{fix}")
        return cast(Value, value)

    def assign(self, values: Mapping[str, Value]) -> None:
        """Assign checked values. The caller holds the lock."""
        for name, value in values.items():
            if self._declared[name].persist and self.values[name] != value:
                self.changes += 1
            self.values[name] = value

    def set(self, name: str, value: Any, text: str | None = None) -> Value:
        """Assign a value from outside of routes; a variable of text gets ``text`` if given.

        Raises ``ValueError`` for a value of another kind, and ``KeyError`` for an unknown name.
        """
        with self.lock:
            kind = self._declared[name].kind
            new = text if kind == "text" and text is not None else value
            if kind == "number" and isinstance(new, str) and _WHOLE.fullmatch(new):
                raise ValueError(f"must fit 64 bits, not {new[:MAX_SHOWN]}")  # as TOML has it
            if problem := value_problem(new, kind):
                raise ValueError(problem)
            self.assign({name: cast(Value, new)})
            return cast(Value, new)

    def snapshot(self) -> dict[str, Value]:
        """All current values by name."""
        with self.lock:
            return {name: self.values[name] for name in self._declared}

    def restore(self, values: Mapping[str, object]) -> list[str]:
        """Give variables that persist the values of an earlier run.

        Returns which values are ignored and why.
        """
        ignored = []
        with self.lock:
            for name, value in values.items():
                variable = self._declared.get(name)
                if variable is None:
                    ignored.append(f"{name}: no such variable")
                elif not variable.persist:
                    ignored.append(f"{name}: the variable does not persist")
                elif problem := value_problem(value, variable.kind):
                    ignored.append(f"{name}: {problem}")
                else:
                    self.values[name] = cast(Value, value)
        return ignored

    def persistent(self) -> dict[str, Value]:
        """The current values of the variables that persist."""
        with self.lock:
            return {
                name: self.values[name] for name, each in self._declared.items() if each.persist
            }


def value_problem(value: Any, kind: Kind | None = None) -> str:
    """Why a variable, of this kind if it is given, cannot have a value; empty if it can."""
    found = kind_of(value)
    if found is None or found != (kind or found):
        expected = "true, false, a number or text" if kind is None else DESCRIPTIONS[kind]
        return f"must be {expected}, not {shown(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, not {value}"
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"must have at most {MAX_TEXT} characters, not {len(value)}"
    try:
        checked_value(value)
    except ValueError:
        return "must fit 64 bits"
    return ""

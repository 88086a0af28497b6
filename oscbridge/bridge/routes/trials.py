"""Tries expressions of a route with values: which fail for all messages, which never change."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Final

from oscbridge.bridge.routes.variables import Variable
from oscbridge.expressions.expression import Args, Bound, Context, Expression, Let
from oscbridge.expressions.kinds import Kind, kind_of
from oscbridge.expressions.parts import COUNT, compares_kinds, conditions, inputs_of
from oscbridge.expressions.syntax import ARGUMENTS
from oscbridge.osc import Argument
from oscbridge.osc.arguments import split_types

__all__ = ["SAMPLES", "Trials"]

SAMPLES: Final[dict[str, tuple[Argument, ...]]] = {
    "i": (0, 1), "h": (0, 1), "f": (0.0, 0.5), "d": (0.0, 0.5), "s": ("", "1"), "S": ("", "1"),
    "T": (True,), "F": (False,), "N": (None,), "b": (b"", b"1"),
}  # fmt: skip
"""Values of each type with which expressions are tried."""

MAX_TRIALS: Final = 2_048
"""Trials of one expression; nothing is certain about one that needs more."""

_OF_ANY_TYPE: Final[tuple[Argument, ...]] = (1, 0.5, "1", True, None, b"1", [1], [[1]])
_CAPTURES: Final = ("0", "a")
_VARIABLES: Final[Mapping[Kind, tuple[bool | float | str, ...]]] = {
    "bool": (True, False),
    "number": (0, 0.5),
    "text": ("", "1"),
}


@dataclass(frozen=True)
class Trials:
    """The messages of a route with which its expressions are tried."""

    types: str | None = None
    """The route's ``types``; None for messages of any."""
    let: tuple[tuple[str, Expression], ...] = ()
    """The valid ones, in order, with their names."""
    variables: Mapping[str, Variable | None] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """For which messages a problem is found."""
        return "for all messages" if self.types is None else f"with types = {self.types!r}"

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of names that are certain."""
        names: dict[str, Kind] = {"address": "text", "types": "text", "now": "number"}
        for name, each in self.variables.items():
            if each is not None:
                names[f"var.{name}"] = each.kind
        for name, tag in zip(ARGUMENTS, split_types(self.types or ""), strict=False):
            if tag in SAMPLES and (kind := kind_of(SAMPLES[tag][0])) is not None:
                names[name] = kind
        return names

    def failure(self, expression: Expression) -> str:
        """Why an expression fails for all messages; empty if that is not certain."""
        why = ""
        for call, args, let in self._calls(expression):
            try:
                call(args, let)
            except IndexError:
                used = [ARGUMENTS[name] for name in expression.names if name in ARGUMENTS]
                if self.types is None or max(used, default=0) < len(args):
                    return ""  # another value may be a valid index
                why = f"messages have {len(args)} argument{'' if len(args) == 1 else 's'}"
            except TypeError as error:
                why = str(error)
            except Exception:
                return ""
            else:
                return ""
        return why

    def part_failure(self, condition: Expression) -> str:
        """The same for the conditions that a condition consists of."""
        for node in conditions(condition.tree):
            if node is condition.tree:
                continue
            part = Expression(ast.unparse(node), condition.scope)
            if why := self.failure(part):
                return f"{part.text} always fails: {why}"
        return ""

    def check_condition(self, condition: Expression) -> None:
        """Raise ``ValueError`` if a condition, or one in it, has one value for all messages."""
        condition.check_condition()
        if why := self._constant(condition):
            raise ValueError(f"{why} {self.suffix}")

    def _constant(self, condition: Expression) -> str:
        kinds = self.kinds
        for node in conditions(condition.tree):
            part = ast.unparse(node)
            if always := compares_kinds(node, kinds):
                return f"{part} is always {always}"
            inputs = inputs_of(node)
            if inputs and inputs <= self._fixed():
                expression = Expression(part, condition.scope)
                for call, args, let in self._calls(expression):
                    try:
                        return f"{part} is always {str(bool(call(args, let))).lower()}"
                    except Exception:
                        break
        return ""

    def _fixed(self) -> frozenset[str]:
        """The names that have one value for all messages."""
        fixed = frozenset[str]() if self.types is None else frozenset((COUNT, "types"))
        tags = split_types(self.types or "")
        fixed |= {name for name, tag in zip(ARGUMENTS, tags, strict=False) if tag in "TFN"}
        for name, expression in self.let:
            if inputs_of(expression.tree) <= fixed:
                fixed |= {name}
        return fixed

    def _calls(self, expression: Expression) -> Iterator[tuple[Bound, Args, Let]]:
        """The expression, bound, with the arguments and the values of ``let`` of each trial."""
        uses_let = any(name in expression.scope.let for name in expression.names)
        let = self.let[: len(expression.scope.let)] if uses_let else ()
        names = {name for each in (*(each for _, each in let), expression) for name in each.names}
        captures = [name for name in expression.scope.captures if name in names]
        variables = [name for name in names if name.startswith("var.")]
        kinds = self.kinds
        is_known = not uses_let or tuple(name for name, _ in let) == expression.scope.let
        if not is_known or any(name not in kinds for name in variables):
            return  # one of them is invalid
        samples = [
            *(_CAPTURES for _ in captures),
            *(_VARIABLES[kinds[name]] for name in variables),
            *self._arguments(names),
        ]
        if prod(map(len, samples)) > MAX_TRIALS:
            return
        unused = dict.fromkeys(expression.scope.captures, "0")
        for values in product(*samples):
            texts = unused | dict(zip(captures, map(str, values), strict=False))
            rest = values[len(captures) :]
            known = dict(zip((name[4:] for name in variables), rest, strict=False))
            context = Context("/", self.types or "", texts, known)
            args = rest[len(variables) :]
            try:
                made = _values_of(let, context, args)
            except Exception:
                continue  # let drops such messages
            yield expression.bind(context), args, made

    def _arguments(self, names: Collection[str]) -> list[tuple[Argument, ...]]:
        if self.types is None:
            used = [index + 1 for name, index in ARGUMENTS.items() if name in names]
            return [_OF_ANY_TYPE] * (len(ARGUMENTS) if "args" in names else max(used, default=0))
        tags = split_types(self.types)
        return [SAMPLES.get(tag, ()) for tag in tags]  # a tag without a sample is not tried


def _values_of(let: Sequence[tuple[str, Expression]], context: Context, args: Args) -> Let:
    made: Let = ()
    for _, expression in let:
        made = (*made, expression.bind(context)(args, made))
    return made

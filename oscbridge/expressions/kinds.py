"""The kinds of values: true or false, numbers, and text. Of an expression, where it is certain."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from oscbridge.expressions.functions import NUMERIC

__all__ = ["DESCRIPTIONS", "Kind", "kind_of", "kind_of_tree"]

Kind: TypeAlias = Literal["bool", "number", "text"]

DESCRIPTIONS: Final[Mapping[Kind, str]] = {
    "bool": "true or false",
    "number": "a number",
    "text": "text",
}


def kind_of(value: object) -> Kind | None:
    """The kind of a value; None for a value of another type, e.g. a list."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def kind_of_tree(node: ast.expr, names: Mapping[str, Kind]) -> Kind | None:
    """The kind of all values of an expression; None if it is not certain.

    ``names`` are the kinds of names, with ``var.NAME`` for a variable.
    """
    match node:
        case ast.Constant():
            return kind_of(node.value)
        case ast.Name(id=name):
            return names.get(name)
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return names.get(f"{owner}.{name}")
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp():
            return "number"
        case ast.BoolOp():
            return _common(kind_of_tree(each, names) for each in node.values)
        case ast.IfExp():
            return _common(kind_of_tree(each, names) for each in (node.body, node.orelse))
        case ast.BinOp():
            return _kind_of_operation(node, names)
        case ast.Call(func=ast.Name(id=name)):
            return _kind_of_call(name, [kind_of_tree(each, names) for each in node.args])
    return None


def _kind_of_operation(node: ast.BinOp, names: Mapping[str, Kind]) -> Kind | None:
    sides = {kind_of_tree(node.left, names), kind_of_tree(node.right, names)}
    match node.op:
        case ast.BitAnd() | ast.BitOr() | ast.BitXor():
            return None if sides != {"number"} else "number"
        case ast.Add():
            return "number" if sides & {"number", "bool"} else "text" if "text" in sides else None
        case ast.Mult():
            return "number" if sides <= {"number", "bool"} else "text" if "text" in sides else None
    return "number"


def _kind_of_call(name: str, arguments: list[Kind | None]) -> Kind | None:
    if name in ("str", "lower", "upper"):
        return "text"
    if name in ("min", "max", "clamp"):
        return _common(arguments) if len(arguments) > 1 else None
    return "number" if name in NUMERIC else None


def _common(kinds: Iterable[Kind | None]) -> Kind | None:
    found = set(kinds)
    return found.pop() if len(found) == 1 else None

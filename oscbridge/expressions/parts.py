"""Parts of the tree of an expression: its names, its conditions, and what never changes in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from oscbridge.expressions.functions import FUNCTIONS
from oscbridge.expressions.generator import VARIABLES
from oscbridge.expressions.kinds import Kind, kind_of_tree

__all__ = ["COUNT", "compares_kinds", "conditions", "constant_operations", "inputs_of", "names_in"]

COUNT: Final = "len(args)"
"""The name of the number of arguments in :func:`inputs_of`."""


def names_in(tree: ast.AST) -> Iterator[str]:
    """The names in a tree, in order, with ``var.NAME`` for variables, without functions."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)]
    for node in sorted(found, key=lambda node: node.col_offset):
        if isinstance(node, ast.Attribute):
            yield f"{VARIABLES}.{node.attr}"
        elif node.id != VARIABLES and node.id not in FUNCTIONS:
            yield node.id


def conditions(node: ast.expr) -> Iterator[ast.expr]:
    """A condition, and the conditions that it joins by ``and``, ``or`` and ``not``."""
    yield node
    match node:
        case ast.BoolOp():
            for value in node.values:
                yield from conditions(value)
        case ast.UnaryOp(op=ast.Not()):
            yield from conditions(node.operand)


def constant_operations(node: ast.AST) -> Iterator[ast.expr]:
    """The largest parts without names that compute something."""
    is_value = isinstance(node, ast.expr) and not isinstance(node, ast.Slice)
    if isinstance(node, ast.expr) and is_value and not any(names_in(node)):
        if not isinstance(node, ast.Constant | ast.Name):
            yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from constant_operations(child)


def inputs_of(node: ast.AST) -> frozenset[str]:
    """The names that a value depends on, with ``len(args)`` where only the count matters."""
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id="args")]):
            return frozenset((COUNT,))
        case ast.Attribute() | ast.Name():
            return frozenset(names_in(node))
    return frozenset().union(*map(inputs_of, ast.iter_child_nodes(node)))


def compares_kinds(node: ast.expr, names: Mapping[str, Kind]) -> str:
    """``true`` or ``false`` if ``==`` or ``!=`` compares a text with something else."""
    match node:
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() as operator], comparators=[right]):
            kinds = {kind_of_tree(node.left, names), kind_of_tree(right, names)}
            if len(kinds) == 2 and "text" in kinds and None not in kinds:
                return "true" if isinstance(operator, ast.NotEq) else "false"
    return ""

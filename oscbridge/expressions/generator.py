"""Generates the code of an expression: a checked tree becomes a function of Python."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Sequence
from copy import deepcopy
from types import CodeType
from typing import Final

from oscbridge.expressions.functions import NUMERIC
from oscbridge.expressions.syntax import ARGUMENTS

__all__ = ["NOW", "VARIABLES", "generate"]

NOW: Final = "_now"
"""The function that code calls for ``now``."""

VARIABLES: Final = "var"

_BOUNDED: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Mult: "multiply",
    ast.Mod: "modulo",
    ast.Pow: "power",
    ast.LShift: "shift_left",
}
_LOAD: Final = ast.Load()


def generate(tree: ast.expr, captures: Sequence[str], let: Sequence[str]) -> CodeType:
    """Code of a function that takes the address, the type tags, the variables and the captures.

    It returns a function of the arguments and of the values of ``let``, which does the work:
    a value that is the same for all messages to an address is a local variable there.
    """
    body = _Generator(captures, let).visit(deepcopy(tree))  # it changes the tree
    inner = ast.Lambda(_parameters("args", "let"), body)
    names = ("address", "types", VARIABLES, *(_capture(name) for name in captures))
    outer = ast.Expression(ast.Lambda(_parameters(*names), inner))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about mistakes that fail when it is called, e.g. 5[1:]
        return compile(ast.fix_missing_locations(outer), "<expression>", "eval")


def _parameters(*names: str) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def _capture(name: str) -> str:
    return f"capture_{name}"


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(f"_{name}", _LOAD), list(arguments), [])


def _item(name: str, index: int) -> ast.Subscript:
    return ast.Subscript(ast.Name(name, _LOAD), ast.Constant(index), _LOAD)


def _is_number(node: ast.expr) -> bool:
    """Whether the value is certainly a number, if it has one."""
    match node:
        case ast.Constant():
            return isinstance(node.value, int | float)
        case ast.UnaryOp() | ast.Compare():
            return True
        case ast.BinOp(op=ast.Add() | ast.Mult()):
            return _is_number(node.left) and _is_number(node.right)
        case ast.BinOp(op=ast.Mod()):
            return _is_number(node.left)
        case ast.BinOp():  # - / // ** << >> & | ^ are defined for numbers only
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in NUMERIC
        case ast.IfExp():
            return _is_number(node.body) and _is_number(node.orelse)
    return False


class _Generator(ast.NodeTransformer):
    def __init__(self, captures: Collection[str], let: Sequence[str]) -> None:
        self._captures = frozenset(captures)
        self._let = {name: index for index, name in enumerate(let)}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ARGUMENTS:
            return _item("args", ARGUMENTS[node.id])
        if node.id in self._let:
            return _item("let", self._let[node.id])
        if node.id in self._captures:
            return ast.Name(_capture(node.id), _LOAD)
        return _call(NOW[1:]) if node.id == "now" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if (name := f"{VARIABLES}.{node.attr}") in self._let:
            return _item("let", self._let[name])
        return ast.Subscript(ast.Name(VARIABLES, _LOAD), ast.Constant(node.attr), _LOAD)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Call(node.func, [self.visit(each) for each in node.args], [])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        index = self.visit(node.slice)
        if isinstance(node.slice, ast.Slice) or (
            isinstance(node.value, ast.Name) and node.value.id == "args"
        ):
            return ast.Subscript(self.visit(node.value), index, _LOAD)
        return _call("item", self.visit(node.value), index)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = [_listed(each, self.visit(each)) for each in (node.left, *node.comparators)]
        return ast.Compare(sides[0], node.ops, sides[1:])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        operator = _BOUNDED.get(type(node.op))
        left, right = self.visit(node.left), self.visit(node.right)
        if operator is None or _is_safe(node):
            return ast.BinOp(left, node.op, right)
        return _call(operator, left, right)


def _listed(node: ast.expr, made: ast.expr) -> ast.expr:
    """A side of a comparison: ``args`` and its slices are tuples, arrays in it are lists."""
    if isinstance(made, ast.Tuple):
        return ast.List(made.elts, _LOAD)
    match node:
        case ast.Name(id="args") | ast.Subscript(value=ast.Name(id="args"), slice=ast.Slice()):
            return ast.List([ast.Starred(made, _LOAD)], _LOAD)
    return made


def _is_safe(node: ast.BinOp) -> bool:
    """Whether no text or list can meet the operator, and no number grows much."""
    match node.op:
        case ast.Add():  # a number and a text cannot be added
            return _is_number(node.left) or _is_number(node.right)
        case ast.Mult():
            return (_is_number(node.left) and _is_number(node.right)) or _is_float(node)
        case ast.Mod():
            return _is_number(node.left)
    return False


def _is_float(node: ast.BinOp) -> bool:
    """Whether one side is a float constant: it cannot repeat a text."""
    return any(
        isinstance(side, ast.Constant) and isinstance(side.value, float)
        for side in (node.left, node.right)
    )

"""Reads the text of an expression: what of Python's syntax it may use, and its bounds."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Collection
from typing import Final, NoReturn

from oscbridge.errors import ExpressionError
from oscbridge.expressions.functions import FUNCTIONS
from oscbridge.suggestions import did_you_mean, suggest

__all__ = ["ARGUMENTS", "MAX_DEPTH", "MAX_LENGTH", "NAMES", "column_of", "parse"]

MAX_LENGTH: Final = 1_000
"""Characters of an expression."""

MAX_DEPTH: Final = 50
"""Levels of operations within operations."""

ARGUMENTS: Final = {"x": 0, "y": 1, "z": 2}
"""The names of the first arguments of the message, with their indices."""

NAMES: Final = (*ARGUMENTS, "args", "address", "types", "now", "var")
"""The names that every expression knows."""

_SYNTAX: Final = (
    ast.Subscript,
    ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.List, ast.Load, ast.Slice, ast.Tuple,
    ast.UnaryOp, ast.operator, ast.boolop, ast.cmpop, ast.unaryop,
)  # fmt: skip
_CONSTANTS: Final = {
    "true": "True",
    "false": "False",
    "null": "None",
    "nil": "None",
    "none": "None",
}
"""Values as TOML, JSON and messages write them, and as Python does."""

_NOT_AVAILABLE: Final[dict[type[ast.AST], str]] = {
    ast.JoinedStr: "f-strings are",
    ast.Lambda: "lambda is",
    ast.ListComp: "comprehensions are",
    ast.SetComp: "comprehensions are",
    ast.DictComp: "comprehensions are",
    ast.GeneratorExp: "comprehensions are",
    ast.NamedExpr: "':=' is",
    ast.Starred: "'*' before a value is",
    ast.MatMult: "'@' is",
    ast.Yield: "yield is",
    ast.YieldFrom: "yield is",
    ast.Await: "await is",
    ast.Dict: "dictionaries are",
    ast.Set: "sets are",
}

_TURNED: Final = re.compile("=[<>]")
_CAPITALS: Final = re.compile(r"\b(AND|OR|NOT|IF|ELSE|IN|And|Or|Not|If|Else|In)\b")
"""Operators as other languages write them."""

_TYPE: Final = re.compile(r":\s*(\w+)\s*$")
"""What looks like the type of a result."""


def parse(expression: str, names: Collection[str], variables: Collection[str]) -> ast.expr:
    """The tree of an expression that uses known names only.

    ``names`` are those of captures and ``let``. Raises :class:`~oscbridge.errors.ExpressionError`.
    """
    if len(expression) > MAX_LENGTH:
        raise ExpressionError(f"{expression[:40]}…", 1, f"longer than {MAX_LENGTH} characters")
    text = _one_line(expression)
    indent = len(text) - len(text.lstrip())
    if indent == len(text):
        raise ExpressionError(expression, 1, "empty expression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about style, e.g. of `x is 1`
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        if not error.offset:  # Python gives no position for a missing end
            raise ExpressionError(expression, len(text.rstrip()), "unexpected end") from None
        column = min(error.offset + indent, len(expression))
        raise ExpressionError(expression, column, _syntax_problem(text, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:  # e.g. NUL, too many parentheses
        raise ExpressionError(expression, 1, f"cannot be read: {error}") from None
    _Checker(expression, names, variables).check(tree)
    return tree


def column_of(node: ast.AST, expression: str) -> int:
    """Where a part of an expression begins, counted from 1."""
    text = _one_line(expression)
    before = text.strip().encode()[: getattr(node, "col_offset", 0)]
    return len(text) - len(text.lstrip()) + len(before.decode(errors="ignore")) + 1


def _one_line(expression: str) -> str:
    """The same with spaces for line breaks and indents, as a TOML text may have them."""
    return "".join(" " if character.isspace() else character for character in expression)


def _syntax_problem(text: str, error: SyntaxError) -> str:
    message = str(error.msg).partition(". ")[0]
    if "=" in text and ("cannot assign" in message or "invalid syntax" in message):
        rest = text
        for comparison in ("==", "!=", "<=", ">="):
            rest = rest.replace(comparison, "")
        if wrong := _TURNED.search(rest):
            return f"{message}; write {wrong[0][::-1]} for {wrong[0]}"
        if "=" in rest:
            return f"{message}; write == to compare"
    if word := _CAPITALS.search(text):
        return f"{message}; write {word[0].lower()!r} for {word[0]}"
    if "&&" in text or "||" in text:
        return f"{message}; write 'and' and 'or' for && and ||"
    if text.lstrip().startswith("!"):
        return f"{message}; write 'not' for !"
    if (ending := _TYPE.search(text)) and ending[1] not in tuple("ihfds"):
        return f"{message}; a type is one of i, h, f, d and s, not {ending[1]!r}"
    return message


class _Checker:
    """Checks a tree node by node. Raises :class:`~oscbridge.errors.ExpressionError`."""

    def __init__(self, expression: str, names: Collection[str], variables: Collection[str]) -> None:
        self._expression = expression
        self._names = [*NAMES, *names]
        self._variables = variables

    def _error(self, node: ast.AST, cause: str, fix: str = "") -> NoReturn:
        raise ExpressionError(self._expression, column_of(node, self._expression), cause, fix)

    def check(self, node: ast.AST, depth: int = 1, parent: ast.AST | None = None) -> None:
        if depth > MAX_DEPTH:
            place = node if hasattr(node, "col_offset") else parent or node
            self._error(place, f"more than {MAX_DEPTH} levels of operations")
        match node:
            case ast.Constant():
                self._check_constant(node)
            case ast.Is() | ast.IsNot():
                self._error(parent or node, "'is' is not available in expressions; write ==")
            case ast.Name():
                self._check_name(node)
            case ast.Attribute():
                self._check_attribute(node)
            case ast.Call():
                self._check_call(node, depth)
            case _ if isinstance(node, _SYNTAX) and not isinstance(node, ast.MatMult):
                for child in ast.iter_child_nodes(node):
                    self.check(child, depth + 1, node)
            case _:
                what = _NOT_AVAILABLE.get(type(node), f"{type(node).__name__} is")
                self._error(node, f"{what} not available in expressions")

    def _check_constant(self, node: ast.Constant) -> None:
        value = node.value
        if not isinstance(value, bool | int | float | str | None):
            self._error(node, f"a value of type {type(value).__name__} is not available")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
            self._error(node, "the number does not fit 64 bits")

    def _check_name(self, node: ast.Name) -> None:
        if node.id == "var":
            self._error(node, "write var.NAME for a variable")
        if node.id in FUNCTIONS and node.id not in self._names:
            self._error(node, f"{node.id!r} is a function; write {node.id}(…)")
        if node.id not in self._names:
            self._error(node, f"unknown name {node.id!r}", self._fix_of_name(node.id))

    def _fix_of_name(self, name: str) -> str:
        if name in self._variables:
            return f"write var.{name} for the variable"
        if name in _CONSTANTS:
            return f"write {_CONSTANTS[name]}"
        if nearest := did_you_mean(name, [*self._names, *FUNCTIONS]):
            return nearest
        return f"available: {', '.join(self._names)}; text needs quotes: '{name}'"

    def _check_attribute(self, node: ast.Attribute) -> None:
        if not (isinstance(node.value, ast.Name) and node.value.id == "var"):
            self._error(node, f"unexpected '.{node.attr}'; only var.NAME has a point")
        if node.attr not in self._variables:
            fix = did_you_mean(node.attr, self._variables) or "add it to [variables]"
            self._error(node, f"unknown variable {node.attr!r}", fix)

    def _check_call(self, node: ast.Call, depth: int) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name is None:
            self._error(node, "only functions can be called, by their names")
        if name not in FUNCTIONS:
            self._error(node, f"unknown function {name!r}", suggest(name, FUNCTIONS))
        if node.keywords:
            self._error(node, "arguments with names are not available")
        problem = _arity_problem(name, len(node.args))
        if problem:
            self._error(node, problem)
        for argument in node.args:
            self.check(argument, depth + 1)


def _arity_problem(name: str, count: int) -> str:
    """Why a function cannot be called with so many arguments; empty if it can."""
    try:
        signature = inspect.signature(FUNCTIONS[name])
    except ValueError:  # math.log has none
        return "" if 1 <= count <= 2 else f"{name}() takes 1 or 2 arguments, not {count}"
    try:
        signature.bind(*range(count))
    except TypeError as error:
        return f"{name}(): {error}"
    return "" if count else f"{name}() takes at least 1 argument"

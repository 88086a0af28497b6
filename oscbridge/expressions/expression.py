"""Expressions of routes: compiled once, bound to an address, then called for each message."""

from __future__ import annotations

import ast
import reprlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from keyword import iskeyword
from types import CodeType
from typing import Any, Final, TypeAlias, cast

from oscbridge.errors import ExpressionError, MessageDropped
from oscbridge.expressions.functions import FUNCTIONS, MAX_TEXT, OPERATORS, has_at_most
from oscbridge.expressions.generator import NOW, VARIABLES, generate
from oscbridge.expressions.kinds import Kind, kind_of_tree
from oscbridge.expressions.parts import conditions, constant_operations, names_in
from oscbridge.expressions.syntax import ARGUMENTS, NAMES, column_of, parse
from oscbridge.osc import Argument

__all__ = [
    "CLOCK",
    "Args",
    "Bound",
    "Context",
    "Expression",
    "Let",
    "Scope",
    "capture_value",
    "checked_value",
    "shown",
]

Args: TypeAlias = tuple[Argument, ...]
Let: TypeAlias = tuple[Any, ...]
"""The values of ``let``, in the order of the scope."""
Bound: TypeAlias = Callable[[Args, Let], Any]
"""An expression for messages to one address: from the arguments and the values of ``let``.

It raises ``IndexError`` for a missing argument of the message, and other exceptions if it fails.
"""

MAX_SHOWN: Final = 40
"""Characters of each value in the text about a failure."""

MAX_LIST_SHOWN: Final = 120
"""Characters of a list there."""

MAX_COMPILED: Final = 1_000
"""Compiled expressions that are kept for the next use."""

_FIX: Final = "use a name, e.g. x, or remove it"

_NAMESPACE: Final[Mapping[str, object]] = {
    **FUNCTIONS,
    **{f"_{name}": function for name, function in OPERATORS.items()},
    "__builtins__": {},
}

CLOCK: Final[ContextVar[Callable[[], float]]] = ContextVar("CLOCK", default=time.time)
"""The clock of ``now`` in expressions that are compiled in this context, in seconds of Unix."""

_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = MAX_SHOWN
_REPR.maxlevel = 2  # lists in lists multiply


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that an expression may use besides those that every expression knows.

    Raises ``ValueError`` for a name that has another meaning in expressions.
    """

    captures: tuple[str, ...] = ()
    """Names that the route's match captures."""
    let: tuple[str, ...] = ()
    """Names of earlier values of ``let``."""
    variables: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    """Variables whose values are among those of ``let``, after the others."""

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the values that :data:`Let` has."""
        return (*self.let, *(f"{VARIABLES}.{name}" for name in self.carried))

    def __post_init__(self) -> None:
        for kind, names in (("capture", self.captures), ("let", self.let)):
            for name in names:
                if name in NAMES or name in FUNCTIONS:
                    what = "a function" if name in FUNCTIONS else "a name"
                    raise ValueError(f"{kind} {name!r} is {what} of expressions; rename it")
                is_usable = name.isidentifier() and not iskeyword(name)
                if kind == "let" and (name in self.captures or not is_usable):
                    why = "also a capture of the match" if name in self.captures else "not a name"
                    raise ValueError(f"let {name!r} is {why}; rename it")


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression knows of a message before its arguments."""

    address: str
    types: str = ""
    captures: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(MAX_COMPILED)  # a configuration is read again for a reload, and for each of its tests
def _compiled(text: str, scope: Scope) -> tuple[ast.expr, CodeType]:
    """The tree and the code of an expression. Raises :class:`ExpressionError`."""
    tree = parse(text, (*scope.captures, *scope.let), (*scope.variables, *scope.carried))
    return tree, generate(tree, scope.captures, scope.values)


class Expression:
    """A compiled expression. Raises :class:`~oscbridge.errors.ExpressionError`.

    It uses Python's syntax, but only operators, comparisons, ``and``, ``or``, ``not``, ``if``,
    lists, indices and the functions in :data:`FUNCTIONS`. Time and memory of a call are bounded.
    """

    def __init__(self, text: str, scope: Scope | None = None) -> None:
        self.text = text
        self.scope = scope = Scope() if scope is None else scope
        self.tree, code = _compiled(text, scope)
        self.names = tuple(dict.fromkeys(names_in(self.tree)))
        """The names that it uses, in order, without those of functions."""
        # The tree has only what parse() lets pass, and no builtins.
        names = {**_NAMESPACE, NOW: CLOCK.get()}
        self._make = cast(Callable[..., Bound], eval(code, names))

    def __repr__(self) -> str:
        return f"<expression {self.text!r}>"

    @property
    def line(self) -> str:
        """The text in one line, for logs and traces."""
        return " ".join(self.text.split()) if "\n" in self.text else self.text

    def bind(self, context: Context) -> Bound:
        """The expression for messages to one address.

        Raises :class:`~oscbridge.MessageDropped` if the address lacks a capture.
        """
        captures = [capture_value(context.captures.get(name)) for name in self.scope.captures]
        for name, value in zip(self.scope.captures, captures, strict=True):
            if value is None and name in self.names:
                raise MessageDropped("captures", f"the address has no capture {{{name}}}")
        return self._make(context.address, context.types, context.variables, *captures)

    def failure(
        self, error: Exception, context: Context, args: Args, let: Let = (), place: str = ""
    ) -> MessageDropped:
        """What to drop a message with for which the expression failed: the text has the values.

        ``place`` says which expression of several it is, e.g. ``let db``.
        """
        if isinstance(error, IndexError):
            cause = "missing argument"
        elif isinstance(error, ZeroDivisionError):
            cause = "division by zero"
        elif isinstance(error, OverflowError) and len(error.args) > 1:  # from the C library
            cause = "the result is too large"
        else:
            cause = str(error) or type(error).__name__
        values = [f"{name} = {shown(value)}" for name, value in self.values(context, args, let)]
        known = f" ({', '.join(values)})" if values else ""
        where = f"{place} = " if place else ""
        return MessageDropped("expression", f"{where}{self.line!r} failed: {cause}{known}")

    def values(self, context: Context, args: Args, let: Let = ()) -> Iterator[tuple[str, Any]]:
        """The names that it uses and that have a value, with their values."""
        known: dict[str, Any] = {
            "args": args,
            "address": context.address,
            "types": context.types,
            **{f"var.{name}": value for name, value in context.variables.items()},
            **{name: capture_value(value) for name, value in context.captures.items()},
            **dict(zip(self.scope.values, let, strict=False)),
            **{name: args[index] for name, index in ARGUMENTS.items() if index < len(args)},
        }
        return ((name, known[name]) for name in self.names if name in known)

    def kind(self, names: Mapping[str, Kind]) -> Kind | None:
        """The kind of its values, if those of ``names`` make it certain."""
        return kind_of_tree(self.tree, names)

    def check_condition(self) -> None:
        """Raise :class:`~oscbridge.errors.ExpressionError` if a condition, or a part, is constant.

        ``x == 1 or 2`` is always true: that is a mistake.
        """
        for node in conditions(self.tree):
            part = ast.unparse(node)
            if isinstance(node, ast.Tuple | ast.List):
                always = "true" if node.elts else "false"
                fix = "write the decimal point of a number as '.'" if node.elts else _FIX
                raise self._error(node, f"the list {part} is always {always}", fix)
            if not any(names_in(node)):
                always = self._constant(node)
                cause = f"{part} is always {always}" if always else f"{part} is constant"
                raise self._error(node, cause, _FIX)

    def check_constants(self) -> None:
        """Raise :class:`~oscbridge.errors.ExpressionError` for a part without names that fails."""
        for node in constant_operations(self.tree):
            part = ast.unparse(node)
            try:
                checked_value(_value_of(node))
            except Exception as error:
                raise self._error(node, f"{part} always fails: {error}") from None

    def _error(self, node: ast.expr, cause: str, fix: str = "") -> ExpressionError:
        return ExpressionError(self.text, column_of(node, self.text), cause, fix)

    def _constant(self, node: ast.expr) -> str:
        try:
            return str(bool(_value_of(node))).lower()
        except Exception:
            return ""


def _value_of(node: ast.expr) -> Any:
    """The value of an expression without names."""
    return Expression(ast.unparse(node)).bind(Context("/"))((), ())


def checked_value(value: Any) -> Any:
    """A value that may be kept, e.g. for ``let``: bounded in size. Raises ``ValueError``."""
    kind = value.__class__
    if kind is float or kind is bool or value is None:
        return value
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise ValueError("the result does not fit 64 bits")
    elif kind is list or kind is tuple:
        if not has_at_most(MAX_TEXT, value):
            raise ValueError(f"the list has more than {MAX_TEXT} items, with those of its lists")
    elif len(value) > MAX_TEXT:
        raise ValueError(f"the result is longer than {MAX_TEXT}")
    return value


def capture_value(text: str | None) -> int | str | None:
    """A capture as a value: a whole number of 32 bits as in ``send``, otherwise text."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 10):
        return text
    number = int(text)
    return number if number < 1 << 31 else text


def shown(value: object) -> str:
    """A value as text for logs and errors, of bounded length."""
    text = _REPR.repr(value[:MAX_SHOWN] if isinstance(value, bytes) else value)
    return text if len(text) <= MAX_LIST_SHOWN else f"{text[:MAX_LIST_SHOWN]}…"

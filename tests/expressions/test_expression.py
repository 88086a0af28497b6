"""Expressions: their values, the problems of invalid ones, and their bounds."""

from __future__ import annotations

import math
import time
import tracemalloc
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oscbridge import Argument, MessageDropped
from oscbridge.errors import ExpressionError
from oscbridge.expressions.expression import Context, Expression, Scope, checked_value

FRIDAY = datetime(2026, 11, 27, 13, 30).timestamp()
"""Local time."""

MAX_SECONDS = 1.0
MAX_MEMORY = 20_000_000


def value(
    text: str,
    *args: Argument,
    captures: dict[str, str] | None = None,
    let: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = None,
    types: str = "",
) -> Any:
    """The value of an expression for a message with these arguments."""
    captures, let, variables = captures or {}, let or {}, variables or {}
    scope = Scope(tuple(captures), tuple(let), tuple(variables))
    context = Context("/in", types, captures, variables)
    return Expression(text, scope).bind(context)(args, tuple(let.values()))


def problem(text: str, scope: Scope | None = None) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression(text, scope)
    return caught.value


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ("x > 0.5", (0.7,), True),
        ("-90 + 100 * x ** 0.5", (0.25,), -40.0),
        ("x + y - z", (1, 2, 3), 0),
        ("x * 127", (0.5,), 63.5),
        ("7 // 2 + 7 % 4", (), 6),
        ("1 << 4 | 3", (), 19),
        ("'on' if x else 'off'", (0,), "off"),
        ("0 < x <= 1", (1,), True),
        ("x in (1, 2, 3) and not y", (2, 0), True),
        ("args[-1]", (1, "a"), "a"),
        ("args[0][1]", ([1, 2],), 2),
        ("args == [1, 'a']", (1, "a"), True),
        ("args == (1, 'a')", (1, "a"), True),
        ("args[1:] == [2, 3]", (1, 2, 3), True),
        ("x == [1, 2]", ([1, 2],), True),
        ("x == (1, 2)", ([1, 2],), True),
        ("2 in args", (1, 2), True),
        ("['a', 'b'][x]", (1,), "b"),
        ("x[1:3]", ("abcd",), "bc"),
        ("len(args)", (1, 2), 2),
        ("'ab' * 3 + '!'", (), "ababab!"),
        ("address + types", (), "/in"),
        ("\n  x\n  + 1", (1,), 2),
        ("max(args)", (1, 5, 3), 5),
        ("min(4, x, 3)", (7,), 3),
        ("clamp(x, 0, 1)", (3,), 1),
        ("lerp(10, 20, x)", (0.5,), 15.0),
        ("map_range(x, 0, 10, 0, 100)", (5,), 50.0),
        ("db_to_gain(-20)", (), 0.1),
        ("gain_to_db(0.1)", (), -20.0),
        ("gain_to_db(0)", (), -math.inf),
        ("midi_to_hz(69)", (), 440.0),
        ("local_hour(x)", (FRIDAY,), 13.5),
        ("local_weekday(x)", (FRIDAY,), 5),
        ("hz_to_midi(880)", (), 81.0),
        ("round(x, 1)", (0.26,), 0.3),
        ("floor(x) + ceil(x)", (1.5,), 3),
        ("int('12') + float('.5')", (), 12.5),
        ("str(x) + upper('a') + lower('B')", (1.0,), "1Ab"),
        ("sqrt(4) + abs(-1) + exp(0) + log(1) + sin(0) + cos(0)", (), 5.0),
    ],
)
def test_expression_has_the_value_that_python_gives_it(
    text: str, args: tuple[Argument, ...], expected: Any
) -> None:
    result = value(text, *args)
    assert result == (pytest.approx(expected) if isinstance(expected, float) else expected)
    assert type(result) is type(expected)


def test_captures_are_numbers_if_they_are_whole() -> None:
    assert value("ch + 1", captures={"ch": "3"}) == 4
    assert value("page + '!'", captures={"page": "a3"}) == "a3!"


def test_let_and_variables_are_known_by_name() -> None:
    assert value("db * 2 + var.gain", let={"db": 3}, variables={"gain": 1}) == 7


def test_now_is_the_time_of_the_call() -> None:
    before = time.time()
    assert before <= value("now") <= time.time()


def test_missing_argument_is_an_index_error() -> None:
    for text in ("x", "y + 1", "args[7]"):
        with pytest.raises(IndexError):
            value(text, *((1,) if text != "x" else ()))


def test_missing_argument_is_not_confused_with_a_wrong_index() -> None:
    with pytest.raises(ValueError, match="index 9 is out of range"):
        value("'abc'[9]")


def test_failure_shows_the_expression_in_one_line() -> None:
    expression = Expression("\n  1 /\n  x\n")
    error = expression.failure(ZeroDivisionError(), Context("/in"), (0,))
    assert str(error) == "'1 / x' failed: division by zero (x = 0)"


def test_missing_capture_drops_the_message() -> None:
    with pytest.raises(MessageDropped, match=r"no capture \{ch\}"):
        Expression("ch", Scope(("ch",))).bind(Context("/in"))


@pytest.mark.parametrize(
    ("text", "column", "cause", "fix"),
    [
        ("x + ", 3, "unexpected end", ""),
        ("x > > 1", 5, "invalid syntax", ""),
        ("x = 1", 3, "invalid syntax; write == to compare", ""),
        ("x => 1", 3, "invalid syntax; write >= for =>", ""),
        ("x =< 1", 3, "invalid syntax; write <= for =<", ""),
        ("x AND y", 3, "invalid syntax; write 'and' for AND", ""),
        ("x:q", 2, "invalid syntax; a type is one of i, h, f, d and s, not 'q'", ""),
        ("x && y", 4, "invalid syntax; write 'and' and 'or' for && and ||", ""),
        ("x > treshold", 5, "unknown name 'treshold'", "did you mean 'threshold'?"),
        ("'é' + q", 7, "unknown name 'q'", "available: x, y"),
        ("armed", 1, "unknown name 'armed'", "write var.armed for the variable"),
        ("true", 1, "unknown name 'true'", "write True"),
        ("x == go", 6, "unknown name 'go'", "available: x, y, z, args, address, types, "),
        ("lenn(x)", 1, "unknown function 'lenn'", "did you mean 'len'?"),
        ("var.armd", 1, "unknown variable 'armd'", "did you mean 'armed'?"),
        ("var", 1, "write var.NAME for a variable", ""),
        ("  x.real", 3, "unexpected '.real'; only var.NAME has a point", ""),
        ("len", 1, "'len' is a function; write len(…)", ""),
        ("sqrt(1, 2)", 1, "sqrt(): too many positional arguments", ""),
        ("max()", 1, "max() takes at least 1 argument", ""),
        ("f'{x}'", 1, "f-strings are not available in expressions", ""),
        ("lambda: 1", 1, "lambda is not available in expressions", ""),
        ("[a for a in args]", 1, "comprehensions are not available in expressions", ""),
        ("(x := 1)", 2, "':=' is not available in expressions", ""),
        ("x is 1", 1, "'is' is not available in expressions; write ==", ""),
        ("x @ y", 1, "'@' is not available in expressions", ""),
        ("'a'.join(args)", 1, "only functions can be called, by their names", ""),
        ("round(x, ndigits=1)", 1, "arguments with names are not available", ""),
        ("x and true", 7, "unknown name 'true'", "write True"),
        ("!x", 1, "invalid syntax; write 'not' for !", ""),
        ("x : q", 3, "invalid syntax; a type is one of i, h, f, d and s, not 'q'", ""),
        ("b'a'", 1, "a value of type bytes is not available", ""),
        ("99999999999999999999", 1, "the number does not fit 64 bits", ""),
        ("", 1, "empty expression", ""),
        ("x" * 1001, 1, "longer than 1000 characters", ""),
        ("-" * 60 + "x", 50, "more than 50 levels of operations", ""),
    ],
)
def test_invalid_expression_is_explained(text: str, column: int, cause: str, fix: str) -> None:
    error = problem(text, Scope(let=("threshold",), variables=("armed",)))
    assert (error.cause, error.column) == (cause, column)
    assert error.fix.startswith(fix)


@pytest.mark.parametrize(
    ("text", "column"), [("1", 1), ("not 0", 1), ("x == 1 or 2", 11), ("x > 1 and 3 > 2", 11)]
)
def test_constant_condition_is_a_problem(text: str, column: int) -> None:
    with pytest.raises(ExpressionError, match="is always true") as caught:
        Expression(text).check_condition()
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"captures": ("x",)}, "capture 'x' is a name of expressions; rename it"),
        ({"let": ("log",)}, "let 'log' is a function of expressions; rename it"),
        ({"captures": ("a",), "let": ("a",)}, "let 'a' is also a capture of the match; rename it"),
    ],
)
def test_name_with_two_meanings_is_a_problem(scope: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Scope(**scope)


def test_failure_names_the_expression_and_the_values() -> None:
    expression, context = Expression("x / y + ch", Scope(("ch",))), Context("/3", "ii", {"ch": "3"})
    with pytest.raises(ZeroDivisionError) as caught:
        expression.bind(context)((1, 0), ())
    dropped = expression.failure(caught.value, context, (1, 0))
    assert dropped.reason == "expression"
    assert str(dropped) == "'x / y + ch' failed: division by zero (x = 1, y = 0, ch = 3)"


def test_failure_shows_only_the_beginning_of_large_values() -> None:
    expression, context = Expression("x + args"), Context("/")
    args: tuple[Argument, ...] = ("a" * 100_000, [[b"b" * 1000] * 50] * 50)
    text = str(expression.failure(TypeError("wrong"), context, args))
    assert text.startswith("'x + args' failed: wrong (x = 'aaa")
    assert len(text) < 5_000


HOSTILE = [
    "9**9**9",
    "x**9**9**9",
    "'a' * 10**9",
    "10**9 * 'a'",
    "x * y",
    "x * x * x * x",
    "[[1] * 9] * 9",
    "'%1000000000d' % 1",
    "x % y",
    "1 << 10**9",
    "x << y",
    "round(5, -10**9)",
    "round(x, y)",
    "int('9' * 5000)",
    "str(10 ** 300) * 1000",
    "'é' * 60000 + 'é' * 60000",
    "(-1) ** 0.5",
    "2 ** -10**9",
    "exp(10**5)",
    "floor(1e999)",
    "max('a' * 60000)",
    "5[1:]",
    "1(2)",
    "x[10**30:]",
    "args * 10**9",
    "lower(x) + upper(x) + str(x)",
    "(" * 200 + "x" + ")" * 200,
    "-" * 900 + "x",
    "not " * 240 + "x",
    "x+" * 450 + "x",
    "[" * 90,
    "x if x else " * 80 + "x",
    "x<" * 400 + "x",
    "\0",
    "\ud800",
    "'\\N{foo}'",
    "0x" + "f" * 900,
    "9" * 999,
]


def test_failure_shows_only_the_beginning_of_nested_lists() -> None:
    nested: Any = "text of a message"
    for _ in range(7):
        nested = [nested] * 7  # an array of OSC may contain others
    expression = Expression("x + 1")
    lost = expression.failure(TypeError("no"), Context("/in"), (nested, *range(9)))
    assert len(str(lost)) < 300


def test_text_of_lists_of_lists_is_bounded() -> None:
    many = [[0] * 100] * 100
    assert len(value("str(a)", let={"a": many})) > 10_000
    with pytest.raises(ValueError, match="more than 65536 items"):
        value("str([a, a, a, a, a, a, a])", let={"a": many})


def run(text: str, args: tuple[Argument, ...]) -> None:
    """Compile and call an expression, as a route does; only our own error and drops may end it."""
    try:
        expression = Expression(text)
        bound = expression.bind(context := Context("/in", ""))
        try:
            expression.check_condition()
        except ExpressionError:
            pass
    except ExpressionError:
        return
    try:
        checked_value(bound(args, ()))
    except Exception as error:
        assert expression.failure(error, context, args).reason == "expression"


ARGS: list[tuple[Argument, ...]] = [
    (),
    (10**18, 10**18, 10**18),
    (0.5, -1, 3),
    ("a" * 1_000_000, 10**9, "b"),
    (b"%d" * 100_000, 7),
    ([[1] * 100] * 100, 10**9),
    (math.nan, math.inf, -math.inf),
    (None, True, False),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_expression_ends_in_bounded_time_and_memory(text: str) -> None:
    tracemalloc.start()
    try:
        started = time.process_time()
        for args in ARGS:
            run(text, args)
        assert time.process_time() - started < MAX_SECONDS
        assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY
    finally:
        tracemalloc.stop()


_ATOMS = st.sampled_from(
    [
        "x",
        "y",
        "z",
        "args",
        "address",
        "now",
        "1",
        "-1",
        "0.5",
        "10**9",
        "'a'",
        "'%s'",
        "[1, 2]",
        "None",
    ]
)


def _grow(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(
        "+ - * / // % ** << >> & | ^ < == in and or if".split()  # noqa: SIM905, RUF100
    )
    function = st.sampled_from(
        [
            "len",
            "abs",
            "min",
            "max",
            "round",
            "floor",
            "sqrt",
            "exp",
            "log",
            "int",
            "float",
            "str",
            "lower",
        ]
    )
    return st.one_of(
        st.builds(
            lambda a, op, b: f"({a} if {b} else {a})" if op == "if" else f"({a} {op} {b})",
            parts, operator, parts,
        ),
        st.builds(lambda name, a: f"{name}({a})", function, parts),
        st.builds(lambda name, a, b: f"{name}({a}, {b})", function, parts, parts),
        st.builds(lambda a, b: f"{a}[{b}]", parts, parts),
        st.builds(lambda a, b: f"{a}[{b}:]", parts, parts),
    )  # fmt: skip


@settings(deadline=2000, max_examples=300)
@given(text=st.recursive(_ATOMS, _grow, max_leaves=15), args=st.sampled_from(ARGS))
def test_any_expression_ends_in_a_value_or_in_our_own_error(
    text: str, args: tuple[Argument, ...]
) -> None:
    run(text, args)


@settings(deadline=2000, max_examples=300)
@given(text=st.text(max_size=60))
def test_any_text_ends_in_a_value_or_in_our_own_error(text: str) -> None:
    run(text, (1, 2, 3))

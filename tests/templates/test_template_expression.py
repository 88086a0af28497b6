"""Expressions in the options of a route for an endpoint."""

from __future__ import annotations

import pytest

from oscbridge import ExpressionFailed, Message, Template, TemplateExpression
from oscbridge.templates.carried import CarryingCaptures
from oscbridge.templates.expression import MAX_BOUND


def expression(text: str) -> TemplateExpression:
    (placeholder,) = Template.parse(text, expressions=True).placeholders
    return TemplateExpression(placeholder)


@pytest.mark.parametrize(
    ("text", "value", "tag"),
    [
        ("{= x * 127 : i}", 64, "i"),
        ("{= x + y}", 3.5, "f"),
        ("{= n + len(args)}", 9, "i"),
        ("{= name + address}", "ab/a", "s"),
        ("{= types == 'fi'}", True, "T"),
        ("{= args[1] * 2 : s}", "6", "s"),
    ],
)
def test_expression_knows_the_message_and_its_captures(text: str, value: object, tag: str) -> None:
    found = expression(text)
    made = found.value(Message.of("/a", 0.5, 3), {"n": "7", "name": "ab"})
    assert (made, found.tag(made)) == (value, tag)


def test_expression_follows_the_address_of_each_message() -> None:
    found = expression("{= address + str(n)}")
    assert found.value(Message("/a"), {"n": "1"}) == "/a1"
    assert found.value(Message("/a"), {"n": "2"}) == "/a2"
    assert found.value(Message("/b"), {"n": "2"}) == "/b2"


def test_expression_is_bound_to_a_bounded_number_of_addresses() -> None:
    found = expression("{= address}")
    for index in range(MAX_BOUND + 2):
        assert found.value(Message(f"/{index}"), {}) == f"/{index}"


def test_expression_knows_the_values_that_captures_carry() -> None:
    found = expression("{= n + db * var.gain + x}")
    for value in (0.5, 1.5):
        captures = CarryingCaptures({"n": "7"}, {"db": value, "var.gain": 2, "other": "a"})
        assert found.value(Message.of("/a", 1), captures) == 8 + value * 2


def test_failure_shows_the_values_of_its_own_message() -> None:
    found = expression("{= x / (db - var.a)}")
    assert found.value(Message.of("/a", 1), CarryingCaptures({}, {"db": 3, "var.a": 2})) == 1
    with pytest.raises(ExpressionFailed, match=r"\(x = 1, db = 4, var\.a = 4\)"):
        found.value(Message.of("/a", 1), CarryingCaptures({}, {"db": 4, "var.a": 4}))


def test_value_that_did_not_come_with_the_message_is_named() -> None:
    with pytest.raises(ExpressionFailed, match=r"the message came without a value of var\.a"):
        expression("{= var.a}").value(Message.of("/a", 1), {})


@pytest.mark.parametrize("text", ["{= 'n.ä² var.b' + str(x)}", "{= x if x else 'db'}"])
def test_words_within_text_are_not_names(text: str) -> None:
    assert expression(text).value(Message.of("/a", 1), {}) in ("n.ä² var.b1", 1)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{= x / 0}", "division by zero (x = 1)"),
        ("{= y}", "missing argument"),
        ("{= name}", "the address has no capture {name}"),
        ("{= 'a' * x : i}", "'a' * x"),
    ],
)
def test_failing_expression_names_its_cause(text: str, cause: str) -> None:
    with pytest.raises(ExpressionFailed) as failed:
        expression(text).value(Message.of("/a", 1), {})
    assert str(failed.value).startswith("/a: ")
    assert cause in str(failed.value)

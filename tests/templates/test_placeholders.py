"""Text with placeholders: the parts, the values, and the errors of invalid text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oscbridge import MessageDropped, Placeholder, Template


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        ("{0}", (Placeholder("0"),)),
        ("{n}", (Placeholder("n"),)),
        ("{0:i}", (Placeholder("0", "i"),)),
        ("{*}", (Placeholder("*"),)),
        ("{*:s}", (Placeholder("*", "s"),)),
        ("a/{n}/b", ("a/", Placeholder("n"), "/b")),
        ("{n}{m}", (Placeholder("n"), Placeholder("m"))),
        (r"\{n}", ("\\", Placeholder("n"))),
    ],
)
def test_template_parts_are_text_and_placeholders(
    text: str, parts: tuple[str | Placeholder, ...]
) -> None:
    assert Template.parse(text).parts == parts
    assert Template.parse(text, literal_braces=True).parts == parts


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('{"state": {0}, "at": "{address}"}', '{"state": <0>, "at": "<address>"}'),
        ('{"a": {"b": {n:f}}}', '{"a": {"b": <n>}}'),
        ("{x y} {} }{", "{x y} {} }{"),
        (r'{"a": "\n\"{0}"}', r'{"a": "\n\"<0>"}'),
    ],
)
def test_template_keeps_literal_braces(text: str, filled: str) -> None:
    template = Template.parse(text, literal_braces=True)
    assert template.fill(lambda placeholder: f"<{placeholder.name}>") == filled


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a {", "unclosed '{' at position 3"),
        ("a {{0}", "unclosed '{' at position 3"),
        ("{0}}", "unexpected '}' at position 4"),
        ("{a b}", "invalid placeholder {a b} at position 1; expected {0}, {0:i}"),
        ("{0:x}", "invalid placeholder {0:x} at position 1"),
    ],
)
def test_template_error_names_the_position(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        Template.parse(text)
    assert error in str(caught.value)


def test_captures_are_neither_arguments_nor_the_address() -> None:
    template = Template.parse("{n} {0} {*} {address} {m:i} {n}")
    assert template.captures == ("n", "m", "n")


@pytest.mark.parametrize(
    ("text", "depends"), [("{n}{address}", False), ("{n}{0}", True), ("{*}", True), ("a", False)]
)
def test_depends_on_arguments_is_true_for_indices_and_the_star(text: str, depends: bool) -> None:
    assert Template.parse(text).depends_on_arguments is depends


def test_argument_is_converted_to_the_type_of_the_placeholder() -> None:
    assert Placeholder("1", "i").argument((0.0, 63.5)) == 64
    assert Placeholder("0").argument(("a",)) == "a"


@pytest.mark.parametrize(
    ("placeholder", "reason"),
    [(Placeholder("1"), "arguments"), (Placeholder("0", "i"), "conversion")],
)
def test_unavailable_argument_raises_message_dropped(placeholder: Placeholder, reason: str) -> None:
    with pytest.raises(MessageDropped) as caught:
        placeholder.argument(("loud",))
    assert caught.value.reason == reason


@given(st.text(alphabet='ab0*:{}i\\" ', max_size=40))
def test_template_with_literal_braces_accepts_any_text(text: str) -> None:
    assert Template.parse(text, literal_braces=True).fill(str) == text


@given(st.text(alphabet="ab0*:{}i ", max_size=40))
def test_strict_template_is_the_same_or_an_error(text: str) -> None:
    try:
        strict = Template.parse(text)
    except ValueError:
        return
    assert strict == Template.parse(text, literal_braces=True)

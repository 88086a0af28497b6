"""Makes messages from the values of expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from oscbridge.expressions.expression import Let
from oscbridge.expressions.results import type_tag_of
from oscbridge.osc import Argument
from oscbridge.templates.placeholders import Args

__all__ = ["ExpressionMaker", "expression_maker"]

ExpressionMaker: TypeAlias = Callable[[Args, Let], tuple[str, str, Args]]
"""From the arguments and the values of ``let`` to the address, the types and the arguments."""

_Value: TypeAlias = Callable[[Args, Let], Argument]


def expression_maker(
    to: str | Callable[[Args, Let], str], values: Sequence[tuple[str | None, _Value]]
) -> ExpressionMaker:
    """Make messages from the makers of their address and their values.

    A value has a type tag, or None if the type depends on it.
    """
    tags = [tag for tag, _ in values]
    makers = [maker for _, maker in values]
    if isinstance(to, str) and len(makers) == 1:
        return _one(to, tags[0], makers[0])
    if isinstance(to, str) and None not in tags:
        types = "".join(map(str, tags))
        return lambda args, let: (to, types, tuple([maker(args, let) for maker in makers]))
    if isinstance(to, str) and tags.count(None) == 1:
        return _several(to, tags, makers)

    def make(args: Args, let: Let) -> tuple[str, str, Args]:
        address = to if isinstance(to, str) else to(args, let)
        made = tuple([maker(args, let) for maker in makers])
        made_types = [
            type_tag_of(value) if tag is None else tag
            for tag, value in zip(tags, made, strict=True)
        ]
        return address, "".join(made_types), made

    return make


def _one(to: str, tag: str | None, maker: _Value) -> ExpressionMaker:
    if tag is not None:
        return lambda args, let: (to, tag, (maker(args, let),))

    def make(args: Args, let: Let) -> tuple[str, str, Args]:
        value = maker(args, let)
        return to, "f" if value.__class__ is float else type_tag_of(value), (value,)

    return make


def _several(to: str, tags: Sequence[str | None], makers: Sequence[_Value]) -> ExpressionMaker:
    """For one value among others whose type depends on it."""
    at = tags.index(None)
    head, tail = "".join(map(str, tags[:at])), "".join(map(str, tags[at + 1 :]))

    def make(args: Args, let: Let) -> tuple[str, str, Args]:
        values = tuple([maker(args, let) for maker in makers])
        return to, f"{head}{type_tag_of(values[at])}{tail}", values

    return make

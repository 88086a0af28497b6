"""Numbers as the values of options."""

from __future__ import annotations

import math

import click

__all__ = ["Number", "WholeNumber"]


class Number(click.FloatRange):
    """A number within a range. Click accepts ``nan``, which is in none."""

    name = "number"

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class WholeNumber(click.IntRange):
    """A whole number within a range."""

    name = "number"

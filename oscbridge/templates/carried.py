"""Captures that carry values from a route to the expressions in its options for an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from oscbridge.osc import Argument

__all__ = ["CarryingCaptures"]


class CarryingCaptures(dict[str, str]):
    """The captures of a match, and values that expressions in the options of the route use.

    For an endpoint these are captures like all others; ``TemplateExpression`` knows the values.
    """

    __slots__ = ("carried",)

    def __init__(self, captures: Mapping[str, str], carried: Mapping[str, Argument]) -> None:
        super().__init__(captures)
        self.carried = carried
        """Values of ``let`` by name, and of variables by ``var.NAME``."""

"""Scaling numbers from one range to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from oscbridge.errors import MessageDropped
from oscbridge.osc import Argument
from oscbridge.osc.arguments import split_types
from oscbridge.osc.conversion import nearest_whole
from oscbridge.osc.type_tags import NUMBER_TAGS

__all__ = ["Scale"]

Args: TypeAlias = tuple[Argument, ...]


class Scale(NamedTuple):
    """From ``in_low`` to ``in_high``, to ``out_low`` to ``out_high``; clamped.

    With two whole numbers as the outer range the result is a whole number (i), rounded to
    the nearest, halves up: the middle of a fader scaled to 0 to 127 is 64. Otherwise it is
    a float. ``curve`` is the power to which the share of the range is raised: above 1 the
    lower part gets finer.
    """

    in_low: float
    in_high: float
    out_low: float
    out_high: float
    curve: float = 1.0

    def bind(self, types: str) -> tuple[str, Callable[[Args], Args]]:
        """The type tags and the arguments for messages with these type tags.

        All numbers (i h f d) are scaled, other arguments stay.
        """
        tags = split_types(types)
        one = self._number()
        new = [self._tag(tag) for tag in tags]
        places = [index for index, tag in enumerate(tags) if tag in NUMBER_TAGS]
        if places == [0] and len(tags) == 1:
            return new[0], lambda args: (one(args[0]),)

        def scale(args: Args) -> Args:
            out = list(args)
            for index in places:
                out[index] = one(out[index])  # type: ignore[arg-type]
            return tuple(out)

        return "".join(new), scale

    @property
    def is_whole(self) -> bool:
        """Whether its results are whole numbers."""
        return isinstance(self.out_low, int) and isinstance(self.out_high, int)

    def _tag(self, tag: str) -> str:
        if tag not in NUMBER_TAGS:
            return tag
        return "i" if self.is_whole else "d" if tag == "d" else "f"

    def _number(self) -> Callable[[float], float]:
        low, span = self.in_low, self.in_high - self.in_low
        out_low, out_high, curve = float(self.out_low), float(self.out_high), self.curve
        out_span = out_high - out_low

        def scale(value: float) -> float:
            share = (value - low) / span
            if share != share:
                raise MessageDropped("not_a_number", "cannot scale NaN")
            if share <= 0.0:
                return out_low
            if share >= 1.0:
                return out_high
            if curve != 1.0:
                share **= curve
            return out_low + share * out_span

        return (lambda value: nearest_whole(scale(value))) if self.is_whole else scale

"""Relative encoders: the steps that a value of 7 bits stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.scale import Scale
from oscbridge.errors import MessageDropped
from oscbridge.osc import Argument
from oscbridge.osc.arguments import split_types
from oscbridge.osc.conversion import nearest_whole
from oscbridge.osc.type_tags import NUMBER_TAGS

__all__ = ["ENCODINGS", "NumberStep", "Relative", "RelativeEncoding", "number_step"]

RelativeEncoding: TypeAlias = Literal["twos_complement", "signed_bit", "offset_64"]

ENCODINGS: Final[tuple[RelativeEncoding, ...]] = ("twos_complement", "signed_bit", "offset_64")

_Args: TypeAlias = tuple[Argument, ...]


class NumberStep(Protocol):
    """A step that replaces numbers, e.g. :class:`Scale`."""

    def bind(self, types: str) -> tuple[str, Callable[[_Args], _Args]]:
        """The type tags and the arguments for messages with these type tags."""


class Relative(NamedTuple):
    """Replaces the last argument, 0 to 127, by the steps of an encoder, up or down.

    ``twos_complement``: 1 to 63 are up, 127 to 64 are -1 to -64. ``signed_bit``: 65 to 127 are
    -1 to -63. ``offset_64``: 65 is up, 63 is down. ``rest`` is the step after it.
    """

    encoding: str
    rest: Scale | None = None

    def bind(self, types: str) -> tuple[str, Callable[[_Args], _Args]]:
        """The type tags and the arguments: the last argument becomes a whole number (i).

        Other arguments, and messages whose last argument is not a number, stay.
        """
        tags = split_types(types)
        if not tags or tags[-1] not in NUMBER_TAGS:
            return types, lambda args: args
        delta = _DELTAS[self.encoding]

        def decode(args: _Args) -> _Args:
            value = args[-1]
            assert isinstance(value, int | float)
            if not 0 <= value <= 127:
                raise MessageDropped("not_relative", f"{value} is not a step of a relative encoder")
            return (*args[:-1], delta(nearest_whole(value)))

        found = "".join([*tags[:-1], "i"])
        if self.rest is None:
            return found, decode
        scaled, scale = self.rest.bind(found)
        return scaled, lambda args: scale(decode(args))


_DELTAS: Final[dict[str, Callable[[int], int]]] = {
    "twos_complement": lambda value: value if value < 64 else value - 128,
    "signed_bit": lambda value: value if value < 64 else 64 - value,
    "offset_64": lambda value: value - 64,
}


def number_step(config: RouteConfig) -> NumberStep | None:
    """The steps ``relative`` and ``scale`` of a route as one; None without either."""
    scale = None if config.scale is None else Scale(*config.scale, config.curve)
    return scale if config.relative is None else Relative(config.relative, scale)

"""What both protocols carry: the levels of a universe."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["SLOTS", "DmxFrame", "sequence_is_old"]

SLOTS: Final = 512
"""Channels of a universe."""

_WINDOW: Final = 20
"""A packet this much older than the last one is a restart of its source (E1.31, 6.7.2)."""


class DmxFrame(NamedTuple):
    """A received packet with the levels of a universe."""

    universe: int
    levels: bytes
    """The levels from channel 1 on; at most 512."""
    sequence: int | None
    """0 to 255; None if the source does not count its packets."""
    priority: int = 0
    """0 to 200; only sources with the highest one count."""
    is_last: bool = False
    """Whether the source stops sending the universe; then the levels are void."""
    is_preview: bool = False
    """Whether the levels are not for live use."""
    physical: int = 0
    """Art-Net: the input of the source that the levels come from; each is a source itself."""


def sequence_is_old(number: int, last: int) -> bool:
    """Whether a packet is older than the last one, or the same (E1.31-2018, section 6.7.2)."""
    distance = (number - last) & 0xFF
    return distance == 0 or distance > 0x100 - _WINDOW

"""Between OSC messages and DMX levels. Pure.

``/dmx/1/12 0.5`` is channel 12 of universe 1. More arguments are for the channels after it. A
channel that is named in ``fine`` and the one after it are one value of 16 bits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import Final, Literal, TypeAlias

import oscbridge
from oscbridge_dmx.frame import SLOTS

__all__ = ["ValueType", "changes", "encode_levels", "parse_address"]

ValueType: TypeAlias = Literal["float", "int", "blob"]

_ADDRESS: Final = re.compile(r"/dmx/([0-9]{1,5})/([0-9]{1,3})")


def parse_address(address: str, universes: range) -> tuple[int, int]:
    """The universe and the channel, 1 to 512. Raises :class:`oscbridge.BadMessage`."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise oscbridge.BadMessage(f"{address}: expected /dmx/UNIVERSE/CHANNEL, e.g. /dmx/1/12")
    universe, channel = int(found[1]), int(found[2])
    if universe not in universes:
        limits = f"{universes.start} to {universes.stop - 1}"
        raise oscbridge.BadMessage(f"{address}: universe must be {limits}, not {universe}")
    if not 1 <= channel <= SLOTS:
        raise oscbridge.BadMessage(f"{address}: channel must be 1 to {SLOTS}, not {channel}")
    return universe, channel


def encode_levels(
    message: oscbridge.Message, channel: int, fine: Collection[int], *, clamp: bool
) -> bytes:
    """The levels from ``channel`` on. Raises :class:`oscbridge.BadMessage`.

    Floats are 0 to 1, integers 0 to 255, or 65,535 for a fine channel; a blob is levels as they
    are. With ``clamp`` a number out of range is clamped, otherwise it is an error.
    """
    levels = bytearray()
    for value in message.args:
        if isinstance(value, bytes):
            levels += value
            continue
        width = 2 if channel + len(levels) in fine else 1
        try:
            levels += _level(value, 256**width - 1, clamp=clamp).to_bytes(width, "big")
        except ValueError as error:
            raise oscbridge.BadMessage(f"{message.address}: {error}") from None
    if not levels:
        raise oscbridge.BadMessage(f"{message.address}: missing value")
    if channel + len(levels) - 1 > SLOTS:
        text = f"{len(levels)} levels from channel {channel} on exceed channel {SLOTS}"
        raise oscbridge.BadMessage(f"{message.address}: {text}")
    return bytes(levels)


def _level(value: oscbridge.Argument, top: int, *, clamp: bool) -> int:
    """Raises ``ValueError``."""
    if isinstance(value, bool):
        return top if value else 0
    if isinstance(value, float) and not math.isnan(value):
        low: float = 0.0
        high: float = 1.0
    elif type(value) is int:  # not a time tag
        low, high = 0, top
    else:
        raise ValueError(f"expected a number or a blob, not {_short(value)}")
    if not low <= value <= high:
        if not clamp:
            raise ValueError(f"the value must be {low:g} to {high:g}, not {_short(value)}")
        value = min(max(value, low), high)
    return oscbridge.nearest_whole(value * top) if isinstance(value, float) else int(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def changes(
    universe: int, before: bytes, after: bytes, fine: Collection[int], values: ValueType
) -> Iterator[oscbridge.Message]:
    """Messages for the channels with another level than before.

    Channels that ``before`` does not have count as changed.
    """
    if values == "blob":
        if before != after:
            yield oscbridge.Message(f"/dmx/{universe}/1", "b", (after,))
        return
    known = len(before)
    index, end = 0, len(after)
    while index < end:
        width = 2 if index + 1 in fine and index + 1 < end else 1
        now = after[index : index + width]
        if index + width > known or before[index : index + width] != now:
            level = int.from_bytes(now, "big")
            address = f"/dmx/{universe}/{index + 1}"
            if values == "int":
                yield oscbridge.Message(address, "i", (level,))
            else:
                yield oscbridge.Message(address, "f", (level / (256**width - 1),))
        index += width

"""Joins the sources of one universe: the highest priority, then the highest level per channel."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import oscbridge
from oscbridge_dmx.frame import DmxFrame, sequence_is_old

__all__ = ["SourceMerger"]


class SourceMerger:
    """The sources of one universe, and its levels.

    A source that is silent for ``timeout`` seconds is forgotten. Levels stay as they are when the
    last source is gone. ``clock`` returns seconds.
    """

    def __init__(self, timeout: float, clock: Callable[[], float]) -> None:
        self.levels = b""
        """The levels from channel 1 on; empty before the first packet."""
        self._timeout = timeout
        self._clock = clock
        self._sources: dict[Hashable, tuple[DmxFrame, float]] = {}
        """Their last packets, and when they arrived."""

    def take(self, source: Hashable, frame: DmxFrame, max_sources: int) -> bool:
        """Take a packet of a source, and update the levels.

        Returns False if there are too many sources for another one. Raises
        :class:`oscbridge.DecodeError` for a packet that was overtaken by a later one.
        """
        now = self._clock()
        sources = self._sources
        for key in [key for key, (_, at) in sources.items() if now - at > self._timeout]:
            del sources[key]
        if source in sources:
            last, number = sources[source][0].sequence, frame.sequence
            if last is not None and number is not None and sequence_is_old(number, last):
                text = f"packet {number} of universe {frame.universe} after {last}"
                raise oscbridge.DecodeError("sequence", text)
        elif not frame.is_last and len(sources) >= max_sources:
            return False
        if frame.is_last:
            sources.pop(source, None)
        else:
            sources[source] = (frame, now)
        self._merge()
        return True

    def _merge(self) -> None:
        frames = [frame for frame, _ in self._sources.values()]
        highest = max((frame.priority for frame in frames), default=0)
        merged = [frame.levels for frame in frames if frame.priority == highest]
        if len(merged) > 1:
            size = max(map(len, merged))
            levels = bytes(map(max, *(each.ljust(size, b"\0") for each in merged)))
        else:
            levels = b"".join(merged)
        self.levels = levels + self.levels[len(levels) :]

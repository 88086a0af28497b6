"""The last minutes of all rates: known before a page opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from oscbridge_ui.now_messages import PartHistory, TotalHistory
from oscbridge_ui.parts import Totals
from oscbridge_ui.samples import Samples

__all__ = ["FlowHistory"]

SECONDS: Final = 300
"""Seconds that are kept."""

MAX_PARTS: Final = 1_000
"""Parts whose rates are kept: 2.4 kB each."""


class _Rate:
    """A counter, and its rates."""

    __slots__ = ("_count", "samples")

    def __init__(self, count: int) -> None:
        self._count = count
        self.samples = Samples(SECONDS)

    def update(self, second: int, seconds: float, count: int) -> None:
        """The counter is ``count`` now, ``seconds`` after the last time."""
        rate = max(count - self._count, 0) / seconds
        self._count = count
        self.samples.put(second, rate, rate)


class FlowHistory:
    """Rates of the parts, and of all of them together."""

    def __init__(self) -> None:
        self._time = 0.0
        self._parts: dict[str, tuple[_Rate, _Rate]] = {}
        self._totals: tuple[_Rate, _Rate, _Rate] | None = None
        self._waiting = Samples(SECONDS)

    def record(self, now: float, totals: Totals, flows: Mapping[str, tuple[int, int]]) -> None:
        """Add counters at a time in seconds: the totals, and what went in and out of each part."""
        second, seconds = int(now), now - self._time
        if second == int(self._time):
            return
        self._time = now
        received, sent, waiting, lost = totals
        self._waiting.put(second, waiting)
        if self._totals is None:
            self._totals = _Rate(received), _Rate(sent), _Rate(lost)
        else:
            for total, count in zip(self._totals, (received, sent, lost), strict=True):
                total.update(second, seconds, count)
        for key in self._parts.keys() - flows.keys():
            del self._parts[key]
        for key, (incoming, outgoing) in flows.items():
            if (known := self._parts.get(key)) is not None:
                known[0].update(second, seconds, incoming)
                known[1].update(second, seconds, outgoing)
            elif len(self._parts) < MAX_PARTS:
                self._parts[key] = _Rate(incoming), _Rate(outgoing)

    def totals(self, now: float) -> TotalHistory:
        """The rates of all parts up to now."""
        rates = [self._latest(each.samples, now) for each in self._totals or ()]
        received, sent, lost = rates or ((), (), ())
        return TotalHistory(
            received=received, sent=sent, waiting=self._latest(self._waiting, now), lost=lost
        )

    def part(self, key: str, now: float) -> PartHistory | None:
        """The rates of a part up to now; None if there is none."""
        found = self._parts.get(key)
        if found is None:
            return None
        incoming, outgoing = (self._latest(each.samples, now) for each in found)
        return PartHistory(id=key, incoming=incoming, outgoing=outgoing)

    def _latest(self, samples: Samples, now: float) -> Sequence[float | None]:
        return samples.latest(int(now), SECONDS)

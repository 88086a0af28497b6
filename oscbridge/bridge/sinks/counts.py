"""The counters of the messages of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["SinkCounts"]


class SinkCounts(NamedTuple):
    """All at one time: ``offered = sent + dropped + queued + in_flight``."""

    offered: int
    sent: int
    dropped: Mapping[str, int]
    """By reason."""
    queued: int
    in_flight: int
    """Messages taken from the queue that are neither sent nor dropped yet."""

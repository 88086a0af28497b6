"""The sections of the benchmarks, and the figures that they produce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SECTIONS = (
    "start",
    "idle",
    "drain",
    "packets",
    "threads",
    "forks",
    "streams",
    "encode",
    "routes",
    "shows",
    "loads",
    "dashboards",
    "paced",
    "crowds",
    "mqtt",
    "brokers",
    "hop",
    "oscquery",
    "midi",
    "capacity",
)


@dataclass(frozen=True)
class Figure:
    """One measurement of oscbridge, e.g. ``asyncio, 200 mapped``: 3.1 µs per message."""

    name: str
    """Unique within its section."""
    value: float
    """Greater than 0."""
    unit: str
    better: Literal["lower", "higher"]

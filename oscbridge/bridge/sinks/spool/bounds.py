"""Where a spool is, and its limits; apart from it, because a spool needs SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SpoolBounds"]


@dataclass(frozen=True)
class SpoolBounds:
    """Where a spool is, and its limits."""

    path: Path
    size: int
    """Bytes."""
    age: float
    """Seconds of running time."""
    clock: Callable[[], float] = time.monotonic
    """A monotonic clock."""
